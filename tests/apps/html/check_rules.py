"""The rules of measure.js find the faults that are planted into a page, one at a time, in headless Chromium.

    check_rules.py PAGE

PAGE keeps all rules (write_sample_page makes it). XR_CHROMIUM names the browser. Exit status 77 without one.
"""
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "xrtrain/serve"))
from browser import Browser  # noqa: E402

RULES = (HERE / "measure.js").read_text(encoding="utf-8")

# What is done to the page, and the beginning of what measure.js says of it. `one` gives the first element of a selector.
PLANTED = [
    ("document.documentElement.removeAttribute('lang')", "the page has no language"),
    ("document.title = ' '", "the page has no title"),
    ("one('h1').remove()", "the page has not 1 h1"),
    ("one('main').outerHTML = '<div>' + one('main').innerHTML + '</div>'", "the page has not 1 main"),
    ("one('header').outerHTML = '<div>' + one('header').innerHTML + '</div>'", "the page has not 1 header"),
    ("one('main').append(document.createElement('main'))", "the page has not 1 main"),
    ("one('h2').outerHTML = '<h4>Skipped</h4>'", "skips a level of headings"),
    ("one('main').insertAdjacentHTML('beforeend', '<p id=\"twice\">a</p><p id=\"twice\">b</p>')", "has an id of another"),
    ("one('main').insertAdjacentHTML('beforeend', '<a href=\"x\"> </a>')", "is a link without text"),
    ("one('main').insertAdjacentHTML('beforeend', '<a href=\"#nowhere\">x</a>')", "leads nowhere"),
    ("one('img').alt = ''", "has no alternative text"),
    ("one('svg[role=img]').removeAttribute('role')", "is a drawing without a name"),
    ("one('main').insertAdjacentHTML('beforeend', '<input type=\"text\"/>')", "has no name"),
    ("one('main').insertAdjacentHTML('beforeend', '<button></button>')", "has no name"),
    ("one('th').removeAttribute('scope')", "is a head without a scope"),
    ("one('main').tabIndex = 1", "has a place of its own in the order of focus"),
    ("one('h1').style.color = '#888'; one('h1').style.background = '#777'", "has a contrast of"),
]

MEASURE = """(() => {
  const one = (selector) => document.querySelector(selector), found = [];
  %s;
  checkAccess(document, window, (what, e) => found.push(what + ': ' + e.tagName), (what) => found.push(what));
  return found;
})()"""


def main(page):
    chromium = os.environ.get("XR_CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not chromium:
        print("skipped: no Chromium here (apt-get install chromium)")
        return 77
    failures = 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(chromium, profile)
        try:
            for fault, expected in [("0", None), *PLANTED]:
                browser.go("about:blank")
                browser.go(page.as_uri())
                browser.value(RULES)
                found = browser.value(MEASURE % fault)
                right = not found if expected is None else any(text.startswith(expected) for text in found)
                if not right:
                    failures += 1
                    print(f"FAILED: {fault}: {json.dumps(found)} instead of {expected or 'no fault'}")
        finally:
            browser.end()
            time.sleep(0.2)  # the browser's last files
    print(f"checked that measure.js finds {len(PLANTED)} planted faults, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
