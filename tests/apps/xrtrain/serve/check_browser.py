"""`xrtrain serve` in headless Chromium (XR_CHROMIUM names it), as someone at the keyboard uses it.

    check_browser.py XRTRAIN RUN IMAGE FOLDER

Opens the pages at the widths of a phone, a small window and a desktop, filters the list, sends IMAGE and a file that is no
image, drops an image, and asks from another site. Nothing may be wider than its place, lack a name for a screen reader or
write to the console. Screenshots go into FOLDER. Exit status 77 without a browser or without an HTTP server in XRTRAIN.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from browser import Browser

WIDTHS = (390, 800, 1280)
PAGES = {"home": "/", "images": "/images", "image": "/images/0", "report": "/report"}

# What is wrong with the page that is shown, as a list of texts: its places here, and the rules of accessibility that hold
# for all pages.
RULES = pathlib.Path(__file__).resolve().parents[2] / "html/measure.js"
FAULTS = """(() => {
  const faults = [], width = document.documentElement.clientWidth;
  const name = (e) => e.tagName + ' "' + (e.textContent || e.alt || '').trim().slice(0, 40) + '"';
  if (document.documentElement.scrollWidth > width)
    faults.push('the page is ' + document.documentElement.scrollWidth + ' px wide');
  for (const e of document.body.querySelectorAll('*')) {
    const box = e.getBoundingClientRect();
    if (box.width === 0 || e.closest('.skip, .scroll.wide')) continue;
    if (box.right > width + 0.5 || box.left < -0.5) faults.push('leaves the page: ' + name(e));
  }
  for (const e of document.images)
    if (!e.complete || e.naturalWidth === 0) faults.push('shows no picture: ' + e.src.slice(0, 60));
  checkAccess(document, window, (what, e) => faults.push(what + ': ' + name(e)), (what) => faults.push(what));
  return faults.slice(0, 20);
})()"""

failures = []


def check(right, what):
    if not right:
        failures.append(what)
        print(f"FAILED: {what}")


def check_page(browser, name, folder):
    """The page that is shown, at all widths, light and dark."""
    browser.value(RULES.read_text())
    for width in WIDTHS:
        browser.set_width(width)
        for scheme in ("light", "dark"):
            browser.set_scheme(scheme)
            faults = browser.value(FAULTS) + browser.complaints()
            check(not faults, f"{name} at {width} px, {scheme}: {faults}")
            if name != "report":
                browser.screenshot(width, folder / f"serve-{name}-{width}-{scheme}.png")


def check_pages(browser, site, folder):
    for name, path in PAGES.items():
        browser.go(site + path)
        check_page(browser, name, folder)


def check_filter(browser, site):
    browser.go(site + "/images")
    count = "document.querySelectorAll('.images li').length"
    total, wrong = browser.value(count), browser.value("document.querySelectorAll('.images .wrong').length")
    browser.value("document.querySelector('select[name=show]').value = 'errors'")
    browser.value("document.querySelector('.filter button').click()")
    browser.wait_for("location.search.includes('show=errors') && document.readyState === 'complete'")
    check(browser.value(count) == wrong, f"the filter shows {browser.value(count)} of {wrong} errors")
    browser.go(site + "/images?show=all&sort=name")
    check(browser.value(count) == total, "the list shows all images again")
    browser.value("document.querySelector('.images a').click()")
    browser.wait_for("/images\\/\\d+/.test(location.pathname) && document.readyState === 'complete'")
    check(browser.value("document.querySelector('img[src*=\"map.png\"]').naturalWidth") > 400, "a click shows the map")


def check_keyboard(browser, site):
    """The tab key alone reaches the file's button, behind the links, and what has the focus shows it."""
    browser.go(site + "/")
    reached = []
    for _ in range(8):
        browser.press_tab()
        reached.append(browser.value("document.activeElement.id || document.activeElement.textContent.trim()"))
        if reached[-1] == "file":
            break
    check(reached[0].startswith("Skip to"), f"the first tab skips the links: {reached}")
    check(reached[-1] == "file", f"the tab key reaches the file: {reached}")
    outline = browser.value("getComputedStyle(document.activeElement).outline")
    check("solid" in outline and "0px" not in outline, f"the focus is seen: {outline}")


def check_uploads(browser, site, image, expected, folder):
    status = "document.getElementById('status').textContent"
    browser.go(site + "/")
    browser.choose_file("#file", image)
    browser.wait_for("document.querySelector('#result h3') !== null && document.querySelector('#result img').complete")
    text = browser.value("document.getElementById('result').textContent")
    for part in (*expected[1:], "Not a medical device.", "Calibration"):
        check(part in text, f"the prediction has {part}")
    check(expected[0] in browser.value(status), "the status, which is read aloud, has the class")
    check_page(browser, "prediction", folder)
    browser.choose_file("#file", __file__)
    browser.wait_for("document.getElementById('status').classList.contains('error')")
    check("not an image" in browser.value(status), f"a file that is no image: {browser.value(status)}")
    check(browser.value("document.getElementById('result').textContent") == "", "the old prediction is gone")
    browser.complaints()  # the console lists the status 415
    browser.value("""(async () => {
      const bytes = await (await fetch('/images/0/picture.png')).blob(), data = new DataTransfer();
      data.items.add(new File([bytes], 'dropped.png'));
      document.body.dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}));
    })()""")
    browser.wait_for("document.querySelector('#result h3') !== null")
    check("dropped.png" in browser.value(status), "a dropped image is predicted")


def check_other_site(browser, site):
    """The same server under its other name is another site to the browser."""
    browser.go(site.replace("127.0.0.1", "localhost") + "/")
    for request in (f"fetch('{site}/')", f"fetch('{site}/predict', {{method: 'POST', body: 'x'}})"):
        check(browser.value(f"{request}.then(() => 'answered', () => 'refused')") == "refused", f"{request} is refused")
    browser.complaints()


def main(program, run, image, folder):
    chromium = os.environ.get("XR_CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not chromium or "HTTP: none" in subprocess.run([program, "info"], capture_output=True, text=True).stdout:
        print("skipped: no Chromium here (apt-get install chromium), or no HTTP server in the program")
        return 77
    folder.mkdir(parents=True, exist_ok=True)
    predicted = json.loads(subprocess.run([program, "predict", run, image, "--json"], capture_output=True, text=True,
                                          check=True).stdout)
    result = predicted["class"] if "class" in predicted else ", ".join(predicted["labels"])
    expected = [result, *(f"{value:.4f}" for value in predicted["probabilities"].values())]
    server = subprocess.Popen([program, "serve", run, "--port", "0"], stdout=subprocess.PIPE, text=True)
    browser = None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        try:
            site = re.search(r"at (http://\S+)/ ", server.stdout.readline()).group(1)
            browser = Browser(chromium, profile)
            check_pages(browser, site, folder)
            check_filter(browser, site)
            check_keyboard(browser, site)
            check_uploads(browser, site, image, expected, folder)
            check_other_site(browser, site)
        finally:
            if browser:
                browser.end()
            server.send_signal(signal.SIGINT)
            check(server.wait(timeout=60) == 0, "serve ends well")
            time.sleep(0.2)  # the browser's last files
    print(f"{len(failures)} checks failed" if failures else "checked the pages of xrtrain serve in a browser")
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]).resolve(), pathlib.Path(sys.argv[4])))
