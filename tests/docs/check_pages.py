"""The pages of the documentation, as a whole.

    check_pages.py SOURCE_FOLDER [--links | --pages]

--links: every relative link of every page, and its anchor, exists.
--pages: docs/README.md links every page, mkdocs.yml lists it, the README is short, and pictures are small.
"""
import pathlib
import re
import shutil
import subprocess
import sys

LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)\)")
PICTURE = re.compile(r"<img src=\"([^\"]+)\"")
MAX_README_LINES = 120
MAX_PICTURE_BYTES = 150_000


def pages(source):
    """The Markdown files, as paths relative to the source folder: as Git has them, else all."""
    listed = shutil.which("git") and subprocess.run(
        ["git", "-C", source, "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        capture_output=True, text=True)
    if listed and listed.returncode == 0:
        names = listed.stdout.split()
    else:
        names = [str(path.relative_to(source)) for path in source.rglob("*.md")]
    return sorted(pathlib.Path(name) for name in names if not name.startswith("build") and (source / name).exists())


def without_code(text):
    """The text without fenced and indented blocks."""
    lines, fenced = [], False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced and not line.startswith("    "):
            lines.append(line)
    return "\n".join(lines)


def anchors(text):
    """The anchors of the headings, as GitHub makes them."""
    found = {}
    for heading in re.findall(r"^#+ +(.*?) *$", without_code(text), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        count = found.get(slug, -1) + 1
        found[slug] = count
        if count:
            found[f"{slug}-{count}"] = 0
    return set(found)


def links(text):
    """Link targets outside of code."""
    plain = re.sub(r"`[^`\n]*`", "", without_code(text))
    return LINK.findall(plain) + PICTURE.findall(plain)


def check_links(source):
    wrong, count = [], 0
    for page in pages(source):
        for target in links((source / page).read_text()):
            if re.match(r"[a-z]+:", target):
                continue
            count += 1
            path, _, anchor = target.partition("#")
            file = (source / page.parent / path).resolve() if path else source / page
            if not file.exists():
                wrong.append(f"{page}: {target}: no such file")
            elif anchor and (file.suffix != ".md" or anchor not in anchors(file.read_text())):
                wrong.append(f"{page}: {target}: no such heading")
    return wrong, f"checked {count} links"


def check_pages(source):
    wrong = []
    index = {str((pathlib.Path("docs") / target.partition("#")[0]))
             for target in links((source / "docs/README.md").read_text())}
    index = {str(pathlib.Path(*resolve(name.split("/")))) for name in index}
    site = re.findall(r"^ *- .*?: *(\S+\.md)$", (source / "mkdocs.yml").read_text(), re.MULTILINE)
    outside = {"README.md", "docs/README.md"}
    for page in map(str, pages(source)):
        if page not in site:
            wrong.append(f"mkdocs.yml does not list {page}: add it to nav")
        if page not in index and page not in outside and page.startswith("docs/"):
            wrong.append(f"docs/README.md does not link {page}: add it to a table")
    wrong += [f"mkdocs.yml lists {name}, which does not exist" for name in site if not (source / name).exists()]
    lines = len((source / "README.md").read_text().splitlines())
    if lines > MAX_README_LINES:
        wrong.append(f"README.md has {lines} lines, more than {MAX_README_LINES}: move some to docs/")
    for picture in (source / "docs").rglob("*.png"):
        if picture.stat().st_size > MAX_PICTURE_BYTES:
            wrong.append(f"{picture.relative_to(source)} has {picture.stat().st_size} bytes, "
                         f"more than {MAX_PICTURE_BYTES}: docs/pictures/draw.sh draws it smaller")
    return wrong, f"checked {len(site)} pages"


def resolve(parts):
    """Path parts without "..", which are names of files that need not be there."""
    result = []
    for part in parts:
        if part == "..":
            result.pop()
        else:
            result.append(part)
    return result


def main():
    source = pathlib.Path(sys.argv[1]).resolve()
    wrong, done = check_links(source) if "--links" in sys.argv else check_pages(source)
    for line in wrong:
        print(line)
    if wrong:
        sys.exit(1)
    print(done)


if __name__ == "__main__":
    main()
