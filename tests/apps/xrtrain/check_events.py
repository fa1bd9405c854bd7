#!/usr/bin/env python3
"""Opens a run's event file with TensorBoard and compares it with history.csv.

    check_events.py RUN

Exit status: 0 equal, 1 different or not readable, 77 tensorboard is not installed.
"""
import csv
import pathlib
import struct
import sys

try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
except ImportError as error:
    print(f"check_events.py: skipped, {error}")
    sys.exit(77)

COLUMNS = {
    "train/loss": "train_loss",
    "train/accuracy": "train_accuracy",
    "learning_rate": "learning_rate",
    "validation/loss": "validation_loss",
    "validation/accuracy": "validation_accuracy",
}


def as_float(value):
    """Rounded to 32 bits, as in the event file."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


def main():
    run = pathlib.Path(sys.argv[1])
    with open(run / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    accumulator = EventAccumulator(str(run / "tensorboard"))
    accumulator.Reload()
    tags = accumulator.Tags()["scalars"]
    assert sorted(tags) == sorted(COLUMNS), f"the tags are {tags}"
    assert rows, "history.csv is empty"
    for tag, column in COLUMNS.items():
        events = accumulator.Scalars(tag)
        assert len(events) == len(rows), f"{tag} has {len(events)} values instead of {len(rows)}"
        tolerance = 1e-6 if column.endswith("accuracy") else 0.0  # six decimals in history.csv
        for event, row in zip(events, rows):
            epoch, expected = int(row["epoch"]), as_float(float(row[column]))
            assert event.step == epoch and event.wall_time == epoch, f"{tag}: {event} is not epoch {epoch}"
            assert abs(event.value - expected) <= tolerance, f"{tag}: {event} instead of {expected}"
    print(f"TensorBoard reads {len(rows)} epochs of {len(tags)} scalars, equal to history.csv")


if __name__ == "__main__":
    main()
