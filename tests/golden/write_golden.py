#!/usr/bin/env python3
"""Writes the golden files of this folder with PyTorch (on the CPU, in float64). README.md lists them.

    python3 tests/golden/write_golden.py [FOLDER]

Needs torch and numpy; the files say in their metadata which versions wrote them. Inputs are values that
float32 holds exactly; everything is computed in float64 and rounded to float32 once, at the end. Each
network is also run in float32, and the script ends with status 1 if that run leaves the tolerances which
the README states: the data then sits on a kink (a tie of max pooling, the edge of ReLU).
"""
import pathlib
import sys

import numpy as np
import torch
from torch.nn import functional

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parents[1] / "apps" / "xrbench" / "peers"))
sys.path.insert(0, str(FOLDER))

import golden_operations  # noqa: E402
import safetensors_file  # noqa: E402
from golden_common import metadata_of, numpy_f32  # noqa: E402
from report_cnn import REPORT_WIDTHS, ReportCnn  # noqa: E402

STEPS = 3
LEARNING_RATE = 1e-3
# What a float32 run must meet against float64: relative to a tensor's largest magnitude ...
RELATIVE_TOLERANCE = 1e-4
# ... and absolute for weights after Adam, a tenth of a step: where a gradient is close to Adam's eps, its
# rounding moves the weight by a part of the learning rate.
ADAM_TOLERANCE = 0.1 * LEARNING_RATE
CASES = {
    "report_cnn_c1_p2": dict(image_size=20, channels=1, padding=2, classes=2, widths=(4, 6, 16, 8), seed=1),
    "report_cnn_c3_p1": dict(image_size=19, channels=3, padding=1, classes=3, widths=(4, 6, 16, 8), seed=2),
    "report_cnn_full": dict(image_size=20, channels=1, padding=2, classes=2, widths=REPORT_WIDTHS, seed=3),
}
BATCH = 5
# A tensor with more elements than this is stored as every stride-th element, in a full-width case.
SAMPLED_ABOVE = 1024


def hashed_values(tensor_index, count, bound):
    """Uniform in [-bound, bound), from splitmix64 (https://prng.di.unimi.it/splitmix64.c).

    Element i: z = splitmix64's mix of (tensor_index * 2^32 + i + 1) * 0x9e3779b97f4a7c15 modulo 2^64,
    u = (z >> 40) / 2^24, value = float32(bound * (2 u - 1)), the product in float64.
    """
    with np.errstate(over="ignore"):
        z = (np.arange(1, count + 1, dtype=np.uint64) + np.uint64(tensor_index << 32)) \
            * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (bound * (2.0 * ((z >> np.uint64(40)).astype(np.float64) / 2**24) - 1.0)).astype(np.float32)


def set_hashed_weights(model):
    """Parameters in PyTorch's order: +-1/sqrt(fan in), BatchNorm's scale 1 +- 0.25, its shift +- 0.25."""
    bound = None
    for index, (name, parameter) in enumerate(model.named_parameters()):
        batch_norm = name.startswith(("layer1.1", "layer2.1"))
        if not batch_norm and name.endswith("weight"):
            bound = 1.0 / np.sqrt(float(parameter[0].numel()))
        values = hashed_values(index, parameter.numel(), 0.25 if batch_norm else bound)
        if batch_norm and name.endswith("weight"):
            values = values + np.float32(1.0)
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(values.reshape(parameter.shape)))


def make_case(case):
    """The initial network (float32), images [N, C, H, W] and labels [N]."""
    torch.manual_seed(case["seed"])
    model = ReportCnn(case["image_size"], case["channels"], case["padding"], case["classes"], dropout=0.0,
                      widths=case["widths"])
    if case["widths"] == REPORT_WIDTHS:
        set_hashed_weights(model)
    else:
        with torch.no_grad():  # BatchNorm's scale and shift away from 1 and 0
            for layer in (model.layer1[1], model.layer2[1]):
                layer.weight.uniform_(0.5, 1.5)
                layer.bias.uniform_(-0.3, 0.3)
    images = torch.rand(BATCH, case["channels"], case["image_size"], case["image_size"])
    labels = torch.arange(BATCH) % case["classes"]
    return model, images, labels


