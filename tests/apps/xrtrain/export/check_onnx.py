#!/usr/bin/env python3
"""ONNX Runtime against `xrtrain predict`, for every network that the program has.

    check_onnx.py PROGRAM FOLDER [NETWORK...]

Trains each network for one epoch on phantom images in FOLDER (an empty folder), exports its checkpoint with and
without the image input, checks both files with ONNX's checker and compares probabilities.
Exit status: 0 equal, 1 different, 77 onnx, onnxruntime or numpy is not installed.
"""
import json
import pathlib
import subprocess
import sys

try:
    import numpy as np
    import onnx
    import onnxruntime
except ImportError as error:
    print(f"check_onnx.py: skipped, {error}")
    sys.exit(77)

SIZE = 64
TOLERANCE = 1e-4
program, folder = sys.argv[1], pathlib.Path(sys.argv[2])


def run(*arguments):
    """What the program prints."""
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"xrtrain {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def make_images(colour):
    """Files of smooth noise, in the network's size, and their pixels (N, C, H, W)."""
    generator = np.random.default_rng(7)
    channels = 3 if colour else 1
    coarse = generator.uniform(0, 255, (6, channels, 8, 8))
    fine = np.kron(coarse, np.ones((1, 1, 8, 8))) + generator.normal(0, 12, (6, channels, SIZE, SIZE))
    pixels = np.clip(fine, 0, 255).astype(np.uint8)
    files = []
    for number, image in enumerate(pixels):
        files.append(folder / f"{'colour' if colour else 'grey'}{number}.{'ppm' if colour else 'pgm'}")
        files[-1].write_bytes(f"P{6 if colour else 5}\n{SIZE} {SIZE}\n255\n".encode() +
                              np.ascontiguousarray(image.transpose(1, 2, 0)).tobytes())
    return files, pixels


def softmax(logits):
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def check(name, data, extra=()):
    """Trains, exports and compares one network; returns the largest difference of a probability."""
    colour = "3" in extra
    out = folder / ("run_" + name + ("_colour" if colour else "") + ("_labels" if "--labels" in extra else ""))
    run("train", "--data", data, "--out", out, "--model", name, "--image-size", SIZE, "--epochs", 1, "--batch-size", 8,
        "--threads", 2, "--no-cache", "--quiet", *extra)
    checkpoint = out / "checkpoints" / "00.safetensors"
    files, pixels = make_images(colour)
    rows = [json.loads(line) for line in run("predict", checkpoint, *files, "--json").splitlines()]
    expected = np.array([list(row["probabilities"].values()) for row in rows])
    worst = 0.0
    for form in ([], ["--image-input"]):
        file = out / f"network{len(form)}.onnx"
        run("export", checkpoint, "--onnx", file, *form)
        onnx.checker.check_model(str(file), full_check=True)
        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        metadata = session.get_modelmeta().custom_metadata_map
        names = json.loads(metadata["class_names"])
        order = [names.index(label) for label in rows[0]["probabilities"]]
        mean, deviation = (np.array(json.loads(metadata[key])).reshape(1, -1, 1, 1) for key in ("mean", "deviation"))
        images = pixels if form else ((pixels / 255 - mean) / deviation).astype(np.float32)
        outputs = [output.name for output in session.get_outputs()]
        assert session.get_inputs()[0].name == ("image" if form else "input")
        for batch in (images, images[:1]):
            result = dict(zip(outputs, session.run(None, {session.get_inputs()[0].name: batch})))
            worst = max(worst, np.abs(result["probabilities"][:, order] - expected[: len(batch)]).max())
        if "temperature" in metadata:
            scaled = softmax(result["logits"] / float(metadata["temperature"]))
            assert np.abs(result["calibrated_probabilities"] - scaled).max() < 1e-6, "temperature"
        assert ("temperature" in metadata) == ("calibrated_probabilities" in outputs)
    print(f"{out.name[4:]}: largest difference {worst:.1e}, outputs {', '.join(outputs)}")
    return worst


def main():
    names = sys.argv[3:] or [model["model"] for model in json.loads(run("info", "--json"))["models"]]
    data = folder / "data"
    run("synth", "--out", data, "--size", SIZE, "--train-covid", 14, "--train-normal", 14, "--test-covid", 3,
        "--test-normal", 3, "--quiet")
    differences = {name: check(name, data) for name in names}
    differences["colour"] = check("resnet18", data, ("--channels", "3"))
    wrong = {name: value for name, value in differences.items() if not value <= TOLERANCE}
    if wrong:
        sys.exit(f"probabilities differ by more than {TOLERANCE}: {wrong}")


main()
