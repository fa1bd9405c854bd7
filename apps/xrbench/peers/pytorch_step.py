#!/usr/bin/env python3
"""Measures training steps of a network (forward, cross-entropy, backward, Adam) in PyTorch.

Wall clock: on the CPU step by step, on a GPU for all steps of a request together, which are queued one
behind the other and waited for once. --precision fp32 switches TF32 off everywhere, tf32 switches it on
for convolutions and matrix products, bf16 is autocast to bfloat16. With --weights and --data, the initial
weights, the batch `input` [N, C, H, W] (F32) and its `labels` [N] (I64) come from safetensors files, so that
another program can start from the same bytes; without them they are random.

A mode is a list of features joined with "+":
  eager           PyTorch's default (alone, or as a name for nothing else)
  channels_last   model and input in torch.channels_last
  fused_adam      Adam(fused=True)
  compile         torch.compile of the model (inductor)
  cuda_graphs     the compile mode "reduce-overhead", which records and replays CUDA graphs
  cudnn_benchmark torch.backends.cudnn.benchmark: cuDNN measures which of its kernels is fastest
  compile_all     torch.compile of forward and loss, and of the optimizer's step
  max_autotune    the compile mode "max-autotune-no-cudagraphs" in place of the default
  flush_denormal  torch.set_flush_denormal(True)
  huge_pages      THP_MEM_ALLOC_ENABLE=1: large buffers ask the kernel for huge pages
  malloc_keep     glibc keeps freed memory in place of returning it (the script starts itself again)
  jemalloc        jemalloc as allocator, keeping freed memory (Debian: libjemalloc2; starts itself again)
  medium          float32_matmul_precision "medium": reduced precision, for information only
  bfloat16        autocast to bfloat16: reduced precision
  folded          --inference: batch norms put into convolutions by torch.fx
  freezing        --inference: the compiler takes weights for constants, and folds batch norms
  bfloat16_weights  --inference: model and images converted to bfloat16, in place of autocast

Output: JSON objects, one per line, on standard output; everything else goes to standard error.

Without --serve: one line after --warm-up and --steps steps (the fields of "ready" and of a "step" answer).

With --inference a step is the forward pass in evaluation, under torch.inference_mode, and its loss.

With --serve, the line protocol that `xrbench step --serve` speaks as well:
  on start, after loading   {"ready": true, "program": NAME AND VERSION, "mode": MODE, "threads": N,
                             "batch_size": N, "parameters": N}
  "step K" on stdin         runs K steps (K >= 1) and answers
                            {"seconds": [numbers], "block": N, "losses": [K numbers], "peak_bytes": N}
                            seconds: wall clock of a step, up to and including its loss as a number; on a
                            GPU one number, the mean over the request's K steps, the wait for the last
                            included; block: steps behind each number;
                            losses: the batch's loss before the update of that step, null if not finite;
                            peak_bytes: the process's peak resident memory so far (VmHWM), on a GPU the
                            most that its allocator held
  "quit" or end of input    exit status 0
  any other line            {"error": MESSAGE}, exit status 2
The answer is flushed; nothing is written before it is asked for. The first steps of a process are slower
(allocation, compilation): whoever asks decides how many to leave out. No step runs between two answers.
"""
import argparse
import ctypes
import ctypes.util
import json
import math
import os
import sys
import time

# Features that are settings of the process, made before PyTorch is loaded.
GLIBC_KEEP = {"MALLOC_MMAP_THRESHOLD_": "17179869184", "MALLOC_TRIM_THRESHOLD_": "17179869184",
              "MALLOC_TOP_PAD_": "67108864"}
# As PyTorch's and Intel's CPU tuning guides set it.
JEMALLOC = {"LD_PRELOAD": "libjemalloc.so.2",
            "MALLOC_CONF": "oversize_threshold:1,background_thread:true,metadata_thp:auto,"
                           "dirty_decay_ms:-1,muzzy_decay_ms:-1"}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--mode", default="eager", help="features joined with '+', see the file's header")
    parser.add_argument("--batch-size", "--batch", type=int, default=60)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--model", default="report_cnn", help="a network of networks.py")
    parser.add_argument("--inference", action="store_true", help="the forward pass in evaluation, no training")
    parser.add_argument("--padding", type=int, default=2)
    parser.add_argument("--classes", type=int, default=2)
    parser.add_argument("--dropout", type=float, default=0.25)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=["fp32", "tf32", "bf16"], default="fp32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--weights", metavar="FILE", help="initial state dict, safetensors")
    parser.add_argument("--data", metavar="FILE", help="safetensors file with `input` and `labels`")
    parser.add_argument("--warm-up", type=int, default=2)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--serve", action="store_true", help="obey lines on standard input")
    parser.add_argument("--json", action="store_true", help="accepted for symmetry: output is always JSON")
    return parser.parse_args()


