#!/usr/bin/env python3
"""Loads a checkpoint of report_cnn into PyTorch and compares eval-mode logits.

    check_checkpoint.py CHECKPOINT INPUT LOGITS [--padding P] [--tolerance T]

The arguments are safetensors files: CHECKPOINT holds the state dict with PyTorch's names, shapes and dtypes,
nothing else; INPUT a tensor `input` [N, C, H, W] and LOGITS a tensor `logits` [N, classes], both F32 (one
file may serve as both). Channels, classes, widths and image size are read from the shapes; the padding from
--padding, else from the checkpoint's metadata (`padding`), else it is 2.

Passes if |ours - PyTorch's| <= T + T |PyTorch's| for every logit, T = 1e-5 by default.
Exit status: 0 equal, 1 different or not loadable, 2 wrong usage, 77 torch or numpy is not installed.
"""
import argparse
import pathlib
import sys

try:
    import numpy as np
    import torch
except ImportError as error:
    print(f"check_checkpoint.py: skipped, {error}")
    sys.exit(77)

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "apps" / "xrbench" / "peers"))
import safetensors_file  # noqa: E402
from report_cnn import ReportCnn  # noqa: E402


def build_network(reader, image_size, padding):
    """The network that the checkpoint's shapes describe, with the checkpoint's state."""
    filters1, channels = reader.shape("layer1.0.weight")[:2]
    widths = (filters1, reader.shape("layer2.0.weight")[0], reader.shape("fc1.weight")[0],
              reader.shape("fc2.weight")[0])
    model = ReportCnn(image_size, channels, padding, reader.shape("fc3.weight")[0], widths=widths)
    expected = model.state_dict()
    state = {}
    for name in reader.names():
        state[name] = torch.from_numpy(reader.read(name))
        if name in expected and state[name].dtype != expected[name].dtype:
            raise ValueError(f"{name} is {state[name].dtype}, PyTorch has {expected[name].dtype}")
    model.load_state_dict(state, strict=True)
    return model.eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("checkpoint")
    parser.add_argument("input")
    parser.add_argument("logits")
    parser.add_argument("--padding", type=int)
    parser.add_argument("--tolerance", type=float, default=1e-5)
    arguments = parser.parse_args()
    try:
        reader = safetensors_file.Reader(arguments.checkpoint)
        padding = arguments.padding
        if padding is None:
            padding = int(reader.metadata.get("padding", 2))
        images = safetensors_file.Reader(arguments.input).read("input")
        ours = safetensors_file.Reader(arguments.logits).read("logits")
        model = build_network(reader, images.shape[2], padding)
        with torch.no_grad():
            theirs = model(torch.from_numpy(images)).numpy()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        print(f"check_checkpoint.py: {error}")
        return 1
    if ours.shape != theirs.shape:
        print(f"check_checkpoint.py: logits have shape {ours.shape}, PyTorch's {theirs.shape}")
        return 1
    error = np.abs(ours.astype(np.float64) - theirs)
    passed = bool(np.all(error <= arguments.tolerance * (1.0 + np.abs(theirs)))) and error.size > 0
    print(f"PyTorch {torch.__version__}: largest difference of {error.size} logits "
          f"{error.max(initial=0.0):.3g}, largest logit {np.abs(theirs).max(initial=0.0):.3g}: "
          f"{'equal' if passed else 'DIFFERENT'}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
