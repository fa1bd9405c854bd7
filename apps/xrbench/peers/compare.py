"""Alternates blocks of training steps between xrbench and PyTorch and prints their ratio; see compare.sh.

Every program is started once per phase with --serve and obeys the line protocol that pytorch_step.py
describes. Ours is started as

    xrbench step --serve [--inference] --model M --batch-size N --image-size N --channels N --padding N
                 --device D --precision P --kernels K --threads N --dropout P --lr X --seed N [--write-state FILE]

--write-state writes the initial state dict and the batch, `input` (F32) and `labels` (I64), to one
safetensors file before the first step, and PyTorch starts from that file.

Phases: 1. losses of the first steps without dropout, which must agree; 2. a trial of each PyTorch mode
alone, which finds its best form; 3. ours, PyTorch's default and PyTorch's best form, loaded side by side,
one of them computing at a time, in blocks of steps whose order rotates.

On a GPU (--device cuda) a block is timed as a whole, since programs that wait after each step would be
timed waiting. There all programs start side by side (--together), and phase 2 is left out: all modes take
part in phase 3. They warm up, with what they compile and tune, one after the other while nothing else runs.
simt has no peer but the CPU's FP32.

Whatever ends the comparison, --output has what was said until then.
"""
import argparse
import concurrent.futures
import contextlib
import ctypes.util
import datetime
import math
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from server import Failure, Server

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
DEFAULT_MODE = "eager"
TUNED = "channels_last+fused_adam"
MODES = (f"channels_last {TUNED} {TUNED}+huge_pages {TUNED}+malloc_keep "
         f"compile+{TUNED} compile+{TUNED}+malloc_keep")
BF16_MODES = (f" {TUNED}+bfloat16 {TUNED}+bfloat16+malloc_keep"
              f" compile+{TUNED}+bfloat16 compile+{TUNED}+bfloat16+malloc_keep")
# Of evaluation: compiled with frozen weights, PyTorch folds batch norms into convolutions.
INFERENCE_MODES = ("channels_last folded+channels_last folded+channels_last+malloc_keep compile+channels_last "
                   "compile+freezing+channels_last compile+freezing+channels_last+malloc_keep")
INFERENCE_BF16_MODES = (" folded+channels_last+bfloat16 compile+freezing+channels_last+bfloat16"
                        " compile+freezing+channels_last+bfloat16+malloc_keep"
                        " compile+freezing+channels_last+bfloat16_weights+malloc_keep")
JEMALLOC_MODES = f" {TUNED}+jemalloc compile+{TUNED}+jemalloc"
GPU_TUNED = TUNED + "+cudnn_benchmark"
GPU_MODES = f"{GPU_TUNED} compile+cuda_graphs+{GPU_TUNED}"
LOSS_STEPS = 3
# Relative, of the first steps' losses. Adam's first updates have the size of the learning rate, whatever the
# gradient's: what rounding does to small gradients' signs, the later losses show many times larger.
LOSS_TOLERANCES = {"fp32": (1e-3, 1e-3, 1e-3), "tf32": (2e-3, 1e-2, 5e-2), "bf16": (1e-2, 5e-2, 2e-1)}
LOSS_ROUNDING = 1e-6  # a small loss is a difference of numbers near 1
LINES = []  # everything printed, for --output


def say(line):
    print(line, flush=True)
    LINES.append(line)


def percentile(values, fraction):
    """Linear interpolation between the closest ranks."""
    ordered = sorted(values)
    position = fraction * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (position - low) * (ordered[high] - ordered[low])


