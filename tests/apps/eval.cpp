// `xrtrain eval`.
#include "tests/apps/support.h"

namespace xr::apps::test {

TEST_CASE("eval repeats the results of the run") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "run")).status == 0);
  const auto before = results_of(folder / "run");
  fs::remove(folder / "run/eval.csv");
  fs::remove(folder / "run/summary.json");
  const Result result =
      run(folder, {"eval", (folder / "run").string(), "--threads", "2", "--batch-size", "32"});
  CHECK(result.status == 0);
  CHECK_THAT(result.output,
             contains("Loading model") && contains("Best Acc: ") && contains("chosen on validation"));
  CHECK(results_of(folder / "run") == before);
}

TEST_CASE("eval takes other images and leaves the results of the run alone") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "run")).status == 0);
  const auto before = results_of(folder / "run");
  for (int i = 0; i < 5; ++i) make_png(folder / "other/covid" / (std::to_string(i) + ".png"), i);
  const std::string run_folder = (folder / "run").string();
  const Result result = run(folder, {"eval", run_folder, "--data", (folder / "other").string(),
                                     "--checkpoint", "1", "--out", (folder / "table.csv").string()});
  CHECK(result.status == 0);
  CHECK_THAT(result.output, contains("of 5, ") && contains("01.safetensors") && !contains("00.safetensors"));
  CHECK_THAT(read_text(folder / "table.csv"), contains("01,test,5,"));
  CHECK(results_of(folder / "run") == before);

  make_png(folder / "other/pneumonia/0.png");
  const Result classes = run(folder, {"eval", run_folder, "--data", (folder / "other").string()});
  CHECK(classes.status == 3);
  CHECK_THAT(classes.error_line(), contains("pneumonia") && contains("covid") && contains("normal"));
}

TEST_CASE("eval says what is missing") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "run", {"--epochs", "1"})).status == 0);
  const std::string run_folder = (folder / "run").string();
  const auto refused = [&](const Arguments& arguments, int status) {
    const Result result = run(folder, arguments);
    CHECK(result.status == status);
    return result.error_line();
  };
  CHECK_THAT(refused({"eval", (folder / "absent").string()}, 3), contains("absent"));
  CHECK_THAT(refused({"eval", (folder / "data").string()}, 3), contains("config.toml"));
  CHECK_THAT(refused({"eval", run_folder, "--checkpoint", "7"}, 2), contains("--checkpoint is 7"));
  CHECK_THAT(refused({"eval", run_folder, "--data", (folder / "nowhere").string()}, 3), contains("nowhere"));
  fs::remove_all(folder / "data");
  CHECK_THAT(refused({"eval", run_folder}, 3), contains("data"));
  fs::remove(folder / "run/checkpoints/00.safetensors");
  CHECK_THAT(refused({"eval", run_folder}, 3), contains("no checkpoints"));
}

}  // namespace xr::apps::test
