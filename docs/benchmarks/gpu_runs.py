"""Writes gpu-runs.md: what gpu_check.sh has run on a GPU, what never.

    gpu_runs.py [--check] [RESULTS_FOLDER]

RESULTS_FOLDER (default: gpu/ beside this script) has a folder for each run of gpu_check.sh, as it leaves them
(summary.txt, kernels-*.json). A rehearsal does not count. With --check it writes nothing and fails if the page differs.
"""
import json
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
PAGE = HERE / "gpu-runs.md"
HEAD = re.compile(r"commit (\S+), (\d{4}-\d\d-\d\d) \d\d:\d\d, ([^,]+)(.*)")
SEVERAL_GPUS = ["engine/distributed/nccl_library.cpp", "engine/distributed/nccl_exchange.cpp",
                "kernels/cuda/device/native_stream.cu", "apps/xrtrain/distributed/device_sums.cpp"]
KERNEL = re.compile(r"__global__\s+void\s+(?:__launch_bounds__\((?:[^()]|\([^()]*\))*\)\s*)?(\w+)\(")


def plan():
    """The names of gpu_check.sh's steps, in order."""
    said = subprocess.run(["bash", PROJECT / "apps/xrbench/gpu_check.sh", "--plan"], capture_output=True, text=True,
                          check=True).stdout
    return [word for line in said.splitlines() for word in line.split() if word[0].isalpha()]


def runs(folder):
    """The runs on a GPU, the newest first: head, status of each step, operations that were timed."""
    found = []
    for summary in folder.glob("*/summary.txt"):
        lines = summary.read_text().splitlines()
        head = HEAD.match(lines[0]) if lines else None
        if head is None:
            sys.exit(f"gpu_runs.py: {summary} does not begin with the line of gpu_check.sh")
        if "REHEARSAL" in head[4] or head[3] == "no GPU":
            continue
        steps = dict(re.findall(r"^([a-z][a-z0-9-]*) +(ok|FAILED|over|NOT RUN)", "\n".join(lines[1:]), re.MULTILINE))
        timed = {}
        for path in sorted(summary.parent.glob("kernels-*.json")):
            cases = json.loads(path.read_text())["cases"]
            timed[path.stem.removeprefix("kernels-")] = sum(
                any(kernel["median_seconds"] is not None for kernel in operation["kernels"])
                for case in cases for operation in case["operations"])
        found.append({"date": head[2], "commit": head[1], "device": head[3], "steps": steps, "timed": timed})
    return sorted(found, key=lambda run: run["date"], reverse=True)


def kernels_of_sources():
    """Each __global__ function and its file."""
    result = []
    for path in sorted((PROJECT / "kernels/cuda").rglob("*")):
        if path.suffix in (".cu", ".h"):
            result += [(name, path.relative_to(PROJECT)) for name in KERNEL.findall(path.read_text())]
    return result


def page(found):
    lines = ["# What has run on a GPU", "",
             "Written by `docs/benchmarks/gpu_runs.py` from the results of `apps/xrbench/gpu_check.sh` in `docs/benchmarks/gpu/`; "
             "a test fails where the page is not what it writes. What has not run on a GPU runs in every check on the "
             "SIMT executor and on the software GPU, which say nothing of time, caches or what ptxas makes of the PTX.", ""]
    if found:
        lines += ["| run | commit | GPU | steps that passed | operations that were timed |", "|---|---|---|---|---|"]
        for run in found:
            good = sum(status == "ok" for status in run["steps"].values())
            timed = ", ".join(f"{count} in {precision}" for precision, count in run["timed"].items()) or "none"
            lines.append(f"| {run['date']} | {run['commit']} | {run['device']} | {good} of {len(run['steps'])} | {timed} |")
    else:
        lines.append("**Nothing: there are no results of a run on a GPU.**")
    lines += ["", "## Steps", "", "| step of gpu_check.sh | last on a GPU |", "|---|---|"]
    for step in plan():
        last = next((run for run in found if step in run["steps"]), None)
        lines.append(f"| {step} | " + (f"{last['steps'][step]}, {last['date']}, {last['commit']}" if last else "never") + " |")
    tested = next((run for run in found if run["steps"].get("tests") == "ok"), None)
    lines += ["", "## Kernels", "", "| kernel | file | its tests passed on a GPU |", "|---|---|---|"]
    for name, path in kernels_of_sources():
        passed = f"{tested['date']}, {tested['commit']}" if tested else "never"
        lines.append(f"| `{name}` | {path} | {passed} |")
    lines += ["", "## Several GPUs", "",
              "No step of gpu_check.sh uses more than one GPU. Never run on GPUs, and tested with a library that stands in "
              "for NCCL on the CPU (`tests/engine/distributed/nccl.cpp`):", ""]
    lines += [f"- {path}" for path in SEVERAL_GPUS if (PROJECT / path).exists()]
    return "\n".join(lines) + "\n"


def main():
    arguments = [word for word in sys.argv[1:] if word != "--check"]
    folder = pathlib.Path(arguments[0]) if arguments else HERE / "gpu"
    text = page(runs(folder))
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text)
    elif not PAGE.exists() or PAGE.read_text() != text:
        sys.exit("gpu_runs.py: gpu-runs.md is not what the results say: run docs/benchmarks/gpu_runs.py")


if __name__ == "__main__":
    main()