def parse_arguments():
    parser = argparse.ArgumentParser(prog="compare.sh", description="Training steps of a network: "
                                     "xrbench and PyTorch on the same cores or GPU, in one run.")
    parser.add_argument("--device", choices=["cpu", "cuda", "simt"], default="cpu",
                        help="simt beside PyTorch on the CPU: for trying things out, never for times")
    parser.add_argument("--precision", choices=list(LOSS_TOLERANCES), default="fp32")
    parser.add_argument("--kernels", choices=["auto", "custom", "cudnn"], default="auto", help="of xrbench")
    parser.add_argument("--no-cuda-graph", action="store_true", help="of xrbench")
    parser.add_argument("--keep-going", action="store_true",
                        help="leave out PyTorch modes that fail; measure although losses differ; end with "
                        "status 1 then")
    parser.add_argument("--model", default="report_cnn", help="a network of networks.py")
    parser.add_argument("--inference", action="store_true",
                        help="the forward pass in evaluation, with batch norms folded, in place of a training step")
    parser.add_argument("--batch-size", type=int, default=60)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--padding", type=int, default=2)
    parser.add_argument("--dropout", type=float, default=0.25)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cores", help="the cores that everything runs on (default 0,1; all with cuda)")
    parser.add_argument("--threads", type=int, help="threads of each program (default: one per core)")
    parser.add_argument("--rounds", type=int, help="rounds of the alternating phase (default 6; 12 with cuda)")
    parser.add_argument("--block", type=int, help="steps of a program in one round (default 4; 20 with cuda)")
    parser.add_argument("--warm-up", type=int, help="steps that are not counted, per process (default 3; 12 with cuda)")
    parser.add_argument("--trial", type=int, default=5, help="steps of each mode in the trial phase")
    parser.add_argument("--together", action="store_true", help="all programs start side by side, and there is "
                        "no trial phase (always so with cuda)")
    parser.add_argument("--simulated", action="store_true", help="the device is simulated: PyTorch runs on the CPU, "
                        "and only losses mean anything")
    parser.add_argument("--patience", type=float, default=600, help="together: seconds after which a PyTorch mode "
                        "that is not ready is a failure")
    training_modes = MODES + (JEMALLOC_MODES if ctypes.util.find_library("jemalloc") else "")
    parser.add_argument("--modes", help="PyTorch modes to try, separated by spaces; pytorch_step.py explains "
                        f"them (default: {training_modes}; with cuda: {GPU_MODES}; --inference on the cpu: "
                        f"{INFERENCE_MODES})")
    parser.add_argument("--output", type=pathlib.Path, help="also write what is printed to this Markdown file")
    parser.add_argument("--xrbench", default=os.environ.get("XRBENCH", ROOT / "build" / "bin" / "xrbench"))
    parser.add_argument("--python", default=os.environ.get("XR_PYTHON", sys.executable))
    arguments = parser.parse_args()
    usable = os.sched_getaffinity(0)
    on_gpu = arguments.device == "cuda" and not arguments.simulated
    if arguments.device == "cpu" and arguments.precision == "tf32":
        parser.error("--precision: the CPU computes in fp32 or bf16")
    modes = INFERENCE_MODES if arguments.inference else training_modes
    if arguments.device == "cpu" and arguments.precision == "bf16":
        modes += INFERENCE_BF16_MODES if arguments.inference else BF16_MODES
    if on_gpu and arguments.inference:
        parser.error("--inference is timed on the cpu so far: leave out --device cuda")
    arguments.together = arguments.together or on_gpu
    defaults = dict(rounds=12, block=20, warm_up=12, modes=GPU_MODES) if on_gpu else \
        dict(rounds=6, block=4, warm_up=3, modes=modes)
    defaults["cores"] = ",".join(map(str, sorted(usable))) if on_gpu else "0,1"
    for name, value in defaults.items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)
    cores = {int(core) if core.isdecimal() else -1 for core in arguments.cores.split(",")}
    if not cores <= usable:
        parser.error(f"--cores {arguments.cores}: this process may use the cores {sorted(usable)}")
    arguments.cores = cores
    os.sched_setaffinity(0, cores)  # inherited by every program
    arguments.threads = arguments.threads or len(arguments.cores)
    if min(arguments.rounds, arguments.block, arguments.trial, arguments.warm_up) < 1:
        parser.error("--rounds, --block, --trial and --warm-up must be at least 1")
    return arguments