def train(case, dtype, eval_state=None):
    """Trains STEPS steps. Returns the tensors of the golden file in `dtype`.

    eval_logits are those of the trained network, or of `eval_state` if given.
    """
    model, images, labels = make_case(case)
    model, images = model.to(dtype), images.to(dtype)
    with torch.no_grad():
        result = {"input": images, "labels": labels, "initial_eval_logits": model.eval()(images)}
    model.train()
    result.update({f"initial.{name}": value.clone() for name, value in model.state_dict().items()})
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    losses = []
    for step in range(STEPS):
        optimizer.zero_grad()
        logits = model(images)
        loss = functional.cross_entropy(logits, labels)
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            result["logits"] = logits.detach().clone()
            result.update({f"gradient.{name}": value.grad.clone()
                           for name, value in model.named_parameters()})
        optimizer.step()
    result["losses"] = torch.tensor(losses, dtype=dtype)
    result.update({f"adam.{name}": value.clone() for name, value in model.state_dict().items()})
    if eval_state is not None:
        model.load_state_dict(eval_state)
    with torch.no_grad():
        result["eval_logits"] = model.eval()(images)
    return result


def stride_of(count):
    """An odd stride that leaves at most SAMPLED_ABOVE elements."""
    stride = -(-count // SAMPLED_ABOVE)
    return stride if stride % 2 else stride + 1


def sampled(tensors):
    """Flattens and samples the large tensors, leaves out what the hash gives and what needs whole weights."""
    result = {}
    for name, value in tensors.items():
        if name.startswith("initial.") or name == "eval_logits":
            continue
        large = name.startswith(("gradient.", "adam.")) and value.numel() > SAMPLED_ABOVE
        result[name] = value.reshape(-1)[::stride_of(value.numel())] if large else value
    return result


def check_float32(name, exact, single):
    """Prints the float32 run's largest errors; returns whether all are within what the README states."""
    worst = {}
    passed = True
    for key, value in exact.items():
        error = (single[key].double() - value.double()).abs().max().item()
        group, _, parameter = key.partition(".")
        bias_before_norm = parameter in ("layer1.0.bias", "layer2.0.bias")
        if group == "adam" and (bias_before_norm or "running" in parameter):
            limit, group = STEPS * LEARNING_RATE, "adam (bias before BatchNorm and running statistics)"
        elif group == "adam":
            limit = ADAM_TOLERANCE
        elif group == "gradient" and bias_before_norm:
            limit, group = 1e-5, "gradient (bias before BatchNorm)"
        else:
            limit, error = RELATIVE_TOLERANCE, error / max(value.double().abs().max().item(), 1e-6)
        worst[group] = max(worst.get(group, 0.0), error)
        passed = passed and error <= limit
    print(f"{name}: float32 against float64:",
          ", ".join(f"{key} {value:.1e}" for key, value in worst.items()))
    return passed


def write_networks(folder):
    passed = True
    for name, case in CASES.items():
        exact = train(case, torch.float64)
        trained = {key[len("adam."):]: value for key, value in exact.items() if key.startswith("adam.")}
        single = train(case, torch.float32, trained)
        passed = check_float32(name, exact, single) and passed
        facts = {key: ",".join(map(str, value)) if key == "widths" else value for key, value in case.items()
                 if key != "seed"}
        facts.update(learning_rate=LEARNING_RATE, steps=STEPS)
        if case["widths"] == REPORT_WIDTHS:
            exact = sampled(exact)
            facts["sampled_above"] = SAMPLED_ABOVE
        arrays = {key: numpy_f32(value) for key, value in exact.items()}
        safetensors_file.write(folder / f"{name}.safetensors", arrays, metadata_of(**facts))
    return passed


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    torch.set_num_threads(1)
    passed = write_networks(folder)
    golden_operations.write(folder)
    total = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    print(f"{total} bytes of golden files in {folder}, PyTorch {torch.__version__}")
    if not passed:
        sys.exit("write_golden.py: a float32 run leaves the stated tolerances: choose other seeds")


if __name__ == "__main__":
    main()
