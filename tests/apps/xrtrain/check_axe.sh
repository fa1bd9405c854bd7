#!/bin/sh
# check_axe.sh XRTRAIN CHECKER: axe-core on the pages of a run of two classes and of one of several labels, of an
# audit, a cross-validation and a search for the learning rate. Exit status 77: no Python, no axe-core or no browser.
set -eu
python=${XR_PYTHON:-python3}
if ! command -v "$python" >/dev/null; then
  echo "skipped: there is no $python"
  exit 77
fi
if ! "$python" -c 'import importlib.util as u; raise SystemExit(u.find_spec("axe_playwright_python") is None)'; then
  echo "skipped: $python has no axe-core (pip install --no-deps axe-playwright-python)"
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export XRTRAIN_CACHE="$folder/cache"
data=$folder/data
"$1" synth --out "$data" --size 64 --train-covid 12 --train-normal 12 --test-covid 6 --test-normal 6 --quiet
(
  echo "file,labels,split"
  for part in train test; do
    for class in covid normal; do
      for image in "$data/$part/$class"/*; do
        case $image in *[048].png) other='|Edema & <b>"quoted"</b>' ;; *) other='' ;; esac
        echo "$part/$class/${image##*/},\"$class$(echo "$other" | sed 's/"/""/g')\",$part"
      done
    done
  done
) > "$folder/labels.csv"
small="--image-size 32 --epochs 2 --device cpu --threads 2 --quiet"
# shellcheck disable=SC2086 # one word per option
{
  "$1" train --data "$data" --out "$folder/classes" $small
  "$1" train --data "$data" --out "$folder/labels" --labels "$folder/labels.csv" --label-column labels $small
  "$1" cv --data "$data" --out "$folder/cv" --folds 2 $small
}
"$1" audit "$data" --out "$folder/audit" --json > "$folder/audit.log"
"$1" find-lr --data "$data" --out "$folder/rates" --image-size 32 --steps 20 --device cpu --quiet
status=0
"$python" "$2" "$1" "$data/test/covid/000.png" "$folder/audit/audit.html" "$folder/cv/cv.html" \
  "$folder/rates/find_lr.html" "$folder/classes" "$folder/labels" || status=$?
exit "$status"
