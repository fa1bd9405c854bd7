#!/usr/bin/env python3
"""Compares options of `xrtrain train` by repeated cross-validation, paired over the same images.

    option_runs.py train --data DIR --work DIR --name NAME [--repeats N] [--member M] [--fold-all] [--tta V]
                         [--average N] OPTIONS...
    option_runs.py table --data DIR --work DIR [--repeats N] ROW...

`train` trains every fold of every repeat with OPTIONS of `xrtrain train` into WORK/NAME. Repeat R cuts the images with
--fold-seed R and trains with --seed R + 100 M: members of an ensemble differ in M, so no member has seen the images that
its ensemble is tested on. --tta V evaluates the chosen checkpoint with V views, --average N the mean of the last N
checkpoints. Checkpoints are removed; folds that are there already are not trained again.

`table` writes a Markdown table. A ROW is `LABEL = NETWORKS [- BASE]`, with NETWORKS and BASE one of

    NAME                  the checkpoint that each fold chose on validation images; the last one without them
    NAME:last             the last checkpoint
    NAME:patience=N       what --patience N would have chosen, replayed from the validation of all checkpoints
    NAME:tta NAME:average what `train` made with --tta and --average
    NAME + NAME:last      an ensemble: the mean of probabilities, each after its temperature

and every difference is BASE's. Intervals are the 2.5 % and 97.5 % quantiles of 2000 bootstrap resamples of patients, all
repeats of an image together; a difference is taken within each resample.
"""
import argparse
import csv
import functools
import json
import math
import pathlib
import random
import shutil
import subprocess
import sys

FOLDS = 5
RESAMPLES = 2000
ROOT = pathlib.Path(__file__).resolve().parents[2]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", allow_abbrev=False)
    table = commands.add_parser("table", allow_abbrev=False)
    for command in (train, table):
        command.add_argument("--data", required=True, type=pathlib.Path)
        command.add_argument("--work", required=True, type=pathlib.Path, help="folder of the runs")
        command.add_argument("--repeats", type=int, default=3)
    train.add_argument("--name", required=True)
    train.add_argument("--first-repeat", type=int, default=0)
    train.add_argument("--member", type=int, default=0)
    train.add_argument("--fold-all", action="store_true")
    train.add_argument("--tta", type=int, default=0)
    train.add_argument("--average", type=int, default=0)
    train.add_argument("--xrtrain", type=pathlib.Path, default=ROOT / "build" / "bin" / "xrtrain")
    table.add_argument("rows", nargs="+")
    arguments, options = parser.parse_known_args()
    if arguments.command == "table" and options:
        parser.error(f"not known: {' '.join(options)}")
    arguments.options = options
    return arguments


# --- training

def run(command, log):
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    log.write_text(done.stdout + done.stderr)
    if done.returncode != 0:
        sys.exit(f"option_runs.py: {' '.join(map(str, command))} failed: {done.stderr.strip()}")


def fold_folder(work, name, repeat, fold):
    return work / name / f"repeat-{repeat}-fold-{fold}"


def train_fold(arguments, repeat, fold):
    folder = fold_folder(arguments.work, arguments.name, repeat, fold)
    done = folder / "done"
    if done.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    log = folder.with_suffix(".txt")
    run([arguments.xrtrain, "train", "--data", arguments.data, "--out", folder, "--force", "--fold", f"{fold}/{FOLDS}",
         "--fold-seed", repeat, "--seed", repeat + 100 * arguments.member, "--keep", 0,
         *(["--fold-all"] if arguments.fold_all else []), *arguments.options], log)
    threads = [word for pair in zip(arguments.options, arguments.options[1:]) if pair[0] == "--threads" for word in pair]
    for extra in ("tta", "average"):
        shutil.rmtree(folder / extra, ignore_errors=True)
    if arguments.tta > 1:
        run([arguments.xrtrain, "eval", folder, "--checkpoint", int(metrics_of(folder)["chosen"]["checkpoint"]), "--tta",
             arguments.tta, "--out", folder / "tta", *threads], log)
    if arguments.average > 1:
        run([arguments.xrtrain, "average", folder, "--last", arguments.average, "--out", folder / "average", *threads], log)
        run([arguments.xrtrain, "eval", folder / "average", *threads], log)
    for left in [*folder.rglob("*.safetensors")]:
        left.unlink()
    done.touch()


