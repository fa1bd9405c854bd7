"""What apps/xrbench's scripts say of results that are made up here. Python alone: no numpy, no PyTorch.

    scripts.py SOURCE_FOLDER TEST_KERNELS
"""
import contextlib
import fnmatch
import io
import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

SOURCE = pathlib.Path(sys.argv.pop(1))
TEST_KERNELS = sys.argv.pop(1)
XRBENCH = SOURCE / "apps" / "xrbench"
sys.path[:0] = [str(XRBENCH), str(XRBENCH / "peers"), str(SOURCE / "docs" / "benchmarks")]
import compare  # noqa: E402
import gpu_check_tables  # noqa: E402
import gpu_runs  # noqa: E402
import operations  # noqa: E402
import option_runs  # noqa: E402
import safetensors_file  # noqa: E402


def run_of(seconds, variant="", library=False, roofline=50.0, ratio=None, wrong=False):
    return {"kernel": "k", "variant": variant, "library": library, "wrong": wrong, "median_seconds": seconds,
            "percent_of_roofline": roofline, "ratio_to_library": ratio}


def operation_of(name, kernels, operations=0, megabytes=100):
    return {"operation": name, "shape": "s", "bytes": megabytes * 10**6, "operations": operations,
            "kernels": kernels}


class Operations(unittest.TestCase):
    def test_the_table_has_medians_and_the_best_form_of_pytorch(self):
        rounds = {("pool", "bf16"): {"xrbench": [2e-3, 4e-3, 3e-3], "PyTorch contiguous": [9e-3],
                                     "PyTorch channels_last": [6e-3, 7e-3, 5e-3]},
                  ("stem", "fp32"): {"xrbench": [1e-3], "PyTorch contiguous": [5e-4]}}
        self.assertEqual(operations.table(rounds).splitlines()[2:],
                         ["| `pool`, bf16 | 3.0 | 9.0 | 6.0 | 2.00 |", "| `stem`, fp32 | 1.0 | 0.5 | - | 0.50 |"])

    def test_what_the_backend_runs_is_told_from_variants(self):
        kernels = [run_of(2.0), run_of(1.0, "other")]

        def write(command, **_):
            pathlib.Path(command[command.index("--json") + 1]).write_text(
                json.dumps({"cases": [{"operations": [operation_of("pool", kernels)]}]}))

        arguments = mock.Mock(processor_time=True, xrbench="xrbench")
        with mock.patch.object(operations.subprocess, "run", side_effect=write) as run:
            self.assertEqual(operations.ours(arguments, "fp32"), {"pool": {"xrbench": 2.0}})
        self.assertIn("--processor-time", run.call_args.args[0])


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
        self.assertIn("bound by memory: 0 of 1 at 85 % of copying or better; below: norm 50 %", said)
        self.assertIn("variants faster than what runs: norm other 2.00x", said)

    def test_products_are_held_against_the_library(self):
        kernels = [run_of(2.0, ratio=0.5), run_of(0.5, "other", ratio=2.0), run_of(1.0, library=True, ratio=1.0)]
        said = self.said_of([operation_of("conv", kernels, 10**11), {**operation_of("alone", [run_of(1.0)], 10**11), "no_library": "no such call"}])[1]
        self.assertIn("products: 0 of 1 as fast as the library; below: conv 0.50", said)
        self.assertIn("products without a library's time, no such call: alone", said)
        self.assertNotIn("memory", said)

    def test_products_that_take_longer_to_move_than_to_compute_are_bound_by_memory(self):
        fc1 = operation_of("fc1", [run_of(2.0, roofline=40, ratio=0.8)], 10**10, megabytes=500)
        said = self.said_of([fc1])[1]
        self.assertIn("bound by memory: 0 of 1 at 85 % of copying or better; below: fc1 40 %", said)
        self.assertIn("products: 0 of 1 as fast as the library; below: fc1 0.80", said)

    def test_what_was_left_out_is_said_with_its_reason(self):
        case = {"batch": 1, "size": 8, "operations": [],
                "left_out": [{"operation": "fill", "reason": "the time is up"},
                             {"operation": "add", "reason": "the time is up"}]}
        self.assertIn("LEFT OUT, the time is up: 2 operations, fill, add\n", self.said_of([], cases=[case])[1])

    def test_small_operations_are_not_judged_and_said_to_be(self):
        said = self.said_of([operation_of("fc3", [run_of(1.0, roofline=1)], megabytes=1)])[1]
        self.assertIn("1 small operations are not judged", said)
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


