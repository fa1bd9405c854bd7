#!/bin/bash
# docs/pictures/draw.sh [FOLDER]: draws the pictures of the first page, with build/bin/xrtrain and headless Chromium
# (XR_CHROMIUM names it), from a training on the phantom set in FOLDER (default build/pictures). Takes some minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."
xrtrain=${XRTRAIN:-build/bin/xrtrain} folder=$(realpath -m "${1:-build/pictures}")
browser=${XR_CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)}

if [[ ! -f $folder/run/report.html ]]; then
  rm -rf "$folder"
  mkdir -p "$folder"
  "$xrtrain" synth --out "$folder/phantom" --quiet
  (cd "$folder" && "$(realpath "$OLDPWD/$xrtrain")" train --data phantom --out run \
    --image-size 112 --epochs 6)
fi

# shot PAGE PICTURE WIDTH HEIGHT: the first screen of a page.
shot() {
  timeout 120 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars \
    --user-data-dir="$folder/profile" --blink-settings=preferredColorScheme=1 --window-size="$3,$4" \
    --screenshot="$2" "file://$1" 2>"$folder/browser.log"
}

# The picture names no folder of this machine.
sed "s|$folder/||g" "$folder/run/report.html" >"$folder/report.html"
shot "$folder/report.html" docs/pictures/report.png 1240 860
images=("$folder/phantom/test/covid/006.png")
rm -rf "$folder/maps"
"$xrtrain" predict "$folder/run" "${images[@]}" --explain "$folder/maps"
maps=("$folder"/maps/*.png)
cp "${maps[0]}" docs/pictures/grad-cam.png
ls -l docs/pictures/*.png
