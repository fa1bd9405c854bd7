// For check_pages.sh: measures the page in the frame and writes its height and its faults, one a line. With ?print
// in the address the page's rules for print hold.
//
// checkAccess() has the rules of axe-core and of WCAG 2.2 (level AA) that such a page can break: names of pictures, charts,
// links and inputs (1.1.1, 2.4.4, 4.1.2), language and title (3.1.1, 2.4.2), landmarks and headings (1.3.1), heads of
// tables (1.3.1), contrast of text (1.4.3: 4.5, or 3 from 24 px on and from 18.66 px in bold), order of focus (2.4.3).
function checkAccess(page, view, fault, say) {
  if (!page.documentElement.lang) say('the page has no language');
  if (!page.title.trim()) say('the page has no title');
  for (const [what, count] of [['h1', 1], ['main', 1], ['header', 1]])
    if (page.querySelectorAll('body ' + what).length !== count) say('the page has not ' + count + ' ' + what);
  let level = 0;
  for (const heading of page.querySelectorAll('h1, h2, h3, h4, h5, h6')) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) fault('skips a level of headings', heading);
    level = next;
  }
  const ids = new Set();
  for (const element of page.querySelectorAll('[id]')) {
    if (ids.has(element.id)) fault('has an id of another element, ' + element.id, element);
    ids.add(element.id);
  }
  for (const link of page.querySelectorAll('a')) {
    if (!link.textContent.trim() && !link.getAttribute('aria-label')) fault('is a link without text', link);
    const target = link.getAttribute('href') || '';
    if (target.startsWith('#') && !ids.has(target.slice(1))) fault('leads nowhere: ' + target, link);
  }
  for (const image of page.images) if (!(image.getAttribute('alt') || '').trim()) fault('has no alternative text', image);
  for (const drawing of page.querySelectorAll('svg')) {
    const name = drawing.getAttribute('aria-label') || drawing.querySelector(':scope > title');
    if (drawing.getAttribute('aria-hidden') !== 'true' && (drawing.getAttribute('role') !== 'img' || !name))
      fault('is a drawing without a name', drawing.parentElement);
  }
  for (const input of page.querySelectorAll('input, select, textarea, button'))
    if (!input.getAttribute('aria-label') && !(input.labels && [...input.labels].some((l) => l.textContent.trim())) &&
        !input.textContent.trim()) fault('has no name', input);
  for (const head of page.querySelectorAll('th')) if (!head.getAttribute('scope')) fault('is a head without a scope', head);
  for (const element of page.querySelectorAll('[tabindex]'))
    if (element.tabIndex > 0) fault('has a place of its own in the order of focus', element);
  // "rgb(1, 2, 3)", "rgba(1, 2, 3, 0.5)", "color(srgb 0.1 0.2 0.3 / 0.5)": red, green, blue from 0 to 1, opacity.
  const parse = (text) => {
    const numbers = (text.match(/[\d.e-]+(?=[,\s)/]|$)/g) || []).map(Number);
    const scale = text.startsWith('color(') ? 1 : 255;
    return [numbers[0] / scale, numbers[1] / scale, numbers[2] / scale, numbers.length > 3 ? numbers[3] : 1];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const ground = (element) => {
    const layers = [];
    for (let e = element; e !== null; e = e.parentElement) {
      const layer = parse(view.getComputedStyle(e).backgroundColor);
      layers.push(layer);
      if (layer[3] === 1) break;
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [1, 1, 1, 1]);
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  for (const element of page.body.querySelectorAll('*')) {
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())) continue;
    if (element.closest('script, style, title') || element.getBoundingClientRect().width === 0) continue;
    const style = view.getComputedStyle(element), below = ground(element);
    const colour = over(parse(element.closest('svg') ? style.fill : style.color), below);
    const [light, dark] = [luminance(colour), luminance(below)].sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05), size = parseFloat(style.fontSize);
    const needed = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    if (contrast < needed) fault('has a contrast of ' + contrast.toFixed(2) + ' (' + style.color + ' on ' + below.map((c) => c.toFixed(2)) + ')', element);
  }
}

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
      const screen = sheet.textContent.replaceAll('@media screen', '@media speech');
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
  checkAccess(page, frame.contentWindow, fault, (text) => faults.push(text));
  for (const box of page.querySelectorAll('.zoom > input')) {
    box.checked = true;
    const large = box.nextElementSibling.getBoundingClientRect();
    if (document.location.search !== '?print' && (large.width < width - 1 || large.height < frame.clientHeight - 1))
      fault('does not open large', box.parentElement);
    box.checked = false;
  }
  document.getElementById('result').textContent =
      '\nheight ' + Math.ceil(page.documentElement.scrollHeight) + '\n' + faults.join('\n') + '\n';
});