class Comparison:
    def __init__(self, arguments, folder):
        self.arguments = arguments
        self.on_gpu = arguments.device == "cuda" and not arguments.simulated
        self.agree = True
        self.left_out = []  # modes
        self.parties = []  # who is timed: ours, then PyTorch's modes
        self.state = pathlib.Path(folder) / "state.safetensors"

    def problem(self, dropout):
        a = self.arguments
        return ["--batch-size", a.batch_size, "--image-size", a.image_size, "--channels", a.channels,
                *(["--inference"] if a.inference else []), "--padding", a.padding, "--threads", a.threads, "--dropout", dropout, "--lr", a.lr,
                "--seed", a.seed]

    def ours(self, dropout, *more):
        return Server("xrbench", [self.arguments.xrbench, "step", "--serve", "--model", self.arguments.model,
                                  "--device", self.arguments.device, "--precision", self.arguments.precision,
                                  "--kernels", self.arguments.kernels,
                                  *(["--no-cuda-graph"] if self.arguments.no_cuda_graph else []),
                                  *self.problem(dropout), *more])

    def pytorch(self, mode, dropout):
        return Server(f"PyTorch {mode}",
                      [self.arguments.python, HERE / "pytorch_step.py", "--serve", "--mode", mode, "--model", self.arguments.model,
                       "--weights", self.state, "--data", self.state,
                       *(["--device", "cuda", "--precision", self.arguments.precision] if self.on_gpu else []),
                       *self.problem(dropout)])

    def reference_losses(self):
        """Our first losses without dropout; writes the state that PyTorch starts from."""
        with self.ours(0, "--write-state", self.state) as server:
            return server.step(LOSS_STEPS)[1]

    def first_losses(self, mode):
        with self.pytorch(mode, 0) as server:
            return server.step(LOSS_STEPS)[1]

    def check_losses(self, ours, mode, theirs):
        say(f"losses without dropout: ours {ours}, PyTorch {mode} {theirs}")
        tolerances = LOSS_TOLERANCES["bf16" if "bfloat16" in mode else self.arguments.precision]
        for step, (our, their) in enumerate(zip(ours, theirs)):
            if our is None or their is None or \
                    not abs(our - their) <= tolerances[step] * abs(their) + LOSS_ROUNDING:
                message = f"step {step}: our loss is {our}, PyTorch's ({mode}) {their}: not the same work"
                if not self.arguments.keep_going:
                    raise Failure(message)
                say(f"DIFFERENT LOSSES: {message}")
                self.agree = False

    def modes(self):
        return list(dict.fromkeys([DEFAULT_MODE, *self.arguments.modes.split()]))

    def leave_out(self, mode, failure):
        """Says that a mode failed, or ends the comparison."""
        if mode == DEFAULT_MODE or not self.arguments.keep_going:
            raise failure
        say(f"LEFT OUT: {failure}")
        self.left_out.append(mode)

    def try_mode(self, mode):
        """Median seconds of a step, tried alone."""
        with self.pytorch(mode, self.arguments.dropout) as server:
            self.warm_up(server)
            seconds = percentile(self.finite_steps(server, self.arguments.trial), 0.5)
            say(f"trial: {server.about['program']} {mode}: median {seconds * 1e3:.0f} ms, "
                f"peak {server.peak_bytes / 1e6:.0f} MB")
            return seconds

    def find_best_mode(self):
        """The mode with the least median step time, each tried alone."""
        best, best_seconds = DEFAULT_MODE, math.inf
        for mode in self.modes():
            try:
                seconds = self.try_mode(mode)
            except Failure as failure:
                self.leave_out(mode, failure)
                continue
            if seconds < best_seconds:
                best, best_seconds = mode, seconds
        return best

    def warm_up(self, server):
        """Also what the program compiles and tunes by measuring: nothing else may run."""
        self.finite_steps(server, self.arguments.warm_up)

    @staticmethod
    def finite_steps(server, count):
        seconds, losses = server.step(count)
        if any(loss is None or not math.isfinite(loss) for loss in losses):
            raise Failure(f"{server.label}: losses that are not finite: {losses}")
        return seconds

    def alternate(self, servers):
        """Servers that have warmed up."""
        self.parties = servers
        for round_index in range(self.arguments.rounds):
            first = round_index % len(servers)
            for server in servers[first:] + servers[:first]:
                server.seconds += self.finite_steps(server, self.arguments.block)

    def run(self):
        if self.arguments.together:
            return self.run_together()
        our_losses = self.reference_losses()
        self.check_losses(our_losses, DEFAULT_MODE, self.first_losses(DEFAULT_MODE))
        best = self.find_best_mode()
        if best != DEFAULT_MODE:
            self.check_losses(our_losses, best, self.first_losses(best))
        dropout = self.arguments.dropout
        with contextlib.ExitStack() as stack:
            servers = [stack.enter_context(server) for server in
                       [self.ours(dropout), *(self.pytorch(mode, dropout)
                                              for mode in dict.fromkeys([DEFAULT_MODE, best]))]]
            for server in servers:
                self.warm_up(server)
            self.alternate(servers)

    def run_together(self):
        """Programs start side by side; those that only show their losses end before the others warm up, one after
        the other, for what is tuned beside other programs is tuned for another machine."""
        our_losses = self.reference_losses()
        a = self.arguments
        begin = time.monotonic()

        def wait(future, mode):
            left = None if mode == DEFAULT_MODE else max(0, begin + a.patience - time.monotonic())
            try:
                return future.result(left)
            except concurrent.futures.TimeoutError:
                raise Failure(f"PyTorch {mode} was not ready after {a.patience:.0f} s") from None

        with contextlib.ExitStack() as stack:
            modes = self.modes()
            pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(2 * len(modes) + 1))

            def start(server, steps=0):
                stack.callback(server.end)
                return server, pool.submit(server.prepare, steps)

            ours, ours_ready = start(self.ours(a.dropout))
            timed = {mode: start(self.pytorch(mode, a.dropout)) for mode in modes}
            checked = {mode: start(self.pytorch(mode, 0), LOSS_STEPS) for mode in modes}
            ours_ready.result()
            running = []
            for mode in modes:
                server, ready = timed[mode]
                try:
                    self.check_losses(our_losses, mode, wait(checked[mode][1], mode))
                    wait(ready, mode)
                    running.append(mode)
                except Failure as failure:
                    server.end()
                    self.leave_out(mode, failure)
                checked[mode][0].end()
            say(f"started after {time.monotonic() - begin:.0f} s")
            self.warm_up(ours)
            parties = [ours]
            for mode in running:
                server = timed[mode][0]
                try:
                    wait(pool.submit(self.warm_up, server), mode)
                    parties.append(server)
                except Failure as failure:
                    server.end()
                    self.leave_out(mode, failure)
            say(f"ready after {time.monotonic() - begin:.0f} s")
            self.alternate(parties)


