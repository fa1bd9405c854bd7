#!/usr/bin/env python3
"""Writes networks.safetensors: what torchvision's networks, efficientnet_lite_pytorch's and darkcovidnet answer.

Needs torch, torchvision, efficientnet-lite-pytorch and numpy. See README.md, "Networks".
"""
import pathlib
import sys

import numpy as np
import torch
import torchvision

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parents[1] / "apps" / "xrbench" / "peers"))
sys.path.insert(0, str(FOLDER))

import networks  # noqa: E402
import safetensors_file  # noqa: E402
from golden_common import metadata_of, numpy_f32  # noqa: E402

BATCH, IMAGE_SIZE = 4, 64


def fnv1a(text):
    number = 0x811C9DC5
    for byte in text.encode():
        number = (number ^ byte) * 0x01000193 & 0xFFFFFFFF
    return number


def hashed(name, count, bound):
    """The README's hash with the FNV-1a of a name in place of a parameter's number."""
    with np.errstate(over="ignore"):
        z = ((np.uint64(fnv1a(name)) << np.uint64(32)) + np.arange(1, count + 1, dtype=np.uint64)) * np.uint64(
            0x9E3779B97F4A7C15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        z = z ^ z >> np.uint64(31)
    return (bound * (2 * ((z >> np.uint64(40)).astype(np.float64) / 2**24) - 1)).astype(np.float32)


def set_hashed_state(network):
    for name, tensor in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        fan_in = tensor[0].numel() if tensor.dim() > 1 else 0
        values = hashed(name, tensor.numel(), np.sqrt(6 / fan_in) if fan_in else 0.25)
        if tensor.dim() == 1 and name.endswith(("weight", "running_var")):
            values = values + np.float32(1)
        tensor.copy_(torch.from_numpy(values).reshape(tensor.shape))


CASES = [("resnet18", 3, 5), ("resnet34", 3, 2), ("resnet50", 3, 3),
         ("densenet121", 1, 18),  # as TorchXRayVision
         ("efficientnet_lite0", 3, 4), ("darkcovidnet", 3, 2)]


def answers(network, images, dtype):
    network = network.to(dtype)
    set_hashed_state(network)
    with torch.no_grad():
        eval_logits = network.eval()(images.to(dtype))
    logits = network.train()(images.to(dtype))
    upstream = torch.from_numpy(hashed("upstream", logits.numel(), 1.0)).reshape(logits.shape).to(dtype)
    network.zero_grad()
    (logits * upstream).sum().backward()
    gradients = []
    for name, parameter in network.named_parameters():
        gradient = parameter.grad.double().flatten()
        weights = torch.from_numpy(hashed("gradient", gradient.numel(), 1.0)).double()
        gradients.append([gradient.norm(), torch.dot(gradient, weights)])
    return eval_logits, logits, torch.tensor(gradients, dtype=torch.float64)


def main():
    torch.set_num_threads(1)
    tensors, facts = {}, {}
    for name, channels, classes in CASES:
        network = networks.make(name, channels, classes, IMAGE_SIZE, padding=0, dropout=0)
        shape = (BATCH, channels, IMAGE_SIZE, IMAGE_SIZE)
        images = torch.from_numpy(hashed("images", int(np.prod(shape)), 2.0)).reshape(shape)
        exact, single = answers(network, images, torch.float64), answers(network, images, torch.float32)
        for what, a, b in zip(("eval_logits", "logits", "gradients"), exact, single):
            tensors[f"{name}.{what}"] = numpy_f32(a)
            norm = a if what == "gradients" else a.abs().max()
            difference = (a - b.double()).abs() / (norm[:, :1] if what == "gradients" else norm)
            print(f"{name} {what}: float32 is off by {difference.max():.1e}, at most {a.abs().max():.3g}")
        facts[name] = f"channels={channels} classes={classes} parameters={sum(p.numel() for p in network.parameters())}"
    path = FOLDER / "networks.safetensors"
    metadata = metadata_of(batch=BATCH, image_size=IMAGE_SIZE, torchvision=torchvision.__version__, **facts)
    metadata["script"] = "tests/golden/write_golden_networks.py"
    safetensors_file.write(path, tensors, metadata)
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
