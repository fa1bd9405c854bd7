#!/bin/bash
# check_python.sh PAGE SOURCE_FOLDER BUILD_FOLDER WORK_FOLDER: the commands of a page (check_commands.sh), then its ```python
# blocks as one program; "OUT" means the work folder, "build/" the build's. Exit status 77: a Python package is missing, or ONNX in this build.
set -uo pipefail
page=$1 build=$3 work=$4
python=${XR_PYTHON:-python3}
if ! "$python" -c 'import numpy, onnxruntime, PIL, safetensors, torch, torchvision'; then
  echo "skipped: $python lacks what the page needs"
  exit 77
fi
if ! "$build/bin/xrtrain" info | grep -q '^ONNX: written'; then
  echo "skipped: this build writes no ONNX"
  exit 77
fi
"$(dirname "$0")/check_commands.sh" "$@" || exit 1
awk '/^```/ { inside = ($0 == "```python"); next } inside' "$page" | sed "s|\bbuild/|$build/|g; s|OUT/|$work/|g" >"$work/page.py"
[[ -s $work/page.py ]] || {
  echo "$page: no Python found"
  exit 1
}
"$python" "$work/page.py" && echo "ran $(grep -c . "$work/page.py") lines of Python of $page"