def first_line(command, otherwise="unknown"):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return otherwise


def write_page(path, device, xrbench, inference):
    """What was printed, as a page that says where and when."""
    commit = first_line([str(xrbench), "--version"]).split()[-1]
    cpu = next((line.split(":")[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), "unknown processor")
    gpu = "" if device == "cpu" else "; " + first_line(
        ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"])
    path.write_text("\n".join([
        f"# {'Inference' if inference else 'A training step'} beside PyTorch, {datetime.date.today()}", "",
        f"Commit {commit}, {cpu}, {os.cpu_count()} cores{gpu}. Written by `apps/xrbench/peers/compare.sh "
        f"{' '.join(sys.argv[1:])}`.", "", "```", *LINES, "```", ""]))


def print_table(arguments, ours, theirs, left_out=()):
    """`theirs`: PyTorch's default first; left_out: modes of which there is no figure."""
    size = arguments.image_size
    say("")
    say(f"{'inference of ' if arguments.inference else ''}{arguments.model}, batch {arguments.batch_size}, {arguments.channels}x{size}x{size}, "
        f"padding {arguments.padding}, "
        f"{'' if arguments.inference else f'dropout {arguments.dropout}, Adam; '}"
        f"{ours.about['mode']} in {arguments.precision}; cores {sorted(arguments.cores)}, "
        f"{arguments.threads} threads; {ours.about['program']}, {theirs[0].about['program']}")
    say(f"{'program':68} {'median ms':>9} {'p20':>7} {'p80':>7} {'peak MB':>8} {'ratio':>6}")
    ours_median = percentile(ours.seconds, 0.5)
    digits = 2 if arguments.device == "cuda" or ours_median < 0.02 else 0
    for server in [ours, *theirs]:
        low, median, high = (percentile(server.seconds, fraction) for fraction in (0.2, 0.5, 0.8))
        say(f"{server.label:68} {median * 1e3:9.{digits}f} {low * 1e3:7.{digits}f} {high * 1e3:7.{digits}f} "
            f"{server.peak_bytes / 1e6:8.0f} {median / ours_median:6.2f}")
    say(f"ratio to eager {percentile(theirs[0].seconds, 0.5) / ours_median:.2f}")
    without = f" (best of those that ran; left out: {', '.join(left_out)})" if left_out else ""
    say(f"ratio {min(percentile(server.seconds, 0.5) for server in theirs) / ours_median:.2f}{without}")


def run(arguments, folder):
    comparison = Comparison(arguments, folder)
    whole = False
    try:
        comparison.run()
        whole = True
    except Failure as failure:
        LINES.append(f"FAILED: {failure}")
        print(f"compare.sh: {failure}", file=sys.stderr)
    finally:
        parties = comparison.parties
        if parties and all(party.seconds for party in parties):
            if not whole:
                say("CUT OFF before the last round")
            print_table(arguments, parties[0], parties[1:], comparison.left_out)
    return 0 if whole and comparison.agree and not comparison.left_out else 1


def main():
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # removes the state file, too
    try:
        with tempfile.TemporaryDirectory(prefix="xr-compare-") as folder:
            return run(arguments, folder)
    finally:
        if arguments.output:
            write_page(arguments.output, arguments.device, arguments.xrbench, arguments.inference)


if __name__ == "__main__":
    sys.exit(main())
