#!/usr/bin/env python3
"""Times single operations of `xrbench kernels` beside PyTorch's, in turn in one run on the CPU.

    python apps/xrbench/peers/operations.py [--threads 1] [--processor-time] [--rounds 3] [--precisions fp32 bf16]

The operations are the first ones of torchvision's ResNets and DenseNets: the 7x7 convolution with stride 2 and its filter
gradient (images need none), and the 3x3 max pooling with stride 2 and padding 1, forward (with the places of the
maxima, as training needs them) and backward. PyTorch's forms are contiguous and channels_last, eager, with operands that
have the precision's type; xrbench's are what its networks run. Printed is a table in Markdown: medians over the rounds, and
PyTorch's best form over xrbench.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
CASES = ["conv2d_forward/resnet18.stem", "conv2d_backward_filter/resnet18.stem",
         "max_pool2d_forward/resnet18.maxpool", "max_pool2d_backward/resnet18.maxpool"]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--precisions", nargs="+", choices=["fp32", "bf16"], default=["fp32", "bf16"])
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--processor-time", action="store_true",
                        help="what a program computes in place of the clock: for a CPU that others use")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repetitions", type=int, default=5, help="samples of an operation in a round")
    parser.add_argument("--xrbench", default=os.environ.get("XRBENCH", ROOT / "build" / "bin" / "xrbench"))
    return parser.parse_args()


def ours(arguments, precision):
    """{case: {"xrbench": seconds}}: of the kernel that runs, which has no variant's name"""
    with tempfile.TemporaryDirectory() as folder:
        results = pathlib.Path(folder) / "results.json"
        command = [arguments.xrbench, "kernels", "--kernels", "custom", "--operation", "resnet18.", "--precision", precision,
                   "--batch", arguments.batch_size, "--size", arguments.image_size, "--channels", arguments.channels,
                   "--threads", arguments.threads, "--repetitions", arguments.repetitions, "--json", results]
        command += ["--processor-time"] if arguments.processor_time else []
        subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
        operations = json.loads(results.read_text())["cases"][0]["operations"]
    return {operation["operation"]: {"xrbench": run["median_seconds"]}
            for operation in operations for run in operation["kernels"] if not run["variant"]}


class PyTorch:
    def __init__(self, arguments):
        import torch
        self.torch = torch
        self.arguments = arguments
        self.now = time.process_time if arguments.processor_time else time.perf_counter
        torch.set_num_threads(arguments.threads)
        torch.manual_seed(0)

    def version(self):
        return f"PyTorch {self.torch.__version__}"

    def calls(self, precision, layout):
        """{case: function}"""
        torch, a = self.torch, self.arguments
        options = {"dtype": torch.bfloat16 if precision == "bf16" else torch.float32}

        def tensor(*shape):
            return torch.randn(*shape).to(**options, memory_format=getattr(torch, layout))

        half = a.image_size // 2
        images, weight = tensor(a.batch_size, a.channels, a.image_size, a.image_size), tensor(64, a.channels, 7, 7)
        features = tensor(a.batch_size, 64, half, half)
        window = ([3, 3], [2, 2], [1, 1], [1, 1], False)
        aten = torch.ops.aten
        pooled, places = aten.max_pool2d_with_indices(features, *window)
        gradient = torch.randn(pooled.shape).to(**options, memory_format=getattr(torch, layout))
        return dict(zip(CASES, [
            lambda: torch.nn.functional.conv2d(images, weight, stride=2, padding=3),
            lambda: aten.convolution_backward(features, images, weight, None, [2, 2], [3, 3], [1, 1], False, [0, 0], 1,
                                              [False, True, False]),
            lambda: aten.max_pool2d_with_indices(features, *window),
            lambda: aten.max_pool2d_with_indices_backward(gradient, features, *window, places)]))

    def seconds(self, call):
        call()
        samples = []
        for _ in range(self.arguments.repetitions):
            start = self.now()
            call()
            samples.append(self.now() - start)
        return statistics.median(samples)

    def round(self, precision):
        result = {case: {} for case in CASES}
        with self.torch.inference_mode():
            for layout in ("contiguous_format", "channels_last"):
                for case, call in self.calls(precision, layout).items():
                    result[case][f"PyTorch {layout.removesuffix('_format')}"] = self.seconds(call)
        return result


def table(samples):
    """samples: {(case, precision): {program: [seconds of a round]}}. Markdown, a row for each key."""
    programs = list(dict.fromkeys(program for rounds in samples.values() for program in rounds))
    lines = ["| milliseconds | " + " | ".join(programs) + " | PyTorch's best over xrbench |",
             "|---" * (len(programs) + 2) + "|"]
    for (case, precision), rounds in samples.items():
        medians = {program: statistics.median(seconds) for program, seconds in rounds.items()}
        best = min(value for program, value in medians.items() if program.startswith("PyTorch"))
        cells = [f"{1e3 * medians[program]:.1f}" if program in medians else "-" for program in programs]
        lines.append(f"| `{case}`, {precision} | " + " | ".join(cells) + f" | {best / medians['xrbench']:.2f} |")
    return "\n".join(lines)


def main():
    arguments = parse_arguments()
    try:
        pytorch = PyTorch(arguments)
    except ImportError:
        sys.exit(f"operations.py: {sys.executable} has no torch; use a Python that has it")
    samples = {}
    for _ in range(arguments.rounds):
        for precision in arguments.precisions:
            for result in (ours(arguments, precision), pytorch.round(precision)):
                for case in CASES:
                    for program, seconds in result[case].items():
                        samples.setdefault((case, precision), {}).setdefault(program, []).append(seconds)
    print(f"batch {arguments.batch_size}, {arguments.channels}x{arguments.image_size}x{arguments.image_size}, "
          f"{arguments.threads} threads, {'processor time' if arguments.processor_time else 'by the clock'}, medians of "
          f"{arguments.rounds} rounds of {arguments.repetitions}; {pytorch.version()}\n")
    print(table(samples))


if __name__ == "__main__":
    main()
