#!/bin/sh
# Measures a training step of the report's network in xrbench and in PyTorch, alternating, on the same cores.
#
#   apps/xrbench/peers/compare.sh [--channels 3] [--rounds 8] [--help for the rest]
#
# Needs a built build/bin/xrbench and a Python with torch and numpy: $XR_PYTHON, else python3 (for
# instance: python3 -m venv E; E/bin/pip install torch numpy; XR_PYTHON=E/bin/python). torch.compile
# needs a C++ compiler and Python's headers (python3-dev). The last line is "ratio R": PyTorch's median
# step time in its best form over ours.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
python=${XR_PYTHON:-python3}
if ! "$python" -c 'import numpy, torch' 2>/dev/null; then
  echo "compare.sh: $python has no torch and numpy; install them and set XR_PYTHON to that python" >&2
  exit 1
fi
exec "$python" "$here/compare.py" "$@"
