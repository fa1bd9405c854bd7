#!/usr/bin/env python3
"""Trains with several settings and seeds and writes one Markdown table of what came out.

    docs/benchmarks/training_runs.py --data DIR --work DIR --output FILE.md [--seeds 0-4] [--cores 0,1] SETTINGS...

SETTINGS are words in quotes that go to `xrtrain train`, one row per setting and seed:

    docs/benchmarks/training_runs.py --data X --work W --output real.md \\
        "--preset report --val-fraction 0" "--preset report-before --val-fraction 0" ""

Checkpoints are removed after each run (those of report_cnn are 9 GB). A run that is in the work folder already, from the
same commit, is not repeated.
"""
import argparse
import datetime
import json
import os
import pathlib
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def parse_seeds(text):
    seeds = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        seeds += range(int(first), int(last or first) + 1)
    return seeds


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--data-name", help="what the page calls the data (default: the folder's name)")
    parser.add_argument("--work", required=True, type=pathlib.Path, help="folder for the runs")
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("--seeds", type=parse_seeds, default=parse_seeds("0-4"))
    parser.add_argument("--cores", default="0,1", help="the cores that the program runs on")
    parser.add_argument("--xrtrain", type=pathlib.Path, default=ROOT / "build" / "bin" / "xrtrain")
    parser.add_argument("settings", nargs="+")
    return parser.parse_args()


def first_line(command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "unknown"


def train(arguments, settings, seed, commit):
    """Returns (summary, wall seconds) of one run."""
    words = shlex.split(settings)
    name = re.sub(r"[^A-Za-z0-9.]+", "-", settings).strip("-") or "default"
    folder = arguments.work / f"{arguments.data.name}-{name}-{seed}"
    record = folder / "measured.json"
    if record.exists():
        known = json.loads(record.read_text())
        if known["commit"] == commit:
            return json.loads((folder / "summary.json").read_text()), known["seconds"]
    command = [arguments.xrtrain, "train", "--data", arguments.data, *words, "--seed", seed, "--out", folder, "--force"]
    cores = {int(core) for core in arguments.cores.split(",")}
    began = time.monotonic()
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          preexec_fn=lambda: os.sched_setaffinity(0, cores))
    seconds = time.monotonic() - began
    if done.returncode != 0:
        sys.exit(f"training_runs.py: {shlex.join(map(str, command))} failed: {done.stderr.strip()}")
    shutil.rmtree(folder / "checkpoints")
    for left in folder.glob("resume*"):
        left.unlink()
    record.write_text(json.dumps({"commit": commit, "seconds": seconds}))
    return json.loads((folder / "summary.json").read_text()), seconds


def of(evaluation):
    low, high = evaluation["test"]["interval_95"]
    return f"{evaluation['test']['correct']} ({low:.3f}-{high:.3f})"


def row(seed, summary, seconds):
    training = summary["training"]
    chosen = summary["chosen_on_validation"]
    return (f"| {seed} | {training['first_loss']:.3f} | {training['last_loss']:.4f} | {training['least_loss']:.4f} "
            f"| {training['best_accuracy']:.4f} | {of(chosen) if chosen else '-'} | {of(summary['last'])} "
            f"| {of(summary['best_on_test_optimistic'])} | {seconds:.0f} s |")


def mean_row(results):
    def mean(key):
        counts = [summary[key]["test"]["correct"] for summary, _ in results if summary[key]]
        if not counts:
            return "-"
        spread = f" ± {statistics.stdev(counts):.1f}" if len(counts) > 1 else ""
        return f"{statistics.mean(counts):.1f}{spread}"
    times = [seconds for _, seconds in results]
    return (f"| mean | | | | | {mean('chosen_on_validation')} | {mean('last')} | {mean('best_on_test_optimistic')} "
            f"| {min(times):.0f} to {max(times):.0f} s |")


def main():
    arguments = parse_arguments()
    commit = first_line(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"])
    arguments.work.mkdir(parents=True, exist_ok=True)
    processor = next((line.split(":")[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                      if line.startswith("model name")), "unknown")
    name = arguments.data_name or arguments.data.name
    lines = [f"# Training on {name}", "",
             f"{datetime.date.today()}, commit {commit}, {processor}, cores {arguments.cores}; "
             f"{first_line([str(arguments.xrtrain), '--version'])}. Written by `docs/benchmarks/training_runs.py`.", "",
             "Test figures are images that were classified correctly, with the Wilson 95% interval of the accuracy. \"Chosen\" is "
             "the checkpoint chosen on validation images; \"best\" is optimistic, as it is chosen on the test images "
             "themselves. Time is that of the whole program, with the evaluation of every checkpoint.", ""]
    for settings in arguments.settings:
        results = []
        for seed in arguments.seeds:
            results.append(train(arguments, settings, seed, commit))
            print(f"{settings or 'default settings'}, seed {seed}: {results[-1][1]:.0f} s", flush=True)
        images = results[0][0]["last"]["test"]["images"]
        lines += [f"## `xrtrain train --data {name} {settings}".rstrip() + "`", "",
                  f"{results[0][0]['model']}, {results[0][0]['parameters']} parameters, {results[0][0]['training']['epochs']} "
                  f"epochs; of {images} test images:", "",
                  "| seed | first loss | last loss | least loss | best train accuracy | chosen | last | best (optimistic) | time |",
                  "|---|---|---|---|---|---|---|---|---|"]
        lines += [row(seed, *result) for seed, result in zip(arguments.seeds, results)] + [mean_row(results), ""]
    arguments.output.write_text("\n".join(lines))


if __name__ == "__main__":
    main()