def prepare_process(features, threads):
    """Sets the environment that PyTorch and the C library read when they start."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if "huge_pages" in features:
        os.environ["THP_MEM_ALLOC_ENABLE"] = "1"
    wanted = {}
    for feature in features:
        if feature == "malloc_keep":
            wanted.update(GLIBC_KEEP)
        if feature == "jemalloc":
            if not ctypes.util.find_library("jemalloc"):
                sys.exit("pytorch_step.py: mode jemalloc needs libjemalloc.so.2 (Debian: libjemalloc2)")
            wanted.update(JEMALLOC)
    if any(os.environ.get(key) != value for key, value in wanted.items()):
        os.environ.update(wanted)
        os.execv(sys.executable, [sys.executable] + sys.argv)


KNOWN = {"cuda_graphs", "cudnn_benchmark", "eager", "channels_last", "fused_adam", "compile", "compile_all",
         "max_autotune", "flush_denormal", "huge_pages", "malloc_keep", "jemalloc", "medium", "bfloat16",
         "folded", "freezing", "bfloat16_weights"}
arguments = parse_arguments()
features = arguments.mode.split("+")
for feature in features:
    if feature not in KNOWN:
        sys.exit(f"pytorch_step.py: unknown feature '{feature}' in --mode; known: {', '.join(sorted(KNOWN))}")
if not arguments.inference and {"folded", "freezing", "bfloat16_weights"} & set(features):
    sys.exit(f"pytorch_step.py: mode {arguments.mode} needs --inference")
if arguments.device == "cpu" and arguments.precision == "tf32":
    sys.exit("pytorch_step.py: --precision tf32 needs --device cuda")
prepare_process(features, arguments.threads)
on_gpu = arguments.device == "cuda"
autocast = arguments.precision == "bf16" or "bfloat16" in features

import torch  # noqa: E402  (after the environment is set)
from torch import nn  # noqa: E402

import safetensors_file  # noqa: E402
import networks  # noqa: E402


def peak_bytes():
    """Peak memory: on a GPU of PyTorch's allocator, else of this process (VmHWM, in KiB in /proc/self/status)."""
    if on_gpu:
        return torch.cuda.max_memory_reserved()
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status has no VmHWM")


def read_into(reader, name, tensor):
    """Reads a tensor of a file into `tensor`'s own memory: a copy would count in the peak."""
    dtype = str(tensor.dtype).removeprefix("torch.")
    if tuple(tensor.shape) != reader.shape(name) or dtype != reader.dtype(name) or not tensor.is_contiguous():
        sys.exit(f"pytorch_step.py: {reader.path}: {name} is {reader.dtype(name)} {reader.shape(name)}, "
                 f"wanted {dtype} {tuple(tensor.shape)}")
    size = tensor.numel() * tensor.element_size()
    reader.read_bytes_into(name, (ctypes.c_ubyte * size).from_address(tensor.data_ptr()))