def train_all(arguments):
    for repeat in range(arguments.first_repeat, arguments.repeats):
        for fold in range(1, FOLDS + 1):
            train_fold(arguments, repeat, fold)
            print(f"{arguments.name}: repeat {repeat}, fold {fold}", flush=True)


# --- predictions

@functools.cache
def metrics_of(folder):
    return json.loads((folder / "metrics.json").read_text())


@functools.cache
def predictions_of(folder):
    """{split: {checkpoint: {image: (is positive, probability of the positive class)}}}"""
    positive = metrics_of(folder)["positive_class"]
    result = {}
    with open(folder / "predictions.csv", newline="") as file:
        for row in csv.DictReader(file):
            images = result.setdefault(row["split"], {}).setdefault(int(row["checkpoint"]), {})
            images[row["image"]] = row["label"] == positive, float(row[f"p({positive})"])
    return result


def replay_patience(validation, patience):
    """The checkpoint that early stopping chooses with the cosine schedule: of the last quarter, if it comes so far; then
    most validation images right, of equal ones the least loss."""
    last_quarter = len(validation) - math.ceil(len(validation) / 4)
    best, best_epoch = None, 0
    for epoch in sorted(validation):
        images = validation[epoch].values()
        right = sum((p > 0.5) == positive for positive, p in images)
        loss = -sum(math.log(max(p if positive else 1 - p, 1e-300)) for positive, p in images)
        result = epoch >= last_quarter, right, -loss
        if best is None or result > best:
            best, best_epoch = result, epoch
        elif epoch - best_epoch >= patience:
            break
    return best_epoch


def scaled(p, temperature):
    if not temperature or p in (0.0, 1.0):
        return p
    return 1 / (1 + math.exp(-math.log(p / (1 - p)) / temperature))


def of_network(work, text, repeat, scale):
    """{image: (is positive, probability)} of all held-out images of a repeat."""
    name, _, how = text.strip().partition(":")
    result = {}
    for fold in range(1, FOLDS + 1):
        folder = fold_folder(work, name, repeat, fold)
        if how in ("tta", "average"):
            folder = folder / how
        chosen = metrics_of(folder)["chosen"]
        predictions = predictions_of(folder)
        epoch = int(chosen["checkpoint"])
        if how == "last":
            epoch = max(predictions["test"])
        elif how.startswith("patience="):
            epoch = replay_patience(predictions["validation"], int(how.split("=")[1]))
        elif how not in ("", "tta", "average"):
            sys.exit(f"option_runs.py: '{text.strip()}' is not NAME, NAME:last, NAME:patience=N, NAME:tta or NAME:average")
        temperature = (chosen["temperature"] or {}).get("value") if scale and how != "last" else None
        for image, (positive, p) in predictions["test"][epoch].items():
            if image in result:
                sys.exit(f"option_runs.py: {image} is held out twice in repeat {repeat} of {name}")
            result[image] = positive, scaled(p, temperature)
    return result


def of_row(work, repeats, text):
    """A list over repeats of {image: (is positive, probability)}"""
    networks = text.split("+")
    result = []
    for repeat in range(repeats):
        members = [of_network(work, network, repeat, len(networks) > 1) for network in networks]
        if any(member.keys() != members[0].keys() for member in members):
            sys.exit(f"option_runs.py: the networks of '{text}' were not tested on the same images")
        result.append({image: (positive, sum(member[image][1] for member in members) / len(members))
                       for image, (positive, _) in members[0].items()})
    return result


# --- figures

