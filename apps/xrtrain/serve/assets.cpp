// What the pages load: style and script.
#include <string>

#include "apps/html/page.h"
#include "apps/xrtrain/serve/pages.h"

namespace xr::apps::serve {

std::string style() {
  static constexpr std::string_view own = R"css(
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:.5rem;background:var(--ground);padding:.5rem}
:focus-visible{outline:3px solid var(--c0);outline-offset:2px}
[aria-current]{font-weight:600;color:var(--text);text-decoration:none}
h1{overflow-wrap:anywhere}
h4{margin:1rem 0 .3rem}
#drop{border:2px dashed var(--line);border-radius:8px;background:var(--panel);padding:1.2rem;margin:.8rem 0;max-width:46rem}
#drop.over{border-color:var(--c0);background:color-mix(in srgb,var(--c0) 14%,var(--panel))}
#drop label{display:block;font-weight:600;margin-bottom:.6rem}
#drop .note{margin-bottom:0}
input,select,button{font:inherit;color:inherit;max-width:100%}
button,select,input::file-selector-button{font:inherit;color:inherit;background:var(--ground);border:1px solid var(--faint);
border-radius:6px;padding:.35rem .7rem;min-height:2.4rem}
button,input::file-selector-button{cursor:pointer}
#status{min-height:1.5rem;font-weight:600}
#status.error{color:var(--serious)}
#result[aria-busy=true]{opacity:.5}
.filter{display:flex;flex-wrap:wrap;gap:.6rem 1.2rem;align-items:center;margin:.8rem 0}
.images{list-style:none;padding:0;max-width:none;display:grid;gap:1rem;
grid-template-columns:repeat(auto-fill,minmax(min(100%,10.5rem),1fr))}
.images a{display:flex;flex-direction:column;color:var(--text);text-decoration:none;font-size:.875rem;line-height:1.35;
border-radius:6px;overflow-wrap:anywhere}
.images a:hover .name{text-decoration:underline}
.images img,.absent{width:100%;height:auto;aspect-ratio:1;object-fit:contain;background:#000;border-radius:6px}
.absent{display:flex;align-items:center;justify-content:center;text-align:center;padding:1rem;color:#c9d1d9}
.name{color:var(--faint);margin:.3rem 0 .1rem}
.right,.wrong{font-weight:600}
.right{color:var(--ok)}.wrong{color:var(--serious)}
.wrong::before{content:"\2715\a0"}.right::before{content:"\2713\a0"}
figure img{display:block;width:100%;max-width:40rem}
nav{align-items:baseline}
.columns nav{margin:.3rem 0}
@media screen and (max-width:40rem){.images{grid-template-columns:repeat(2,minmax(0,1fr))}
.filter label{flex:1 1 100%;display:flex;justify-content:space-between;align-items:center;gap:.6rem}}
)css";
  return std::string(html::style_sheet()) + std::string(own);
}

std::string_view script() {
  return R"js('use strict';
// Sends a chosen or dropped file and shows the answer. The server keeps nothing of it, and never learns its name.
const input = document.getElementById('file');
if (input) {
  const zone = document.getElementById('drop'), status = document.getElementById('status');
  const result = document.getElementById('result');
  let latest = 0;

  const report = (text, failed) => {
    status.textContent = text;
    status.classList.toggle('error', failed);
  };

  const predict = async (file, others) => {
    const number = ++latest;
    if (file.size > Number(zone.dataset.limit)) {
      report(`${file.name} is larger than ${zone.dataset.limitText}.`, true);
      return;
    }
    result.replaceChildren();
    result.setAttribute('aria-busy', 'true');
    report(`Predicting ${file.name} …`, false);
    let answer, failure = '';
    try {
      const response = await fetch('/predict', {
        method: 'POST', body: file, headers: {'Content-Type': 'application/octet-stream'}});
      if (response.headers.get('Content-Type') === 'application/json') answer = await response.json();
      else failure = await response.text();
    } catch (error) {
      failure = 'The program does not answer, or the file cannot be read. Is xrtrain serve still running?';
    }
    if (number !== latest) return;  // another file came after it
    result.removeAttribute('aria-busy');
    if (answer && answer.error) failure = answer.error;
    if (failure) {
      report(`${file.name}: ${failure}`, true);
      return;
    }
    result.innerHTML = answer.html;
    report(`${file.name}: ${answer.summary}.` + (others ? ' Only the first file was predicted.' : ''), false);
  };

  const take = (files) => {
    if (files.length > 0) predict(files[0], files.length > 1);
  };
  input.addEventListener('change', () => take(input.files));
  // The whole page takes files: one that misses the box does not replace the page.
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    zone.classList.add('over');
  });
  document.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) zone.classList.remove('over');
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    zone.classList.remove('over');
    take(event.dataTransfer.files);
  });
}
)js";
}

}  // namespace xr::apps::serve
