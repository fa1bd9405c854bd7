// Colours of the series: Okabe and Ito, "Color universal design" (2008), lightened on dark ground; every
// series has its own dashes and marks too.
#include "apps/html/page.h"

namespace xr::html {

std::string_view style_sheet() {
  return R"css(
:root{color-scheme:light dark;--ground:#fff;--panel:#f5f6f8;--text:#1b1f24;--faint:#57606a;--line:#d0d7de;
--c0:#0060a8;--c1:#c04f00;--c2:#00795a;--c3:#a8488a;--c4:#7a6000;--c5:#2f7fb5;
--ok:#1a6b36;--warning:#8a5200;--serious:#b3202a;--sign:#fff;--hit:#00795a;--miss:#c04f00}
@media screen and (prefers-color-scheme:dark){:root{--ground:#0f1318;--panel:#1a2027;--text:#e6e9ed;--faint:#a3acb8;
--line:#3a434e;--c0:#6cb6f5;--c1:#f0964a;--c2:#3fc79a;--c3:#e08fc4;--c4:#d9bd45;--c5:#9fd3f7;
--ok:#56c47c;--warning:#e8ab45;--serious:#ff7b80;--sign:#0f1318;--hit:#2fa37e;--miss:#c9732b}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0 auto;padding:1rem;max-width:68rem;background:var(--ground);color:var(--text);
font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.6rem;line-height:1.2;margin:.5rem 0}
h2{font-size:1.25rem;margin:2.2rem 0 .6rem;padding-bottom:.25rem;border-bottom:1px solid var(--line)}
h3{font-size:1.02rem;margin:1.4rem 0 .4rem}
header p,.note,figcaption,caption,small{color:var(--faint)}
.note,caption{font-size:.875rem}
p,ul{margin:.5rem 0;max-width:46rem}
ul{padding-left:1.3rem}
a{color:var(--c0)}
nav{display:flex;flex-wrap:wrap;gap:.1rem 1rem;margin:.75rem 0;font-size:.95rem}
nav a{padding:.2rem 0}
code{font:.9em ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
pre{background:var(--panel);border:1px solid var(--line);border-radius:6px;padding:.7rem;white-space:pre-wrap;
margin:.6rem 0}
details{margin:.6rem 0}
summary{cursor:pointer;padding:.25rem 0;color:var(--c0)}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,21rem),1fr));gap:0 2rem;align-items:start}
.columns>div{min-width:0}
.beside{display:flex;flex-wrap:wrap;gap:0 2rem;align-items:flex-start}
.beside>div{min-width:0;max-width:100%}
.badge{display:inline-flex;align-items:center;gap:.3em;font-weight:600;font-size:.85rem;border:1.5px solid;
border-radius:1em;padding:.05em .6em;white-space:nowrap}
.badge svg{fill:currentColor;flex:none}
.badge .sign{stroke:var(--sign);stroke-width:1.8;fill:none}
.badge.ok{color:var(--ok)}.badge.warning{color:var(--warning)}.badge.serious{color:var(--serious)}
.callout{border:1px solid var(--line);border-left:5px solid;border-radius:6px;background:var(--panel);
padding:.3rem .9rem;margin:.7rem 0;max-width:52rem}
.callout.ok{border-left-color:var(--ok)}.callout.warning{border-left-color:var(--warning)}
.callout.serious{border-left-color:var(--serious)}
.scroll{overflow-x:auto;margin:.7rem 0}
table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums;overflow-wrap:normal}
caption{text-align:left;padding-bottom:.3rem}
th,td{padding:.3rem .7rem;border-bottom:1px solid var(--line);vertical-align:top}
thead th{border-bottom:2px solid var(--line);color:var(--faint);font-weight:600;vertical-align:bottom}
tbody th{font-weight:500;min-width:7rem;overflow-wrap:anywhere}
.l{text-align:left}.r{text-align:right}.c{text-align:center}
.confusion td{text-align:center;min-width:5.5rem;line-height:1.25;border:1px solid var(--line);
background:color-mix(in srgb,var(--miss) var(--share),transparent)}
.confusion td.hit{background:color-mix(in srgb,var(--hit) var(--share),transparent)}
.confusion small{color:inherit}
dl{margin:.6rem 0;font-size:.95rem;max-width:52rem}
dl>div{display:grid;grid-template-columns:minmax(6rem,2fr) 5fr;gap:.8rem;border-bottom:1px solid var(--line);
padding:.25rem 0}
dt{color:var(--faint)}dd{margin:0;min-width:0}
figure{margin:.8rem 0;break-inside:avoid}
figure.chart{max-width:35rem}
figcaption{font-size:.9rem}
.chart figcaption b{color:var(--text);display:block}
.legend{display:flex;flex-wrap:wrap;gap:.1rem 1.1rem}
.legend span{display:inline-flex;align-items:center;gap:.4rem;min-width:0}
.legend svg{flex:none}
.chart>svg{display:block;width:100%;height:auto}
svg text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-size:12px;
fill:var(--faint)}
svg text.value{fill:var(--text)}
.grid{stroke:var(--line);stroke-width:1;fill:none}
.axis{stroke:var(--faint);stroke-width:1;fill:none}
.reference{stroke:var(--faint);stroke-width:1.2;stroke-dasharray:4 4;fill:none}
.s{fill:none;stroke-width:2;stroke-linejoin:round}
.band{stroke:none;opacity:.17}
.whisker{stroke:var(--text);stroke-width:1.4;fill:none}
.c0{stroke:var(--c0)}.c1{stroke:var(--c1)}.c2{stroke:var(--c2)}.c3{stroke:var(--c3)}.c4{stroke:var(--c4)}
.c5{stroke:var(--c5)}
.f0{fill:var(--c0)}.f1{fill:var(--c1)}.f2{fill:var(--c2)}.f3{fill:var(--c3)}.f4{fill:var(--c4)}.f5{fill:var(--c5)}
.d1{stroke-dasharray:7 3}.d2{stroke-dasharray:2 3}.d3{stroke-dasharray:9 3 2 3}.d4{stroke-dasharray:4 2}
.d5{stroke-dasharray:1 2}
img{max-width:100%;height:auto;background:#000;border-radius:3px}
.thumbnails{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,11rem),1fr));gap:1rem;margin:.8rem 0}
.thumbnails:has(.pair){grid-template-columns:repeat(auto-fill,minmax(min(100%,19rem),1fr))}
.thumbnail{margin:0;min-width:0}
.pictures{display:flex;gap:.4rem}
.pictures img{width:100%;object-fit:contain}
.zoom{position:relative;flex:1 1 0;min-width:0;cursor:zoom-in}
.zoom input{position:absolute;opacity:0;inset:0;margin:0;width:100%;height:100%;cursor:inherit}
.zoom input:focus-visible+img{outline:3px solid var(--c0);outline-offset:2px}
@media screen{.zoom:has(:checked){cursor:zoom-out}
.zoom :checked{position:fixed;z-index:2}
.zoom :checked+img{position:fixed;inset:0;width:100vw;height:100vh;z-index:1;border-radius:0;
background:#000;image-rendering:auto}}
footer{margin-top:2rem}
@media screen and (max-width:40rem){
.beside>div{flex:1 1 100%}
.rows,.rows tbody,.rows caption{display:block}
.rows thead{display:none}
.rows tr{display:block;padding:.35rem 0;border-bottom:1px solid var(--line)}
.rows th,.rows td{border:0;padding:.1rem 0}
.rows tbody th{display:block;text-align:left;font-weight:600}
.rows td{display:flow-root;text-align:right}
.rows td::before{content:attr(data-name);float:left;margin-right:1rem;color:var(--faint)}
.rows td:empty{display:none}
.confusion th,.confusion td{padding:.3rem .4rem}
.confusion td,.confusion tbody th{min-width:0}
.confusion th{overflow-wrap:anywhere}
.scroll:not(.wide) .confusion{width:100%;table-layout:fixed}}
@page{margin:15mm}
@media print{html{font-size:10pt}body{max-width:none;padding:0}th,td{padding:.25rem .45rem}
.columns:has(figure){grid-template-columns:repeat(2,minmax(0,1fr));gap:0 1.5rem}nav{display:none}.scroll{overflow:visible}
h2,h3{break-after:avoid}.callout,tr,pre{break-inside:avoid}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
)css";
}

}  // namespace xr::html
