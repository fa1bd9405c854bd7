"""axe-core on the pages that xrtrain writes and serves, in headless Chromium (XR_CHROMIUM names it).

    check_axe.py XRTRAIN IMAGE PAGE_OR_RUN...

Opens each page, and of each folder of a run the pages of `xrtrain serve RUN` before and after the upload of IMAGE, light and
dark, and lists what breaks WCAG 2.0 to 2.2, levels A and AA, or axe-core's best practices. axe-core comes with the package
axe-playwright-python. Exit status 77 without the package, a browser, or an HTTP server in XRTRAIN.
"""
import importlib.util
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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "serve"))
from browser import Browser  # noqa: E402

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SERVED = ("/", "/images", "/images?show=errors&sort=name", "/images/0", "/report")

# One text for each rule that the shown page breaks, with its first elements; and how many rules it keeps.
RUN = """(async () => {
  document.querySelectorAll('details').forEach((closed) => closed.open = true);
  const result = await axe.run(document, {runOnly: {type: 'tag', values: %s}});
  return {kept: result.passes.length, broken: result.violations.map((rule) => rule.id + ': ' + rule.help + ': ' +
    rule.nodes.slice(0, 3).map((node) => node.html.slice(0, 100) + ' ' + node.any.concat(node.all, node.none)
      .map((check) => check.message).join('; ')).join(' | '))};
})()""" % json.dumps(TAGS)

MIN_RULES = 10  # that a page of these keeps: fewer mean that axe-core has not seen it

checked, failures = [], []


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def axe_source():
    package = importlib.util.find_spec("axe_playwright_python")
    path = pathlib.Path(package.origin).parent / "axe.min.js" if package else None
    if not path or not path.is_file():
        skip(f"{sys.executable} has no axe-core (pip install --no-deps axe-playwright-python)")
    return path.read_text(encoding="utf-8")


def check_page(browser, name, axe):
    checked.append(name)
    browser.value(axe + "; 0")
    for scheme in ("light", "dark"):
        browser.set_scheme(scheme)
        result = browser.value(RUN)
        broken = result["broken"]
        if result["kept"] < MIN_RULES:
            broken.append(f"only {result['kept']} rules looked at the page")
        for rule in broken:
            failures.append(name)
            print(f"FAILED: {name}, {scheme}: {rule}")


def check_axe_sees(browser):
    """A fault that is planted into the page that is shown."""
    browser.value("document.documentElement.removeAttribute('lang')")
    if not any(rule.startswith("html-has-lang") for rule in browser.value(RUN)["broken"]):
        failures.append("axe-core")
        print("FAILED: axe-core does not see that the page's language is missing")


def check_served(browser, program, run, image, axe):
    server = subprocess.Popen([program, "serve", run, "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        site = re.search(r"at (http://\S+)/ ", server.stdout.readline()).group(1)
        for path in SERVED:
            browser.go(site + path)
            check_page(browser, f"{run.name}, serve {path}", axe)
        browser.go(site + "/")
        browser.choose_file("#file", image)
        browser.wait_for("document.querySelector('#result h3') !== null && "
                         "document.querySelector('#result img').complete")
        check_page(browser, f"{run.name}, serve, a prediction", axe)
        browser.choose_file("#file", __file__)
        browser.wait_for("document.getElementById('status').classList.contains('error')")
        check_page(browser, f"{run.name}, serve, a refused upload", axe)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=60)


def main(program, image, places):
    chromium = os.environ.get("XR_CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not chromium:
        skip("no Chromium here (apt-get install chromium)")
    if "HTTP: none" in subprocess.run([program, "info"], capture_output=True, text=True, check=True).stdout:
        skip("no HTTP server in the program")
    axe = axe_source()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(chromium, profile)
        try:
            for place in places:
                if place.is_dir():
                    check_served(browser, program, place, image, axe)
                    continue
                browser.go(place.resolve().as_uri())
                check_page(browser, place.name, axe)
            check_axe_sees(browser)
            print(f"axe-core {browser.value('axe.version')}: {len(set(checked))} pages, light and dark, "
                  f"{len(failures)} broken rules")
        finally:
            browser.end()
            time.sleep(0.2)  # the browser's last files
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), list(map(pathlib.Path, sys.argv[3:]))))
