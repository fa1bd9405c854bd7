#!/bin/sh
# Measures a training step of a network in xrbench and in PyTorch, alternating, on the same cores.
#
#   apps/xrbench/peers/compare.sh [--model resnet18] [--channels 3] [--rounds 8] [--help for the rest]
#
# Needs a built build/bin/xrbench and a Python with torch: $XR_PYTHON, else python3 (for instance:
# python3 -m venv E; E/bin/pip install torch; XR_PYTHON=E/bin/python). torch.compile needs a C++ compiler
# and Python's headers (python3-dev). The last lines are "ratio to eager R" and "ratio R": PyTorch's median
# step time by default and in its best form over ours.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
python=${XR_PYTHON:-python3}
if ! "$python" -c 'import importlib.util, sys; sys.exit(not importlib.util.find_spec("torch"))' 2>/dev/null; then
  echo "compare.sh: $python has no torch; install it and set XR_PYTHON to that python" >&2
  exit 1
fi
exec "$python" "$here/compare.py" "$@"
