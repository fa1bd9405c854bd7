// --keep, and what divergence leaves.
#include "apps/xrtrain/run/run_folder.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

TEST_CASE("With --keep the last checkpoints and the best on validation stay") {
  TemporaryFolder folder;
  make_phantoms(folder, 12, 4);
  REQUIRE(run(folder, tiny(folder, "all", {"--epochs", "8"})).status == 0);
  REQUIRE(run(folder, tiny(folder, "two", {"--epochs", "8", "--keep", "2"})).status == 0);
  const std::string summary = read_text(folder / "all/summary.json");
  const auto at = summary.find("\"checkpoint\": \"", summary.find("chosen_on_validation")) + 15;
  const std::int64_t best = std::stoi(summary.substr(at, 2));
  std::vector<std::int64_t> wanted = {6, 7};
  if (best < 6) wanted.insert(wanted.begin(), best);
  CHECK(list_checkpoints(folder / "two") == wanted);
  for (const std::int64_t epoch : wanted)
    CHECK(read_text(checkpoint_path(folder / "all", epoch)) ==
          read_text(checkpoint_path(folder / "two", epoch)));
}

TEST_CASE("A loss that is not finite stops the run and keeps the last good checkpoint") {
  TemporaryFolder folder;
  make_phantoms(folder);
  SECTION("from the start") {
    const Result result = run(folder, tiny(folder, "run", {"--lr", "1e30", "--warmup-epochs", "0"}));
    CHECK(result.status == 1);
    CHECK_THAT(result.error_line(),
               contains("the loss is") && contains("in epoch 0, step 1") && contains("--lr"));
    CHECK(list_checkpoints(folder / "run").empty());
  }
  SECTION("in the last step of an epoch") {
    // Its only step: the loss was still finite, the weights are not.
    Arguments arguments = tiny(folder, "run", {"--lr", "1e38", "--optimizer", "sgd", "--warmup-epochs", "0"});
    replace_value(arguments, "--batch-size", "64");
    replace_value(arguments, "--val-fraction", "0");
    const Result result = run(folder, arguments);
    CHECK(result.status == 1);
    CHECK_THAT(result.error_line(), contains("after epoch 0, step 0"));
    CHECK(list_checkpoints(folder / "run").empty());
  }
  SECTION("seen in validation first") {
    Arguments arguments = tiny(folder, "run", {"--lr", "1e30", "--warmup-epochs", "0"});
    replace_value(arguments, "--batch-size", "64");
    const Result result = run(folder, arguments);
    CHECK(result.status == 1);
    CHECK_THAT(result.error_line(), contains("after epoch 0, step 0"));
    CHECK(list_checkpoints(folder / "run").empty());
  }
  SECTION("later") {
    // The warm-up takes the rate from harmless to absurd.
    const Result result =
        run(folder, tiny(folder, "run",
                         {"--lr", "1e22", "--schedule", "step", "--step-epochs", "1", "--step-factor", "1",
                          "--optimizer", "sgd", "--warmup-epochs", "0", "--epochs", "9", "--momentum", "0"}));
    CHECK(result.status == 1);
    CHECK_THAT(result.error_line(), contains("epoch ") && contains(", step "));
    for (const std::int64_t epoch : list_checkpoints(folder / "run"))
      CHECK(run(folder,
                {"predict", checkpoint_path(folder / "run", epoch).string(), (folder / "data/test").string()})
                .status == 0);
  }
}

}  // namespace xr::apps::test
