"""Short answers from the files that gpu_check.sh's steps wrote.

    gpu_check_tables.py kernels FILE...   per file of `xrbench kernels --json`, whole or cut off: what is wrong;
                                          of the kernels that run (never a variant that nobody runs) those that are
                                          bound by memory and below 85 % of the roofline, and those slower than the
                                          library; variants that are faster than what runs; what has no figures
    gpu_check_tables.py training A B      two runs of xrtrain: their epochs; status 1 if the first epochs differ

Needs nothing but Python.
"""
import csv
import json
import pathlib
import sys

FIRST_LOSS_TOLERANCE = 0.05  # relative: other sums, then many updates of the size of the learning rate
ROOFLINE_TARGET = 85  # percent: what the call must move and compute at the measured ceilings, over its time
# Smaller calls show the launch and the cache: 16 sets of operands, which take turns, do not fill 256 MB.
LEAST_BYTES, LEAST_OPERATIONS = 16e6, 1e9
MOST_NAMES = 12  # of operations without figures, in a line
FASTER = 1.03  # by which a variant must beat the kernel in use to be named


def used(operation):
    """The own kernel that the backend takes by itself; none where only a library was asked for."""
    return next((run for run in operation["kernels"] if not run["library"] and not run["variant"]), None)


def listed(title, all_of_them, short):
    names = ", ".join(f"{name} {text}" for _, name, text in sorted(short))
    return f"{len(all_of_them) - len(short)} of {len(all_of_them)} {title}" + (f"; below: {names}" if short else "")


def is_bound_by_memory(operation, ceilings):
    """Whether moving what the call must move takes longer than computing what it must compute."""
    return operation["bytes"] / ceilings["copy_bytes_per_second"] >= \
        operation["operations"] / ceilings["product_operations_per_second"]


def left_out(case):
    """What has no figures, by reason."""
    reasons = {}
    for one in case.get("left_out", []):
        reasons.setdefault(one["reason"], []).append(one["operation"])
    return [f"LEFT OUT, {reason}: {len(names)} operations, {', '.join(names[:MOST_NAMES])}"
            + (", ..." if len(names) > MOST_NAMES else "") for reason, names in reasons.items()]


def without_library(operations):
    """Large products that were timed and have nothing beside them, by reason."""
    reasons = {}
    for name, reason in operations:
        reasons.setdefault(reason or "its kernel is wrong", []).append(name)
    return [f"products without a library's time, {reason}: {', '.join(names)}" for reason, names in reasons.items()]


def kernels_of_case(case, ceilings):
    """The lines of a batch size and an image size."""
    memory, products, short_memory, short_products, faster, alone = [], [], [], [], [], []
    small = 0
    for operation in case["operations"]:
        name, run = operation["operation"], used(operation)
        if run is None or run["median_seconds"] is None:
            continue
        if operation["bytes"] < LEAST_BYTES and operation["operations"] < LEAST_OPERATIONS:
            small += 1
            continue
        if is_bound_by_memory(operation, ceilings):
            percent = run["percent_of_roofline"]
            memory.append(name)
            if percent < ROOFLINE_TARGET:
                short_memory.append((percent, name, f"{percent:.0f} %"))
        if operation["operations"] == 0:
            pass
        elif run["ratio_to_library"] is None:
            alone.append((name, operation.get("no_library")))
        else:
            ratio = run["ratio_to_library"]
            products.append(name)
            if ratio < 1:
                short_products.append((ratio, name, f"{ratio:.2f}"))
        for other in operation["kernels"]:
            if not other["library"] and other["median_seconds"] and not other["wrong"] and \
                    other["median_seconds"] * FASTER < run["median_seconds"]:
                faster.append(f"{name} {other['variant']} "
                              f"{run['median_seconds'] / other['median_seconds']:.2f}x")
    lines = []
    if memory:
        lines.append("bound by memory: " + listed(f"at {ROOFLINE_TARGET} % of copying or better", memory, short_memory))
    if products:
        lines.append("products: " + listed("as fast as the library", products, short_products))
    lines += without_library(alone)
    if faster:
        lines.append(f"variants faster than what runs: {', '.join(faster)}")
    if small:
        lines.append(f"{small} small operations are not judged")
    return lines


def kernels(paths):
    status = 0
    for path in paths:
        data = json.loads(path.read_text())
        operations = [operation for case in data["cases"] for operation in case["operations"]]
        wrong = [f"{operation['operation']} {run['kernel']}{' (library)' if run['library'] else ''}"
                 for operation in operations for run in operation["kernels"] if run["wrong"]]
        rows = sum(len(operation["kernels"]) for operation in operations)
        cut = "" if data.get("complete", True) else ", CUT OFF there"
        ceilings = data.get("ceilings")
        measured = "; not timed" if not ceilings else \
            f"; {ceilings['copy_bytes_per_second'] / 1e9:.0f} GB/s, " \
            f"{ceilings['product_operations_per_second'] / 1e12:.1f} TFLOP/s"
        print(f"{path.stem}: {len(operations)} operations, {rows} kernels{cut}{measured}")
        for case in data["cases"]:
            of_case = f"batch {case['batch']}, {case['size']}: " if len(data["cases"]) > 1 else ""
            for line in (kernels_of_case(case, ceilings) if ceilings else []) + left_out(case):
                print(f"{path.stem}: {of_case}{line}")
        if wrong:
            print(f"{path.stem}: WRONG: {', '.join(wrong)}")
            status = 1
    return status


def training(first, second):
    runs = [list(csv.DictReader((folder / "history.csv").open())) for folder in (first, second)]
    print(f"{'epoch':>5} {'train loss':>21} {'validation accuracy':>23}")
    for a, b in zip(*runs):
        print(f"{a['epoch']:>5} {float(a['train_loss']):10.4f} {float(b['train_loss']):10.4f} "
              f"{a['validation_accuracy']:>11} {b['validation_accuracy']:>11}")
    ours, theirs = (float(run[0]["train_loss"]) for run in runs)
    if not abs(ours - theirs) <= FIRST_LOSS_TOLERANCE * abs(theirs):
        print(f"the first epoch's losses differ: {ours} and {theirs}")
        return 1
    last = [run[-1] for run in runs]
    print(f"after {len(runs[0])} epochs: loss {float(last[0]['train_loss']):.4f} and "
          f"{float(last[1]['train_loss']):.4f}, accuracy {last[0]['validation_accuracy']} and "
          f"{last[1]['validation_accuracy']}")
    return 0


def main():
    words = sys.argv[1:]
    paths = [pathlib.Path(word) for word in words[1:]]
    if words[:1] == ["kernels"] and paths:
        return kernels(paths)
    if words[:1] == ["training"] and len(paths) == 2:
        return training(*paths)
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
