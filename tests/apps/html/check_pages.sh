#!/bin/sh
# check_pages.sh FOLDER PAGE.html...: opens the pages in headless Chromium (XR_CHROMIUM names it) at the widths of
# a phone (390 px), a small window (800 px) and a desktop (1280 px), and with the rules for print on the 180 mm of
# A4 within its margins, and checks that there is no error, nothing is wider than its place or covers another thing,
# no text of a chart leaves it or covers another, pictures open large, and a keyboard and a screen reader find their way
# (measure.js names the rules; contrast also in dark mode). Puts screenshots, light and dark, and a PDF into FOLDER. Exit
# status 77 without a browser.
set -eu
[ $# -ge 2 ] || { echo "usage: check_pages.sh FOLDER PAGE.html..." >&2; exit 2; }
browser=${XR_CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$browser" ] || { echo "skipped: no Chromium here (apt-get install chromium)"; exit 77; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
measure=$(cd "$(dirname "$0")" && pwd)/measure.js

# The page stands in a frame, for the browser's own window cannot be as narrow as a phone.
frame() { # page width height
  cat > "$work/frame.html" << END
<!DOCTYPE html><html><body style="margin:0"><iframe id="page" src="file://$1" style="border:0;display:block"
width="$2" height="$3"></iframe><pre id="result">no result</pre>
<script src="file://$measure"></script></body></html>
END
}
# A folder without settings for each run: browsers that share one talk to each other.
browse() { # query options
  rm -rf "$work/profile"
  query=$1
  shift
  timeout 60 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars \
    --allow-file-access-from-files --user-data-dir="$work/profile" --enable-logging=stderr "$@" \
    "file://$work/frame.html$query" 2> "$work/errors"
}

failures=0
for page in "$@"; do
  path=$(cd "$(dirname "$page")" && pwd)/$(basename "$page")
  [ -f "$path" ] || { echo "$page: no such file"; failures=$((failures + 1)); continue; }
  for width in 390 800 1280 dark print; do
    query='' pixels=$width scheme=1
    if [ "$width" = print ]; then query='?print' pixels=680; fi
    if [ "$width" = dark ]; then pixels=800 scheme=0; fi
    frame "$path" "$pixels" 900
    browse "$query" --blink-settings=preferredColorScheme="$scheme" --window-size=1400,1000 --virtual-time-budget=5000 --dump-dom > "$work/dom" || true
    result=$(sed -n '/<pre id="result">/,/<\/pre>/p' "$work/dom" | sed 's/<[^>]*>//g')
    height=$(printf '%s\n' "$result" | sed -n 's/^height //p')
    faults=$(printf '%s\n' "$result" | sed '/^height /d;/^$/d')
    console=$(grep 'CONSOLE' "$work/errors" || true)
    name="$page at $width px"
    [ "$width" != print ] || name="$page in print"
    [ "$width" != dark ] || name="$page in dark mode"
    if [ -n "$faults$console" ] || [ -z "$height" ]; then
      echo "$name: FAILED"
      printf '%s\n' "$faults" "$console" | sed '/^$/d;s/^/  /'
      failures=$((failures + 1))
    else
      echo "$name: ok, $height px high"
    fi
    [ "$width" != dark ] || continue
    # The pictures are for people to look at: a browser that cannot take one fails nothing.
    if [ "$width" = print ]; then
      rm -rf "$work/profile"
      timeout 60 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \
        --user-data-dir="$work/profile" --no-pdf-header-footer --print-to-pdf="$folder/$(basename "$page" .html).pdf" \
        "file://$path" 2> "$work/errors" > "$work/dom" || echo "  no PDF"
      continue
    fi
    [ "${height:-0}" -le 15000 ] || height=15000
    for scheme in light dark; do
      frame "$path" "$width" "${height:-900}"
      [ "$scheme" = dark ] && preferred=0 || preferred=1
      window=$([ "$width" -lt 500 ] && echo 500 || echo "$width")
      browse '' --blink-settings=preferredColorScheme="$preferred" --window-size="$window,${height:-900}" \
        --screenshot="$folder/$(basename "$page" .html)-$width-$scheme.png" > "$work/dom" || echo "  no $scheme screenshot"
    done
  done
done
[ "$failures" -eq 0 ] || { echo "$failures checks failed"; exit 1; }
