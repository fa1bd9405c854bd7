"""A program that speaks the line protocol that pytorch_step.py describes."""
import json
import math
import subprocess


class Failure(Exception):
    """A message for the user; the comparison ends."""


class Server:
    """A program that speaks the line protocol."""

    def __init__(self, label, command):
        self.label = label
        self.seconds = []
        self.peak_bytes = 0
        self.about = {}
        try:
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, text=True)
        except OSError as error:
            raise Failure(f"cannot start {command[0]}: {error.strerror}") from error

    def prepare(self, steps=0):
        """Waits until the program is ready, and for the losses of `steps` first steps."""
        self.about = self.answer()
        if not self.about.get("ready"):
            raise Failure(f"{self.label}: its first line does not say that it is ready: {self.about}")
        return self.step(steps)[1] if steps else []

    def end(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        try:
            self.prepare()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_):
        self.end()

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
        try:
            self.process.stdin.write(f"step {count}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it ended: answer() says with which status
        values = self.answer()
        timed = math.ceil(count / values.get("block", 1))
        # A simulated device has no times: they are no numbers in the table.
        seconds = [math.nan] * timed if self.about.get("simulated") else values["seconds"]
        if len(seconds) != timed or len(values["losses"]) != count:
            raise Failure(f"{self.label}: asked for {count} steps, got {len(values['losses'])} and "
                          f"{len(seconds)} times")
        self.peak_bytes = values["peak_bytes"]
        return seconds, values["losses"]
