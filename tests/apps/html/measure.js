// For check_pages.sh: measures the page in the frame and writes its height and its faults, one a line. With ?print
// in the address the page's rules for print hold.
window.addEventListener('load', () => {
  const frame = document.getElementById('page'), page = frame.contentDocument;
  const width = frame.clientWidth, faults = [];
  const name = (element) => element.tagName + ' "' + (element.textContent || '').trim().slice(0, 50) + '"';
  const fault = (what, element) => faults.length < 20 && faults.push(what + ': ' + name(element));
  const style = (element) => frame.contentWindow.getComputedStyle(element);
  // A matrix of many classes alone may be wider than its place.
  const scrolls = (element) => element.closest('.scroll.wide') !== null;
  if (document.location.search === '?print')
    for (const sheet of page.querySelectorAll('style')) {
      const screen = sheet.textContent.replaceAll('@media screen', '@media not all');
      if (screen.split('@media print').length !== 2) faults.push('the page has no rules for print');
      sheet.textContent = screen.replace('@media print', '@media all');
    }
  for (const closed of page.querySelectorAll('details')) closed.open = true;
  if (page.documentElement.scrollWidth > width) faults.push('the page is ' + page.documentElement.scrollWidth + ' px wide');
  for (const element of page.body.querySelectorAll('*')) {
    const box = element.getBoundingClientRect();
    if (box.width === 0 || scrolls(element)) continue;
    if (box.right > width + 0.5 || box.left < -0.5) fault('leaves the page', element);
    if (style(element).overflowX === 'hidden' && element.scrollWidth > element.clientWidth + 1) fault('is cut off', element);
    if (element.matches('.scroll') && element.scrollWidth > element.clientWidth + 1)
      fault('is ' + element.scrollWidth + ' px wide, has room for ' + element.clientWidth, element);
  }
  const tables = [...page.querySelectorAll('table, figure, dl, pre')].filter((e) => !scrolls(e))
      .map((element) => [element, element.getBoundingClientRect()]);
  tables.forEach(([element, box], i) => {
    for (const [other, around] of tables.slice(i + 1))
      if (!element.contains(other) && Math.min(box.right, around.right) - Math.max(box.left, around.left) > 1 &&
          Math.min(box.bottom, around.bottom) - Math.max(box.top, around.top) > 1)
        fault('covers ' + name(other), element);
  });
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
