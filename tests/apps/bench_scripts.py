"""What apps/xrbench's scripts say of results that are made up here. Python alone: no numpy, no PyTorch.

    bench_scripts.py SOURCE_FOLDER
"""
import contextlib
import io
import json
import pathlib
import struct
import sys
import tempfile
import unittest

XRBENCH = pathlib.Path(sys.argv.pop(1)) / "apps" / "xrbench"
sys.path[:0] = [str(XRBENCH), str(XRBENCH / "peers")]
import compare  # noqa: E402
import gpu_check_tables  # noqa: E402
import safetensors_file  # noqa: E402


def run_of(seconds, variant="", library=False, roofline=50.0, ratio=None, wrong=False):
    return {"kernel": "k", "variant": variant, "library": library, "wrong": wrong, "median_seconds": seconds,
            "percent_of_roofline": roofline, "ratio_to_library": ratio}


def operation_of(name, kernels, operations=0, megabytes=100):
    return {"operation": name, "shape": "s", "bytes": megabytes * 10**6, "operations": operations,
            "kernels": kernels}


class Tables(unittest.TestCase):
    def said_of(self, operations, **head):
        results = {"complete": True, "ceilings": {"copy_bytes_per_second": 3e12, "product_operations_per_second": 4e14},
                   "cases": [{"batch": 60, "size": 224, "operations": operations}], **head}
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "kernels-fp32.json"
            path.write_text(json.dumps(results))
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                status = gpu_check_tables.kernels([path])
        return status, said.getvalue()

    def test_a_variant_that_nobody_runs_does_not_count(self):
        kernels = [run_of(2.0, roofline=50), run_of(1.0, "other", roofline=99)]
        status, said = self.said_of([operation_of("norm", kernels)])
        self.assertEqual(status, 0)
        self.assertIn("memory: 0 of 1 at 85 % of copying or better; below: norm 50 %", said)
        self.assertIn("variants faster than what runs: norm other 2.00x", said)

    def test_products_are_held_against_the_library(self):
        kernels = [run_of(2.0, ratio=0.5), run_of(0.5, "other", ratio=2.0), run_of(1.0, library=True, ratio=1.0)]
        said = self.said_of([operation_of("conv", kernels, 10**10), operation_of("alone", [run_of(1.0)], 10**10)])[1]
        self.assertIn("products: 0 of 1 as fast as the library; below: conv 0.50", said)
        self.assertIn("products without a library's time: alone", said)

    def test_small_operations_are_left_out_and_said_to_be(self):
        said = self.said_of([operation_of("fc3", [run_of(1.0, roofline=1)], megabytes=1)])[1]
        self.assertIn("1 small operations are left out", said)
        self.assertNotIn("fc3", said)

    def test_wrong_kernels_and_runs_cut_off_are_said(self):
        status, said = self.said_of([operation_of("norm", [run_of(None, wrong=True)])], complete=False)
        self.assertEqual(status, 1)
        self.assertIn("WRONG: norm k", said)
        self.assertIn("CUT OFF", said)

    def test_nothing_timed(self):
        status, said = self.said_of([operation_of("norm", [run_of(None)])], ceilings=None)
        self.assertEqual(status, 0)
        self.assertIn("1 operations, 1 kernels; not timed", said)


class Safetensors(unittest.TestCase):
    def test_reads_into_memory_without_numpy(self):
        header = json.dumps({"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
        with tempfile.NamedTemporaryFile() as file:
            file.write(struct.pack("<Q", len(header)) + header + struct.pack("<2f", 1.5, -2))
            file.flush()
            reader = safetensors_file.Reader(file.name)
            self.assertEqual((reader.shape("x"), reader.dtype("x")), ((2,), "float32"))
            memory = bytearray(8)
            reader.read_bytes_into("x", memory)
            self.assertEqual(struct.unpack("<2f", memory), (1.5, -2))
            with self.assertRaisesRegex(ValueError, "x has 8 bytes, its place 4"):
                reader.read_bytes_into("x", bytearray(4))
            reader.file.close()


class Comparison(unittest.TestCase):
    def test_ratios_are_those_of_the_default_and_of_the_best(self):
        class Party:
            def __init__(self, label, seconds):
                self.label, self.seconds, self.peak_bytes = label, seconds, 0
                self.about = {"mode": "m", "program": "p"}

        class Arguments:
            batch_size = channels = image_size = padding = threads = 1
            dropout, cores, precision, device = 0, [0], "fp32", "cuda"

        with contextlib.redirect_stdout(io.StringIO()) as said:
            compare.print_table(Arguments, Party("ours", [2.0, 1.0, 3.0]),
                                [Party("eager", [8.0]), Party("best", [5.0])])
        self.assertEqual(said.getvalue().splitlines()[-2:], ["ratio to eager 4.00", "ratio 2.50"])


if __name__ == "__main__":
    unittest.main()
