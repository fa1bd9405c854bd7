// For check_pages.sh: measures the page in the frame and writes its height and its faults, one a line.
window.addEventListener('load', () => {
  const frame = document.getElementById('page'), page = frame.contentDocument;
  const width = frame.clientWidth, faults = [];
  const name = (element) => element.tagName + ' "' + (element.textContent || '').trim().slice(0, 50) + '"';
  const fault = (what, element) => faults.length < 20 && faults.push(what + ': ' + name(element));
  const style = (element) => frame.contentWindow.getComputedStyle(element);
  const scrolls = (element) => {
    for (let e = element; e; e = e.parentElement) if (e.classList.contains('scroll')) return true;
    return false;
  };
  for (const closed of page.querySelectorAll('details')) closed.open = true;
  if (page.documentElement.scrollWidth > width) faults.push('the page is ' + page.documentElement.scrollWidth + ' px wide');
  for (const element of page.body.querySelectorAll('*')) {
    const box = element.getBoundingClientRect();
    if (box.width === 0 || scrolls(element)) continue;
    if (box.right > width + 0.5 || box.left < -0.5) fault('leaves the page', element);
    if (style(element).overflowX === 'hidden' && element.scrollWidth > element.clientWidth + 1) fault('is cut off', element);
  }
  for (const image of page.images) if (!image.complete || image.naturalWidth === 0) fault('shows no picture', image);
  for (const chart of page.querySelectorAll('figure.chart > svg')) {
    const frame_box = chart.getBoundingClientRect();
    const texts = [...chart.querySelectorAll('text')].map((text) => [text, text.getBoundingClientRect()]);
    texts.forEach(([text, box], i) => {
      if (box.left < frame_box.left - 1 || box.right > frame_box.right + 1 || box.top < frame_box.top - 1 ||
          box.bottom > frame_box.bottom + 1) fault('leaves its chart', text);
      if (box.height < 10) fault('is too small to read', text);
      for (const [other, around] of texts.slice(i + 1)) {
        const across = Math.min(box.right, around.right) - Math.max(box.left, around.left);
        const down = Math.min(box.bottom, around.bottom) - Math.max(box.top, around.top);
        if (across > 1 && down > 3) fault('covers ' + name(other), text);
      }
    });
  }
  if (page.querySelectorAll('script').length > 0) faults.push('the page has a script');
  document.getElementById('result').textContent =
      '\nheight ' + Math.ceil(page.documentElement.scrollHeight) + '\n' + faults.join('\n') + '\n';
});
