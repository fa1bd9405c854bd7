// Ctrl-C, SIGTERM, and going on afterwards.
#include <csignal>

#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

// Epochs enough that a signal comes before the end.
Arguments slow(const TemporaryFolder& folder, const std::string& out) {
  return tiny(folder, out, {"--log-level", "debug", "--epochs", "20"});
}

void check_resumed_after(int signal, const std::string& line) {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, slow(folder, "undisturbed")).status == 0);
  RunSettings settings;
  settings.signal = signal;
  settings.signal_after_line = line;
  const Result stopped = run(folder, slow(folder, "stopped"), settings);
  CHECK(stopped.status == 1);
  CHECK_THAT(stopped.error_line(),
             contains("interrupted") && contains("--resume") && contains((folder / "stopped").string()));
  const Result resumed = run(folder, {"train", "--out", (folder / "stopped").string(), "--resume"});
  CHECK(resumed.status == 0);
  check_same_results(folder / "undisturbed", folder / "stopped");
  check_no_leftovers(folder / "stopped");
}

}  // namespace

TEST_CASE("Ctrl-C within an epoch finishes the step and the resumed run ends in the same bytes") {
  check_resumed_after(SIGINT, "epoch 1 step 1");
}

TEST_CASE("SIGTERM in the first epoch is as good as Ctrl-C") {
  check_resumed_after(SIGTERM, "Epoch 0/19");
}

TEST_CASE("A second Ctrl-C ends the program at once and loses nothing") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, slow(folder, "undisturbed")).status == 0);
  RunSettings settings;
  settings.signal = SIGINT;
  settings.signals = 2;
  settings.signal_after_line = "Epoch 2/19";
  const Result stopped = run(folder, slow(folder, "stopped"), settings);
  // Between the two signals the program may have ended by itself.
  CHECK((stopped.status == 1000 + SIGINT || stopped.status == 1));
  CHECK(run(folder, {"train", "--out", (folder / "stopped").string(), "--resume"}).status == 0);
  check_same_results(folder / "undisturbed", folder / "stopped");
  check_no_leftovers(folder / "stopped");
}

TEST_CASE("Ctrl-C while evaluating leaves a run that can be resumed") {
  TemporaryFolder folder;
  make_phantoms(folder, 6, 40);
  REQUIRE(run(folder, tiny(folder, "undisturbed")).status == 0);
  RunSettings settings;
  settings.signal = SIGINT;
  settings.signal_after_line = "Training complete";
  const Result stopped = run(folder, tiny(folder, "stopped"), settings);
  // The evaluation may be over before the signal comes.
  if (stopped.status != 0) {
    CHECK(stopped.status == 1);
    CHECK_THAT(stopped.error_line(), contains("interrupted while evaluating"));
  }
  CHECK(run(folder, {"train", "--out", (folder / "stopped").string(), "--resume"}).status == 0);
  check_same_results(folder / "undisturbed", folder / "stopped");
}

TEST_CASE("A resumed run takes only changes that leave the results the same") {
  TemporaryFolder folder;
  make_phantoms(folder);
  const std::string out = (folder / "run").string();
  REQUIRE(run(folder, tiny(folder, "run")).status == 0);
  const auto before = results_of(out);

  const Result changed = run(folder, {"train", "--out", out, "--resume", "--lr", "0.5", "--batch-size", "3"});
  CHECK(changed.status == 2);
  CHECK_THAT(changed.error_line(), contains("--lr (run: 0.001, now: 0.5)") && contains("--batch-size"));
  CHECK_THAT(run(folder, {"train", "--out", out, "--resume", "--epochs", "4"}).error_line(),
             contains("cosine"));
  CHECK(run(folder, {"train", "--out", out, "--resume", "--workers", "0", "--quiet"}).status == 0);
  auto after = results_of(out);
  after["config.toml"] = before.at("config.toml");  // has the number of workers
  CHECK(after == before);
  // The images must be the same, wherever they are now.
  fs::rename(folder / "data", folder / "moved");
  CHECK(run(folder, {"train", "--out", out, "--resume", "--data", (folder / "moved").string()}).status == 0);
  make_png(folder / "moved/train/covid/zzz.png");
  const Result other =
      run(folder, {"train", "--out", out, "--resume", "--data", (folder / "moved").string()});
  CHECK(other.status == 3);
  CHECK_THAT(other.error_line(), contains("are not those that the run"));
}

TEST_CASE("With a constant learning rate more epochs can be added") {
  TemporaryFolder folder;
  make_phantoms(folder);
  const Arguments constant = {"--schedule", "constant", "--warmup-epochs", "0"};
  Arguments four = constant, two = constant;
  four.insert(four.end(), {"--epochs", "4"});
  two.insert(two.end(), {"--epochs", "2"});
  REQUIRE(run(folder, tiny(folder, "four", four)).status == 0);
  REQUIRE(run(folder, tiny(folder, "two", two)).status == 0);
  REQUIRE(run(folder, {"train", "--out", (folder / "two").string(), "--resume", "--epochs", "4"}).status ==
          0);
  check_same_results(folder / "four", folder / "two");
  const Result fewer =
      run(folder, {"train", "--out", (folder / "two").string(), "--resume", "--epochs", "3"});
  CHECK(fewer.status == 2);
  CHECK_THAT(fewer.error_line(), contains("--epochs is 3"));
}

}  // namespace xr::apps::test
