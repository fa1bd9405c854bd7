#!/usr/bin/env python3
"""A link with delay and loss between two network namespaces, where the kernel has no netem.

    link.py NAMESPACE:DEVICE NAMESPACE:DEVICE --delay MS --loss PERCENT [--seed N]

Makes a TAP device in each namespace (names of `ip netns`) and carries Ethernet frames between them. A frame is lost if
BLAKE2b of (seed, direction, its number) says so, so the same frames are lost each time; another arrives after the delay,
in order. "ready" is printed when both devices are there; at SIGTERM or SIGINT they vanish, and how many frames each
direction carried and lost is printed. Needs root and /dev/net/tun; exits with 77 where it lacks them.
"""
import argparse
import collections
import contextlib
import ctypes
import fcntl
import hashlib
import os
import select
import signal
import struct
import sys
import time

# Linux: include/uapi/linux/if_tun.h, include/uapi/linux/sched.h
TUNSETIFF = 0x400454CA
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000
CLONE_NEWNET = 0x40000000
LONGEST_FRAME = 65536


class Direction:
    """Frames from one end to the other."""

    def __init__(self, number, source, target, options):
        self.source, self.target = source, target
        self.key = struct.pack("<QQ", options.seed, number)
        self.lost_below = round(options.loss / 100 * 2**64)
        self.delay = options.delay / 1000
        self.waiting = collections.deque()  # (when it arrives, frame)
        self.frames = self.lost = 0

    def is_lost(self, number):
        digest = hashlib.blake2b(self.key + struct.pack("<Q", number), digest_size=8).digest()
        return int.from_bytes(digest, "little") < self.lost_below

    def receive(self):
        """Takes what the source has sent."""
        while True:
            try:
                frame = os.read(self.source, LONGEST_FRAME)
            except BlockingIOError:
                return
            number = self.frames
            self.frames += 1
            if self.is_lost(number):
                self.lost += 1
            else:
                self.waiting.append((time.monotonic() + self.delay, frame))

    def deliver(self):
        """Hands over what has arrived; returns the seconds until the next does."""
        while self.waiting:
            left = self.waiting[0][0] - time.monotonic()
            if left > 0:
                return left
            frame = self.waiting.popleft()[1]
            with contextlib.suppress(OSError):  # the device is down
                os.write(self.target, frame)
        return None


def open_end(end):
    namespace, device = end.split(":")
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{namespace}", "rb") as file:
        if libc.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter the namespace {namespace}")
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TAP | IFF_NO_PI))
    return descriptor


def stop(_signal, _frame):
    raise KeyboardInterrupt


def carry(directions):
    poll = select.poll()
    for direction in directions:
        poll.register(direction.source, select.POLLIN)
    while True:
        waits = [left for direction in directions if (left := direction.deliver()) is not None]
        # poll counts in milliseconds, rounded up: a frame is never early.
        poll.poll(min(waits) * 1000 if waits else None)
        for direction in directions:
            direction.receive()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ends", nargs=2, metavar="NAMESPACE:DEVICE")
    parser.add_argument("--delay", type=float, required=True, help="milliseconds, each way")
    parser.add_argument("--loss", type=float, required=True, help="percent of the frames, each way")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    try:
        first, second = (open_end(end) for end in options.ends)
    except OSError as error:
        print(f"link.py: no link: {error}", file=sys.stderr)
        return 77
    directions = [Direction(0, first, second, options), Direction(1, second, first, options)]
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print("ready", flush=True)
    try:
        carry(directions)
    except KeyboardInterrupt:
        for direction in directions:
            print(f"{direction.frames} frames, {direction.lost} lost", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