class Scores:
    """Accuracy and area of one row, for any weights of the images (how often a resample has drawn each)."""

    def __init__(self, repeats, images):
        self.right = [sum((repeat[image][1] > 0.5) == repeat[image][0] for repeat in repeats) / len(repeats)
                      for image in images]
        place = {image: i for i, image in enumerate(images)}
        self.groups = []  # of each repeat: places of equal probability, from the least one up
        for repeat in repeats:
            groups = {}
            for image, (positive, p) in repeat.items():
                groups.setdefault(p, []).append((place[image], positive))
            self.groups.append([groups[p] for p in sorted(groups)])

    def accuracy(self, weights):
        return sum(w * r for w, r in zip(weights, self.right)) / sum(weights)

    def auroc(self, weights):
        areas = []
        for groups in self.groups:
            negatives = pairs = positives = 0.0
            for group in groups:
                here = sum(weights[i] for i, positive in group if not positive)
                above = sum(weights[i] for i, positive in group if positive)
                pairs += above * (negatives + here / 2)
                negatives += here
                positives += above
            areas.append(pairs / (positives * negatives))
        return sum(areas) / len(areas)


def read_patients(data):
    table = data / "sources.csv"
    if not table.exists():
        return {}
    with open(table, newline="") as file:
        return {row["file"]: row["patient"] for row in csv.DictReader(file)}


def resamples(images, patients):
    """Weights of the images in each resample of patients."""
    clusters = {}
    for i, image in enumerate(images):
        clusters.setdefault(patients.get(image) or image, []).append(i)
    clusters = list(clusters.values())
    generator = random.Random(0)
    for _ in range(RESAMPLES):
        weights = [0] * len(images)
        for cluster in generator.choices(clusters, k=len(clusters)):
            for i in cluster:
                weights[i] += 1
        yield weights


def interval(values):
    values = sorted(values)
    return values[round(0.025 * (len(values) - 1))], values[round(0.975 * (len(values) - 1))]


def table(arguments):
    rows = []
    for row in arguments.rows:
        label, _, rest = row.partition(" = ")
        networks, _, base = rest.partition(" - ")
        rows.append((label.strip(), networks.strip(), base.strip()))
    texts = sorted({text for _, networks, base in rows for text in (networks, base) if text})
    repeats = {text: of_row(arguments.work, arguments.repeats, text) for text in texts}
    images = sorted(repeats[texts[0]][0])
    for text in texts:
        if any(sorted(repeat) != images for repeat in repeats[text]):
            sys.exit(f"option_runs.py: '{text}' was tested on other images than '{texts[0]}'")
    scores = {text: Scores(repeats[text], images) for text in texts}
    ones = [1] * len(images)
    values = {text: (s.accuracy(ones), s.auroc(ones)) for text, s in scores.items()}
    drawn = {text: ([], []) for text in texts}
    for weights in resamples(images, read_patients(arguments.data)):
        for text, s in scores.items():
            drawn[text][0].append(s.accuracy(weights))
            drawn[text][1].append(s.auroc(weights))
    print("| option | accuracy | AUROC | accuracy against the base | AUROC against the base |\n|---|---|---|---|---|")
    for label, networks, base in rows:
        cells = [label]
        for figure in (0, 1):
            low, high = interval(drawn[networks][figure])
            cells.append(f"{values[networks][figure]:.4f} ({low:.3f}-{high:.3f})")
        for figure in (0, 1):
            if not base:
                cells.append("-")
                continue
            low, high = interval([a - b for a, b in zip(drawn[networks][figure], drawn[base][figure])])
            cells.append(f"{values[networks][figure] - values[base][figure]:+.4f} ({low:+.3f} to {high:+.3f})")
        print("| " + " | ".join(cells) + " |")


def main():
    arguments = parse_arguments()
    if arguments.command == "train":
        train_all(arguments)
    else:
        table(arguments)


if __name__ == "__main__":
    main()