class GpuCheck(unittest.TestCase):
    def test_the_stages_fit_the_time_limit_and_are_all_described(self):
        plan = subprocess.run(["bash", XRBENCH / "gpu_check.sh", "--plan"], capture_output=True, text=True, check=True)
        stages = [line.split() for line in plan.stdout.splitlines()]
        usual = [stage for stage in stages if stage[0] != "--only"]
        self.assertLessEqual(sum(int(stage[0].rstrip("+")) for stage in usual), 530 - 5)
        page = (XRBENCH / "GPU_CHECK.md").read_text()
        for step in [word for stage in stages for word in stage if word[0].isalpha()]:
            self.assertTrue(re.search(rf"[`\" ]{step}[`\" ]", page), f"GPU_CHECK.md does not describe {step}")

    def test_the_sanitizers_see_every_test_of_the_own_kernels(self):
        script = (XRBENCH / "gpu_check_steps.sh").read_text()
        filters = dict(re.findall(r" \[(\w+)\]='([^']*)'", script))
        groups = re.search(r"else\n.*?SANITIZED=\((.*?)\)", script, re.DOTALL)[1].split()
        patterns = [pattern for group in groups for pattern in filters[group].split(",")]
        # Catch2 2, else Catch2 3, which refuses the first.
        listed = (subprocess.run([TEST_KERNELS, *how], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                 check=False).stdout.splitlines()
                  for how in (["--list-test-names-only"], ["--list-tests", "--verbosity", "quiet"]))
        # The harness, memory and random numbers have test cases of their own, operations have none.
        of_no_operation = {name for path in (SOURCE / "tests" / "kernels").glob("*.cpp")
                           for name in re.findall(r'^TEST_CASE\("([^"]*)"', path.read_text(), re.MULTILINE)}
        names = set(next(filter(None, listed), [])) - of_no_operation
        self.assertGreater(len(names), 60)
        for name in names:
            if "through cu" not in name and not name.endswith("on the CPU"):
                self.assertTrue(any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns),
                                f"no group of SANITIZED has '{name}'")


class GpuRuns(unittest.TestCase):
    def page_of(self, summaries, kernels=None):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in summaries.items():
                (pathlib.Path(folder) / name).mkdir()
                (pathlib.Path(folder) / name / "summary.txt").write_text(text)
                if kernels:
                    (pathlib.Path(folder) / name / "kernels-fp32.json").write_text(json.dumps(kernels))
            return gpu_runs.page(gpu_runs.runs(pathlib.Path(folder)))

    def test_the_page_is_what_the_results_say(self):
        subprocess.run([sys.executable, SOURCE / "docs/benchmarks/gpu_runs.py", "--check"], check=True)

    def test_a_rehearsal_is_no_run(self):
        for head in ("NVIDIA H100, REHEARSAL on cuda: no figure means anything", "no GPU"):
            page = self.page_of({"a": f"commit abc, 2026-01-02 03:04, {head}\ntests        ok   9 s\n"})
            self.assertIn("no results of a run on a GPU", page)
            self.assertIn("| tests | never |", page)
            self.assertIn("| `softmax_forward_kernel` | kernels/cuda/softmax.cu | never |", page)

    def test_the_newest_run_of_a_step_counts(self):
        old = "commit abc, 2026-01-02 03:04, NVIDIA H100, 9.0, 580\ntests        ok   9 s\ntrain        ok   9 s\n"
        new = "commit def, 2026-02-02 03:04, NVIDIA H200, 9.0, 580\ntrain        FAILED (1)   9 s   x\n"
        timed, not_timed = ({"kernels": [{"median_seconds": seconds}]} for seconds in (1.0, None))
        kernels = {"cases": [{"operations": [timed, not_timed, timed]}]}
        page = self.page_of({"a": old, "b": new}, kernels)
        self.assertIn("| tests | ok, 2026-01-02, abc |", page)
        self.assertIn("| train | FAILED, 2026-02-02, def |", page)
        self.assertIn("| memcheck | never |", page)
        self.assertIn("| 2026-02-02 | def | NVIDIA H200 | 0 of 1 | 2 in fp32 |", page)
        self.assertIn("| `softmax_forward_kernel` | kernels/cuda/softmax.cu | 2026-01-02, abc |", page)


