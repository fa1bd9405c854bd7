#!/bin/bash
# check_named_tests.sh PAGE SOURCE_FOLDER: every test case that the page names in quotes, in the last column of a table
# or after the word test, is there. A name that ends in ... is the beginning of some.
set -uo pipefail
page=$1 source=$2
count=0 failed=0
cases=$(grep -rhoE 'TEST_CASE\("([^"\\]|\\.)*"' "$source/tests" --include='*.cpp' | sed 's/^TEST_CASE("//; s/"$//')
while IFS= read -r name; do
  count=$((count + 1))
  case $name in
    *...) grep -qF -- "${name%...}" <<<"$cases" && continue ;;
    *) grep -qxF -- "$name" <<<"$cases" && continue ;;
  esac
  echo "$page names a test that is not there: $name"
  failed=1
done < <({
  grep '^|' "$page" | awk -F'|' '{ print $(NF - 1) }'
  grep -oE '\(tests? "[^)]*\)' "$page"
} | grep -oE '"[^"]*"' | tr -d '"' | sort -u)
((count > 0)) || {
  echo "$page: no tests found"
  exit 1
}
echo "found $count tests that $page names"
exit $failed
