"""Alternates blocks of training steps between xrbench and PyTorch and prints their ratio; see compare.sh.

Every program is started once per phase with --serve and obeys the line protocol that pytorch_step.py
describes. Ours is started as

    xrbench step --serve --model report_cnn --batch-size N --image-size N --channels N --padding N
                 --device D --precision P --kernels K --threads N --dropout P --lr X --seed N [--write-state FILE]

--write-state writes the initial state dict and the batch, `input` (F32) and `labels` (I64), to one
safetensors file before the first step, and PyTorch starts from that file.

Phases: 1. losses of the first steps without dropout, which must agree; 2. a trial of each PyTorch mode
alone, which finds its best form; 3. ours, PyTorch's default and PyTorch's best form, loaded side by side,
one of them computing at a time, in blocks of steps whose order rotates.

On a GPU (--device cuda) a block is timed as a whole, since programs that wait after each step would be
timed waiting; the programs of phase 2 stay loaded for phase 3. simt has no peer but the CPU's FP32.
"""
import argparse
import contextlib
import ctypes.util
import datetime
import json
import math
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
DEFAULT_MODE = "eager"
TUNED = "channels_last+fused_adam"
MODES = (f"channels_last {TUNED} {TUNED}+huge_pages {TUNED}+malloc_keep "
         f"compile+{TUNED} compile+{TUNED}+malloc_keep")
JEMALLOC_MODES = f" {TUNED}+jemalloc compile+{TUNED}+jemalloc"
GPU_TUNED = TUNED + "+cudnn_benchmark"
GPU_MODES = f"{GPU_TUNED} compile+cuda_graphs+{GPU_TUNED}"
LOSS_STEPS = 3
# Relative, of the first steps' losses. Adam's first updates have the size of the learning rate, whatever the
# gradient's: what rounding does to small gradients' signs, the later losses show many times larger.
LOSS_TOLERANCES = {"fp32": (1e-3, 1e-3, 1e-3), "tf32": (2e-3, 1e-2, 5e-2), "bf16": (1e-2, 5e-2, 2e-1)}
LINES = []  # everything printed, for --output


def say(line):
    print(line, flush=True)
    LINES.append(line)


class Failure(Exception):
    """A message for the user; the comparison ends."""


