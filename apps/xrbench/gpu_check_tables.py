"""Short answers from the files that gpu_check.sh's steps wrote.

    gpu_check_tables.py kernels FILE...   per file of `xrbench kernels --json`: kernels that are wrong, the
                                          lowest percent of ceiling and the lowest ratio to the libraries
    gpu_check_tables.py training A B      two runs of xrtrain: their epochs; status 1 if the first epochs differ

Needs nothing but Python.
"""
import csv
import json
import pathlib
import sys

FIRST_LOSS_TOLERANCE = 0.05  # relative: other sums, then many updates of the size of the learning rate


def kernels(paths):
    status = 0
    for path in paths:
        results = [(f"{result['operation']} {result['shape']}", result["kernels"])
                   for case in json.loads(path.read_text())["cases"] for result in case["operations"]]
        runs = [(name, run) for name, kernels_of_it in results for run in kernels_of_it]
        wrong = [f"{name} {run['kernel']}" for name, run in runs if run["wrong"]]
        line = f"{path.stem}: {len(runs)} kernels"
        for key, unit in (("percent_of_ceiling", "% of ceiling"), ("ratio_to_library", "of the library's speed")):
            name, value = lowest(results, key)
            line += f"; lowest {value:.2f} {unit} ({name})" if name else f"; none has {key}"
        if wrong:
            line += f"; WRONG: {', '.join(wrong)}"
            status = 1
        print(line)
    return status


def lowest(results, key):
    """The operation whose best own kernel has the least value, and that value."""
    best = {}
    for name, kernels_of_it in results:
        values = [run[key] for run in kernels_of_it if not run["library"] and run[key] is not None]
        if values:
            best[name] = max(values)
    name = min(best, key=best.get, default=None)
    return name, best.get(name)


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
