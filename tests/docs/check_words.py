"""Documentation, help and messages hold none of the words in words.txt.

    check_words.py SOURCE_FOLDER 

Looked at: the text of all Markdown files outside of code, and the string literals of the C++ and CUDA sources. Help is
in docs/commands.md as the program prints it.
"""
import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from check_pages import pages, without_code  # noqa: E402

STRINGS = re.compile(r'(?:(?:R"\((?:.|\n)*?\)")|(?:"(?:[^"\\\n]|\\.)*"))(?:\s*"(?:[^"\\\n]|\\.)*")*')
CODE_SPAN = re.compile(r"`[^`\n]*`")
# A page that shows what programs printed in the past.
RECORDS = {"CHANGELOG.md"}


def rules(text):
    found = []
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            columns = [column for column in line.split("\t") if column]
            strings = columns[0].startswith("string: ")
            found.append((re.compile(columns[0].removeprefix("string: ")), columns[1],
                          re.compile(columns[2]) if len(columns) > 2 else None, strings))
    return found


def strings_of(source):
    """The string literals, adjacent ones joined, with their line numbers."""
    plain = re.sub(r"(?m)^\s*(#include.*|//.*)$", "", source)
    plain = re.sub(r"(?m)(?<=[;,{}) ]) *//(?!/?\S*[\"']).*$", "", plain)
    for match in STRINGS.finditer(plain):
        parts = re.findall(r'"((?:[^"\\\n]|\\.)*)"', match.group(0))
        yield plain.count("\n", 0, match.start()) + 1, "".join(parts)


def sources(folder):
    for top in ("apps", "data", "engine", "kernels", "model"):
        for path in sorted((folder / top).rglob("*")):
            if path.suffix in (".cpp", ".cu", ".h"):
                yield path


def problems(name, texts, is_string, all_rules):
    found = []
    for line, text in texts:
        for pattern, instead, excepted, strings in all_rules:
            if (strings and not is_string) or (excepted and excepted.search(name)):
                continue
            match = pattern.search(text)
            if match:
                found.append(f"{name}:{line}: '{match.group(0).strip()}': write {instead}: {text.strip()[:120]}")
    return found


def check(folder, all_rules):
    found, count = [], 0
    for page in pages(folder):
        if str(page) in RECORDS:
            continue
        text = (folder / page).read_text()
        lines = enumerate((CODE_SPAN.sub("`", line) for line in blank_code(text)), 1)
        found += problems(str(page), lines, False, all_rules)
        count += 1
    for path in sources(folder):
        found += problems(str(path.relative_to(folder)), strings_of(path.read_text()), True, all_rules)
        count += 1
    return found, count


def blank_code(text):
    """The lines, those of code empty."""
    kept = set(without_code(text).splitlines())
    return [line if line in kept else "" for line in text.splitlines()]


def self_test(all_rules):
    """Each rule finds what it is for, and no more."""
    bad = ["x is no image", "off, for it is small", "drawn anew", "it goes on", "it fails, too", "own kernels",
           "Of everything", "77 classified right", "were taken for covid", "Whoever always says",
           "the command line goes over it", "were left out", "kept for validation",
           "a classifier that sees only the border", "by chance alone", "as it comes", "timings are owed",
           "What is said", "it flatters", "95 % interval"]
    good = ["there is no GPU", "it is no longer finite", "it has too few", ", too few images", "is not an image", "95%"]
    for text in bad:
        if not problems("a", [(1, text)], True, all_rules):
            sys.exit(f"words.txt does not find: {text}")
    for text in good:
        if problems("a", [(1, text)], True, all_rules):
            sys.exit(f"words.txt is wrong about: {text}")
    if [text for _, text in strings_of('f("a" \n "b"); // "c"\n#include "d"\n')] != ["ab"]:
        sys.exit("check_words.py does not read string literals")


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    all_rules = rules((pathlib.Path(__file__).resolve().parent / "words.txt").read_text())
    self_test(all_rules)
    found, count = check(folder, all_rules)
    for line in found:
        print(line)
    if found:
        sys.exit(1)
    print(f"checked {count} files against {len(all_rules)} rules")


if __name__ == "__main__":
    main()