class Trainer:
    def __init__(self):
        a = arguments
        torch.manual_seed(a.seed)
        self.model = networks.make(a.model, a.channels, a.classes, a.image_size, a.padding, a.dropout)
        if a.weights:
            self.load_weights(a.weights)
        self.images, self.labels = (tensor.to(a.device) for tensor in self.load_batch())
        self.model = self.model.to(a.device)
        if "channels_last" in features:
            self.model = self.model.to(memory_format=torch.channels_last)
            self.images = self.images.contiguous(memory_format=torch.channels_last)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=a.lr,
                                          fused=True if "fused_adam" in features else None)
        self.parameters = sum(parameter.numel() for parameter in self.model.parameters())
        self.model.train()
        self.forward, self.update = self.loss_of_batch, self.optimizer.step
        mode = "max-autotune-no-cudagraphs" if "max_autotune" in features else None
        if "cuda_graphs" in features:
            mode = "reduce-overhead"
        if "compile" in features:
            self.model = torch.compile(self.model, mode=mode)
        if "compile_all" in features:
            self.forward = torch.compile(self.loss_of_batch, mode=mode)
            self.update = torch.compile(self.optimizer.step, mode=mode)

    def load_weights(self, path):
        reader = safetensors_file.Reader(path)
        for name, tensor in self.model.state_dict().items():
            read_into(reader, name, tensor)

    def load_batch(self):
        a = arguments
        shape = (a.batch_size, a.channels, a.image_size, a.image_size)
        if not a.data:
            return torch.rand(shape), torch.randint(0, a.classes, (a.batch_size,))
        reader = safetensors_file.Reader(a.data)
        images, labels = torch.empty(shape), torch.empty(a.batch_size, dtype=torch.int64)
        read_into(reader, "input", images)
        read_into(reader, "labels", labels)
        return images, labels

    def loss_of_batch(self):
        if autocast:
            with torch.autocast(arguments.device, dtype=torch.bfloat16):
                return self.criterion(self.model(self.images), self.labels)
        return self.criterion(self.model(self.images), self.labels)

    def queue_step(self):
        """One training step. Returns its loss, which on a GPU is not there yet."""
        if "cuda_graphs" in features:
            torch.compiler.cudagraph_mark_step_begin()
        self.optimizer.zero_grad()
        loss = self.forward()
        loss.backward()
        self.update()
        return loss.detach()

    def step(self):
        """Returns the step's wall clock in seconds and its loss."""
        begin = time.perf_counter()
        loss = self.queue_step().item()
        return time.perf_counter() - begin, loss

    def block(self, count):
        """Returns the wall clock of a step, the mean of `count`, and their losses; waits once."""
        losses = torch.empty(count, device=arguments.device)
        torch.cuda.synchronize()
        begin = time.perf_counter()
        for i in range(count):
            losses[i].copy_(self.queue_step())
        values = losses.tolist()
        return (time.perf_counter() - begin) / count, values

    def steps(self, count):
        if on_gpu:
            seconds, losses = self.block(count)
            seconds = [seconds]
        else:
            seconds, losses = zip(*(self.step() for _ in range(count)))
        return {"seconds": seconds, "block": count if on_gpu else 1,
                "losses": [loss if math.isfinite(loss) else None for loss in losses],
                "peak_bytes": peak_bytes()}


class Inference(Trainer):
    """The forward pass in evaluation."""

    def __init__(self):
        super().__init__()
        mode = "max-autotune-no-cudagraphs" if "max_autotune" in features else None
        model = getattr(self.model, "_orig_mod", self.model).eval()
        if "folded" in features:
            from torch.fx.experimental.optimization import fuse
            model = fuse(model)
        if "bfloat16_weights" in features:
            model, self.images = model.bfloat16(), self.images.bfloat16()
        if "freezing" in features:
            from torch._inductor import config
            config.freezing = True
        self.model = torch.compile(model, mode=mode) if "compile" in features else model

    def queue_step(self):
        with torch.inference_mode():
            with torch.autocast(arguments.device, dtype=torch.bfloat16, enabled=autocast):
                logits = self.model(self.images)
            return self.criterion(logits.float(), self.labels)


def write_line(values):
    print(json.dumps(values), flush=True)


def serve(trainer):
    for line in sys.stdin:
        words = line.split()
        if words == ["quit"]:
            return 0
        if len(words) != 2 or words[0] != "step" or not words[1].isdecimal() or int(words[1]) < 1:
            write_line({"error": f"'{line.strip()}' is neither 'step K' nor 'quit'"})
            return 2
        write_line(trainer.steps(int(words[1])))
    return 0


def tune_anew():
    """Compiled code may come from a cache; what Triton chose by measuring may not: who filled the cache may have
    measured beside other programs."""
    from torch._inductor import config
    if hasattr(config, "autotune_local_cache"):
        config.autotune_local_cache = False


def main():
    torch.set_num_threads(arguments.threads)
    if on_gpu and ("compile" in features or "compile_all" in features):
        tune_anew()
    if "flush_denormal" in features and not torch.set_flush_denormal(True):
        sys.exit("pytorch_step.py: this processor cannot flush denormals")
    if "medium" in features:
        torch.set_float32_matmul_precision("medium")
    if on_gpu:
        if not torch.cuda.is_available():
            sys.exit("pytorch_step.py: --device cuda: PyTorch finds no GPU here")
        torch.backends.cuda.matmul.allow_tf32 = arguments.precision != "fp32"
        torch.backends.cudnn.allow_tf32 = arguments.precision != "fp32"
        torch.backends.cudnn.benchmark = "cudnn_benchmark" in features
    trainer = Inference() if arguments.inference else Trainer()
    about = {"ready": True, "program": f"PyTorch {torch.__version__}", "mode": arguments.mode,
             "precision": arguments.precision, "device": torch.cuda.get_device_name() if on_gpu else "cpu",
             "threads": torch.get_num_threads(), "batch_size": arguments.batch_size,
             "parameters": trainer.parameters}
    if arguments.serve:
        write_line(about)
        return serve(trainer)
    if arguments.warm_up:
        trainer.steps(arguments.warm_up)
    write_line({**about, **trainer.steps(arguments.steps)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
