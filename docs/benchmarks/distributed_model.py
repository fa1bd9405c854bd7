"""Prints the table of distributed.md: how much of the sum of gradients a step waits for, by a model.

    distributed_model.py [--check PAGE]

With --check it prints nothing and fails unless the page has the table. Nothing of it was measured: the assumptions are
the constants below. All times are of one step with BATCH images per GPU.
"""
import math
import sys

BATCH = 32
FLOPS = 100e12  # that a GPU reaches in convolutions and products: a fifth of an H100's dense TF32
BACKWARD = 2  # floating-point operations of backward per one of forward
BUCKET = (1 << 20, 16 << 20)  # bytes, engine/distributed/bucket_sums.h
MESSAGE = 1e-6  # seconds of a rank for each message that it sends

# Forward GFLOP per image, and (bytes, part of backward after which they are final) from the last layer to the first.
MB = 1e6
NETWORKS = {
    "xray_resnet, 11 MB": (0.9, [(8.4 * MB, 0.25), (2.1 * MB, 0.5), (0.6 * MB, 0.75), (0.1 * MB, 1.0)]),
    "resnet18, 45 MB": (3.6, [(33.6 * MB, 0.25), (8.4 * MB, 0.5), (2.1 * MB, 0.75), (0.6 * MB, 1.0)]),
    "report_cnn, 465 MB": (0.72, [(464.9 * MB, 0.33), (0.1 * MB, 1.0)]),
}

# Ranks, bytes per second that each sends while it receives as many, seconds from rank to rank.
PLACES = {
    "8 GPUs, NVLink (450 GB/s each way)": (8, 450e9, 5e-6),
    "8 GPUs through the host (25 GB/s each)": (8, 25e9, 20e-6),
    "64 GPUs, 400 Gbit/s each": (64, 50e9, 10e-6),
    "1000 machines, 100 Gbit/s each": (1000, 12.5e9, 20e-6),
}


def buckets(stages, largest):
    """Sizes in bytes, and when each is final, in the order of backward."""
    result, size = [], 0.0
    for stage, final in stages:
        size += stage
        if size < BUCKET[0] and final < 1:
            continue
        pieces = math.ceil(size / largest)
        result += [(size / pieces, final)] * pieces
        size = 0.0
    return result


def sum_seconds(size, ranks, bandwidth, latency, messages):
    """Of one bucket: its parts are gathered by their ranks, and the sums are sent to all."""
    return 2 * (ranks - 1) / ranks * size / bandwidth + 2 * (latency + messages * MESSAGE)


def waiting(network, place, halving=False):
    """Seconds of backward, of all sums, and from the end of backward to the last sum."""
    gflop, stages = NETWORKS[network]
    ranks, bandwidth, latency = PLACES[place]
    backward = BATCH * gflop * 1e9 * BACKWARD / FLOPS
    messages = math.log2(ranks) if halving else ranks - 1
    largest = sum(size for size, _ in stages) if halving else BUCKET[1]
    now = total = 0.0
    for size, final in buckets(stages, largest):
        seconds = sum_seconds(size, ranks, bandwidth, latency * (messages if halving else 1), messages)
        now = max(now, final * backward) + seconds
        total += seconds
    return backward, total, now - backward


def table():
    lines = ["| network | place | backward, ms | sums, ms | waited, ms | waited with recursive halving, ms |",
             "|---|---|---:|---:|---:|---:|"]
    for network in NETWORKS:
        for place in PLACES:
            backward, total, left = waiting(network, place)
            lines.append(f"| {network} | {place} | {1e3 * backward:.2f} | {1e3 * total:.2f} | {1e3 * left:.2f} | "
                         f"{1e3 * waiting(network, place, halving=True)[2]:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--check":
        with open(sys.argv[2], encoding="utf-8") as page:
            if table() not in page.read():
                sys.exit(f"{sys.argv[2]} has not the table that distributed_model.py prints")
    else:
        print(table())