class OptionRuns(unittest.TestCase):
    """Two images of each class in each of five folds; three checkpoints a fold, of which the second is chosen."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = pathlib.Path(folder.name)
        option_runs.metrics_of.cache_clear()
        option_runs.predictions_of.cache_clear()

    def write(self, name, test, validation, temperature=None):
        """`test` and `validation`: of each checkpoint p(covid) of two images of covid and two of normal."""
        for fold in range(1, option_runs.FOLDS + 1):
            run = option_runs.fold_folder(self.work, name, 0, fold)
            run.mkdir(parents=True)
            chosen = {"checkpoint": "01", "temperature": {"value": temperature} if temperature else None}
            (run / "metrics.json").write_text(json.dumps({"positive_class": "covid", "chosen": chosen}))
            lines = ["checkpoint,split,image,label,p(covid),p(normal)"]
            for split, checkpoints in (("validation", validation), ("test", test)):
                lines += [f"{epoch:02d},{split},{split}{fold}-{i},{'covid' if i < 2 else 'normal'},{p},{1 - p}"
                          for epoch, images in enumerate(checkpoints) for i, p in enumerate(images)]
            (run / "predictions.csv").write_text("\n".join(lines) + "\n")

    def scores(self, text):
        repeats = option_runs.of_row(self.work, 1, text)
        scores = option_runs.Scores(repeats, sorted(repeats[0]))
        ones = [1] * len(repeats[0])
        return scores.accuracy(ones), scores.auroc(ones)

    def test_checkpoints_and_their_figures(self):
        good, fair, poor = [0.9, 0.8, 0.2, 0.1], [0.9, 0.4, 0.4, 0.1], [0.1, 0.4, 0.8, 0.9]
        self.write("a", [good, fair, poor], [fair, good, poor])
        self.assertEqual(self.scores("a"), (0.75, 0.875))  # a tie counts half: 3.5 of 4 pairs in a fold
        self.assertEqual(self.scores("a:last"), (0.0, 0.0))
        self.assertEqual(self.scores("a:patience=1"), (0.0, 0.0))  # the last quarter is the last checkpoint
        self.assertEqual(self.scores("a + a:last"), (0.25, 0.125))  # means 0.5, 0.4, 0.6, 0.5

    def test_early_stopping_ends_before_the_last_quarter(self):
        right, wrong = [(True, 0.8), (False, 0.2)], [(True, 0.4), (False, 0.2)]
        course = [wrong, right, wrong, wrong, wrong, wrong, wrong, right]
        validation = {epoch: dict(enumerate(images)) for epoch, images in enumerate(course)}
        self.assertEqual(option_runs.replay_patience(validation, 3), 1)
        self.assertEqual(option_runs.replay_patience(validation, 5), 7)

    def test_members_of_an_ensemble_are_divided_by_their_temperature(self):
        self.write("a", [[0.9, 0.9, 0.1, 0.1]] * 2, [[0.9, 0.9, 0.1, 0.1]] * 2, temperature=2.0)
        self.write("b", [[0.4, 0.2, 0.2, 0.2]] * 2, [[0.9, 0.9, 0.1, 0.1]] * 2)
        images = option_runs.of_row(self.work, 1, "a + b")[0]
        self.assertAlmostEqual(images["test1-0"][1], (0.75 + 0.4) / 2)  # the odds 9 become 3
        self.assertAlmostEqual(option_runs.of_row(self.work, 1, "a")[0]["test1-0"][1], 0.9)

    def test_a_resample_draws_patients_and_weighs_their_images_alike(self):
        images = ["a", "b", "c"]
        for weights in option_runs.resamples(images, {"a": "p", "b": "p"}):
            self.assertEqual(weights[0], weights[1])
            self.assertEqual(weights[0] + weights[2], 2)
        self.assertEqual(option_runs.interval(range(1001)), (25, 975))


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
            model, dropout, cores, precision, device = "report_cnn", 0, [0], "fp32", "cuda"
            inference = False

        with contextlib.redirect_stdout(io.StringIO()) as said:
            compare.print_table(Arguments, Party("ours", [2.0, 1.0, 3.0]),
                                [Party("eager", [8.0]), Party("best", [5.0])])
        self.assertEqual(said.getvalue().splitlines()[-2:], ["ratio to eager 4.00", "ratio 2.50"])
        self.assertNotIn("inference", said.getvalue())
        Arguments.inference = True
        with contextlib.redirect_stdout(io.StringIO()) as said:
            compare.print_table(Arguments, Party("ours", [2.0]), [Party("eager", [8.0])])
        self.assertIn("inference of report_cnn", said.getvalue())


class FakeServer:
    """A program of the comparison that writes down what it was asked for."""
    events = []

    def __init__(self, label, dropout, loss=1.0, delay=0):
        self.name, self.label = f"{label} {dropout}", label
        self.loss, self.delay = loss, delay
        self.seconds, self.peak_bytes, self.alive = [], 0, True
        self.about = {"mode": "m", "program": "p"}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def prepare(self, steps=0):
        return self.step(steps)[1] if steps else []

    def step(self, count):
        self.events.append(("begin", self.name))
        time.sleep(self.delay)
        self.events.append(("end", self.name))
        return [0.001], [self.loss if self.name != "xrbench 0" else 1.0] * count

    def end(self):
        if self.alive:
            self.alive = False
            self.events.append(("stop", self.name))


class Together(unittest.TestCase):
    def run_with(self, **programs):
        """The status and what was said of a comparison with eager, tuned and compiled."""
        class Arguments:
            batch_size = channels = image_size = padding = threads = 1
            model, dropout, cores, precision, device, lr, seed = "report_cnn", 0.25, [0], "fp32", "cuda", 0.1, 0
            together = keep_going = True
            simulated = inference = False
            modes, rounds, block, warm_up, patience = "tuned compiled", 2, 3, 4, 0.5

        def program(label, dropout):
            return FakeServer(label, dropout, **(programs.get(label, {}) if dropout else {}))

        FakeServer.events = []
        made = (mock.patch.object(compare.Comparison, "ours", lambda _, dropout, *more: program("xrbench", dropout)),
                mock.patch.object(compare.Comparison, "pytorch", lambda _, mode, dropout: program(mode, dropout)))
        said = io.StringIO()
        with made[0], made[1], contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            status = compare.run(Arguments, "/no/folder")
        return status, said.getvalue()

    def test_programs_warm_up_and_are_timed_alone(self):
        status, said = self.run_with()
        self.assertEqual(status, 0)
        self.assertTrue(said.endswith("ratio 1.00\n"), said)
        events = FakeServer.events
        last_check = max(i for i, (what, name) in enumerate(events) if what == "stop" and name.endswith(" 0"))
        timed = [event for event in events if event[1].endswith("0.25") and event[0] != "stop"]
        self.assertGreater(events.index(timed[0]), last_check)
        self.assertEqual(len(timed), 2 * 4 * (1 + 2))  # warm-up and two rounds of four programs
        for begin, end in zip(timed[::2], timed[1::2]):
            self.assertEqual((begin[0], end[0], begin[1]), ("begin", "end", end[1]))

    def test_a_mode_that_was_left_out_is_in_the_last_line_and_the_status(self):
        status, said = self.run_with(compiled={"delay": 1})
        self.assertEqual(status, 1)
        self.assertIn("LEFT OUT: PyTorch compiled was not ready", said)
        self.assertEqual(said.splitlines()[-1], "ratio 1.00 (best of those that ran; left out: compiled)")

    def test_losses_that_are_not_finite_end_the_comparison(self):
        for label, loss in (("xrbench", None), ("eager", float("nan"))):
            status, said = self.run_with(**{label: {"loss": loss}})
            self.assertEqual(status, 1)
            self.assertIn(f"{label}: losses that are not finite", said)


if __name__ == "__main__":
    unittest.main()
