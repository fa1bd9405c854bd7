#!/usr/bin/env python3
"""ONNX Runtime against `xrtrain predict`, for every network that the program has.

    check_onnx.py PROGRAM FOLDER X-RAYS [NETWORK...]

Trains each network for one epoch on phantom images in FOLDER (an empty folder), one of them also on colour images and
on images with several labels, exports its checkpoint with and without the image input, checks both files with ONNX's
checker and compares the probabilities of all images below X-RAYS, or of six made of noise where that folder is absent.
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
program, folder, xrays = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])


def run(*arguments):
    """What the program prints."""
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"xrtrain {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def read_xrays(mode):
    """The images below X-RAYS, resized to what the network sees: (N, SIZE, SIZE[, 3])."""
    from PIL import Image

    files = sorted(file for file in xrays.rglob("*") if file.suffix.lower() in (".png", ".jpg", ".jpeg"))
    return [np.asarray(Image.open(file).convert(mode).resize((SIZE, SIZE), Image.Resampling.BILINEAR)) for file in files]


def make_noise(channels):
    """Six images of smooth noise: (N, SIZE, SIZE, channels)."""
    generator = np.random.default_rng(7)
    coarse = generator.uniform(0, 255, (6, 8, 8, channels))
    fine = np.kron(coarse, np.ones((1, 8, 8, 1))) + generator.normal(0, 12, (6, SIZE, SIZE, channels))
    return np.clip(fine, 0, 255).astype(np.uint8)


def make_images(colour):
    """Files in the network's size, and their pixels (N, C, H, W)."""
    channels = 3 if colour else 1
    images = read_xrays("RGB" if colour else "L") if xrays.is_dir() else make_noise(channels)
    pixels = np.stack(images).reshape(-1, SIZE, SIZE, channels)
    files = []
    for number, image in enumerate(pixels):
        files.append(folder / f"{'colour' if colour else 'grey'}{number}.{'ppm' if colour else 'pgm'}")
        files[-1].write_bytes(f"P{6 if colour else 5}\n{SIZE} {SIZE}\n255\n".encode() + image.tobytes())
    return files, np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))


def make_labelled_images():
    """An archive of images with three labels each, of which any number may be there."""
    generator = np.random.default_rng(8)
    arrays = {}
    for split, count in (("train", 24), ("val", 8), ("test", 8)):
        arrays[split + "_labels"] = generator.integers(0, 2, (count, 3), dtype=np.uint8)
        arrays[split + "_images"] = generator.integers(0, 256, (count, SIZE, SIZE), dtype=np.uint8)
    np.savez(folder / "labels.npz", **arrays)
    return folder / "labels.npz"


def softmax(logits):
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def check(title, name, data, colour=False):
    """Trains, exports and compares one network; returns the largest difference of a probability."""
    out = folder / ("run_" + title)
    run("train", "--data", data, "--out", out, "--model", name, "--image-size", SIZE, "--epochs", 1, "--batch-size", 8,
        "--threads", 2, "--no-cache", "--quiet", *(("--channels", 3) if colour else ()))
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
    print(f"{title}: largest difference {worst:.1e} in {len(files)} images, outputs {', '.join(outputs)}")
    return worst


def main():
    names = sys.argv[4:] or [model["model"] for model in json.loads(run("info", "--json"))["models"]]
    data = folder / "data"
    run("synth", "--out", data, "--size", SIZE, "--train-covid", 14, "--train-normal", 14, "--test-covid", 3,
        "--test-normal", 3, "--quiet")
    if not xrays.is_dir():
        print(f"{xrays} is absent: the images are noise")
    differences = {name: check(name, name, data) for name in names}
    differences["colour"] = check("colour", "resnet18", data, colour=True)
    differences["labels"] = check("labels", "xray_resnet", make_labelled_images())
    wrong = {name: value for name, value in differences.items() if not value <= TOLERANCE}
    if wrong:
        sys.exit(f"probabilities differ by more than {TOLERANCE}: {wrong}")


main()
