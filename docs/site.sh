#!/bin/bash
# docs/site.sh [FOLDER]: a website of all pages, in FOLDER (default build/site). mkdocs comes from PyPI into a virtual
# environment in build/, for this alone: the pages can be read without it.
set -euo pipefail
cd "$(dirname "$0")/.."
site=$(realpath -m "${1:-build/site}")
venv=build/site-venv pages=build/site-pages

if [[ ! -x $venv/bin/mkdocs ]]; then
  python3 -m venv $venv
  $venv/bin/pip install --quiet --disable-pip-version-check 'mkdocs>=1.6,<2'
fi
rm -rf $pages
mkdir -p $pages
git ls-files '*.md' '*.png' '*.svg' | while IFS= read -r file; do
  mkdir -p "$pages/$(dirname "$file")"
  cp "$file" "$pages/$file"
done
$venv/bin/mkdocs build --quiet --clean --site-dir "$site"
echo "Written: $site/index.html"