class Server:
    """A program that speaks the line protocol."""

    def __init__(self, label, command):
        self.label = label
        self.seconds = []
        self.peak_bytes = 0
        try:
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, text=True)
        except OSError as error:
            raise Failure(f"cannot start {command[0]}: {error.strerror}") from error
        self.about = self.answer()
        if not self.about.get("ready"):
            raise Failure(f"{label}: its first line does not say that it is ready: {self.about}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failure(f"{self.label} ended with status {self.process.wait()}")
        try:
            values = json.loads(line)
        except json.JSONDecodeError as error:
            raise Failure(f"{self.label}: not a line of JSON: {line.strip()}") from error
        if "error" in values:
            raise Failure(f"{self.label}: {values['error']}")
        return values

    def step(self, count):
        """Runs `count` steps. Returns (seconds of each, losses)."""
        self.process.stdin.write(f"step {count}\n")
        self.process.stdin.flush()
        values = self.answer()
        timed = math.ceil(count / values.get("block", 1))
        if len(values["seconds"]) != timed or len(values["losses"]) != count:
            raise Failure(f"{self.label}: asked for {count} steps, got {len(values['losses'])} and "
                          f"{len(values['seconds'])} times")
        self.peak_bytes = values["peak_bytes"]
        return values["seconds"], values["losses"]


def percentile(values, fraction):
    """Linear interpolation between the closest ranks."""
    ordered = sorted(values)
    position = fraction * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (position - low) * (ordered[high] - ordered[low])


def parse_arguments():
    parser = argparse.ArgumentParser(prog="compare.sh", description="Training steps of the report's network: "
                                     "xrbench and PyTorch on the same cores or GPU, in one run.")
    parser.add_argument("--device", choices=["cpu", "cuda", "simt"], default="cpu",
                        help="simt beside PyTorch on the CPU: for trying things out, never for times")
    parser.add_argument("--precision", choices=list(LOSS_TOLERANCES), default="fp32")
    parser.add_argument("--kernels", choices=["auto", "custom", "cudnn"], default="auto", help="of xrbench")
    parser.add_argument("--no-cuda-graph", action="store_true", help="of xrbench")
    parser.add_argument("--keep-going", action="store_true",
                        help="leave out PyTorch modes that fail; measure although losses differ, and end "
                        "with status 1 then")
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
    parser.add_argument("--trial", type=int, help="steps of each mode in the trial phase (default 5; 40 with cuda)")
    modes = MODES + (JEMALLOC_MODES if ctypes.util.find_library("jemalloc") else "")
    parser.add_argument("--modes", help="PyTorch modes to try, separated by spaces; pytorch_step.py explains "
                        f"them (default: {modes}; with cuda: {GPU_MODES})")
    parser.add_argument("--output", type=pathlib.Path, help="also write what is printed to this Markdown file")
    parser.add_argument("--xrbench", default=os.environ.get("XRBENCH", ROOT / "build" / "bin" / "xrbench"))
    parser.add_argument("--python", default=os.environ.get("XR_PYTHON", sys.executable))
    arguments = parser.parse_args()
    usable = os.sched_getaffinity(0)
    on_gpu = arguments.device == "cuda"
    if arguments.device == "cpu" and arguments.precision != "fp32":
        parser.error("--precision: the CPU computes in fp32 only")
    defaults = dict(rounds=12, block=20, warm_up=12, trial=40, modes=GPU_MODES) if on_gpu else \
        dict(rounds=6, block=4, warm_up=3, trial=5, modes=modes)
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
        self.on_gpu = arguments.device == "cuda"
        self.agree = True
        self.state = pathlib.Path(folder) / "state.safetensors"

    def problem(self, dropout):
        a = self.arguments
        return ["--batch-size", a.batch_size, "--image-size", a.image_size, "--channels", a.channels,
                "--padding", a.padding, "--threads", a.threads, "--dropout", dropout, "--lr", a.lr,
                "--seed", a.seed]

    def ours(self, dropout, *more):
        return Server("xrbench", [self.arguments.xrbench, "step", "--serve", "--model", "report_cnn",
                                  "--device", self.arguments.device, "--precision", self.arguments.precision,
                                  "--kernels", self.arguments.kernels,
                                  *(["--no-cuda-graph"] if self.arguments.no_cuda_graph else []),
                                  *self.problem(dropout), *more])

    def pytorch(self, mode, dropout):
        return Server(f"PyTorch {mode}",
                      [self.arguments.python, HERE / "pytorch_step.py", "--serve", "--mode", mode,
                       "--weights", self.state, "--data", self.state,
                       *(["--device", "cuda", "--precision", self.arguments.precision] if self.on_gpu else []),
                       *self.problem(dropout)])

    def reference_losses(self):
        """Our first losses without dropout; writes the state that PyTorch starts from."""
        with self.ours(0, "--write-state", self.state) as server:
            return server.step(LOSS_STEPS)[1]

    def check_losses(self, ours, mode):
        with self.pytorch(mode, 0) as server:
            theirs = server.step(LOSS_STEPS)[1]
        say(f"losses without dropout: ours {ours}, PyTorch {mode} {theirs}")
        tolerances = LOSS_TOLERANCES[self.arguments.precision]
        for step, (our, their) in enumerate(zip(ours, theirs)):
            if our is None or their is None or not abs(our - their) <= tolerances[step] * abs(their):
                message = f"step {step}: our loss is {our}, PyTorch's ({mode}) {their}: not the same work"
                if not self.arguments.keep_going:
                    raise Failure(message)
                say(f"DIFFERENT LOSSES: {message}")
                self.agree = False

    def try_mode(self, mode, stack):
        """Median seconds of a step, tried alone, and the server, which `stack` ends."""
        server = stack.enter_context(self.pytorch(mode, self.arguments.dropout))
        server.step(self.arguments.warm_up)
        seconds = percentile([value for _ in range(self.arguments.trial // 10 if self.on_gpu else 1)
                              for value in server.step(10 if self.on_gpu else self.arguments.trial)[0]], 0.5)
        say(f"trial: {server.about['program']} {mode}: median {seconds * 1e3:.{self.digits()}f} ms, "
            f"peak {server.peak_bytes / 1e6:.0f} MB")
        return seconds, server

    def digits(self):
        return 2 if self.on_gpu else 0

    def find_best_mode(self, stack):
        """The mode with the least median step time, each tried alone, and its server if that still runs."""
        best, best_seconds, servers = DEFAULT_MODE, math.inf, {}
        for mode in dict.fromkeys([DEFAULT_MODE, *self.arguments.modes.split()]):
            try:
                if self.on_gpu:
                    seconds, servers[mode] = self.try_mode(mode, stack)
                else:
                    with contextlib.ExitStack() as one:
                        seconds, _ = self.try_mode(mode, one)
            except Failure as failure:
                if mode == DEFAULT_MODE or not self.arguments.keep_going:
                    raise
                say(f"LEFT OUT: {failure}")
                continue
            if seconds < best_seconds:
                best, best_seconds = mode, seconds
        return best, servers

    def alternate(self, servers):
        for server in servers:
            server.step(self.arguments.warm_up)
        for round_index in range(self.arguments.rounds):
            first = round_index % len(servers)
            for server in servers[first:] + servers[:first]:
                server.seconds += server.step(self.arguments.block)[0]

    def run(self):
        our_losses = self.reference_losses()
        self.check_losses(our_losses, DEFAULT_MODE)
        dropout = self.arguments.dropout
        with contextlib.ExitStack() as stack:
            best, servers = self.find_best_mode(stack)
            if best != DEFAULT_MODE:
                self.check_losses(our_losses, best)
            ours = stack.enter_context(self.ours(dropout))
            if not servers:
                servers = {mode: stack.enter_context(self.pytorch(mode, dropout))
                           for mode in dict.fromkeys([DEFAULT_MODE, best])}
            theirs = [server for mode, server in servers.items() if mode != best] + [servers[best]]
            self.alternate([ours, *theirs])
            return ours, theirs


def first_line(command, otherwise="unknown"):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return otherwise


def write_page(path, device):
    """What was printed, as a page that says where and when."""
    commit = first_line(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"],
                        os.environ.get("XR_COMMIT", "unknown"))
    cpu = next((line.split(":")[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), "unknown processor")
    gpu = "" if device == "cpu" else "; " + first_line(
        ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"])
    path.write_text("\n".join([
        f"# A training step beside PyTorch, {datetime.date.today()}", "",
        f"Commit {commit}, {cpu}, {os.cpu_count()} cores{gpu}. Written by `apps/xrbench/peers/compare.sh "
        f"{' '.join(sys.argv[1:])}`.", "", "```", *LINES, "```", ""]))


def print_table(arguments, ours, theirs):
    size = arguments.image_size
    say("")
    say(f"batch {arguments.batch_size}, {arguments.channels}x{size}x{size}, padding {arguments.padding}, "
          f"dropout {arguments.dropout}, Adam; "
          f"{ours.about['mode']} in {arguments.precision}; cores {sorted(arguments.cores)}, "
          f"{arguments.threads} threads; {ours.about['program']}, {theirs[0].about['program']}")
    say(f"{'program':58} {'median ms':>9} {'p20':>7} {'p80':>7} {'peak MB':>8} {'ratio':>6}")
    digits = 2 if arguments.device == "cuda" else 0
    ours_median = percentile(ours.seconds, 0.5)
    for server in [ours, *theirs]:
        low, median, high = (percentile(server.seconds, fraction) for fraction in (0.2, 0.5, 0.8))
        say(f"{server.label:58} {median * 1e3:9.{digits}f} {low * 1e3:7.{digits}f} {high * 1e3:7.{digits}f} "
              f"{server.peak_bytes / 1e6:8.0f} {median / ours_median:6.2f}")
    say(f"ratio {percentile(theirs[-1].seconds, 0.5) / ours_median:.2f}")


def main():
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # removes the state file, too
    try:
        with tempfile.TemporaryDirectory(prefix="xr-compare-") as folder:
            comparison = Comparison(arguments, folder)
            ours, theirs = comparison.run()
    except Failure as failure:
        print(f"compare.sh: {failure}", file=sys.stderr)
        return 1
    print_table(arguments, ours, theirs)
    if arguments.output:
        write_page(arguments.output, arguments.device)
    return 0 if comparison.agree else 1


if __name__ == "__main__":
    sys.exit(main())
