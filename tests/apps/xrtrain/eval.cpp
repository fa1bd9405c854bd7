// `xrtrain eval`.
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

TEST_CASE("eval repeats the results of the run") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "run")).status == 0);
  const auto before = results_of(folder / "run");
  fs::remove(folder / "run/eval.csv");
  fs::remove(folder / "run/summary.json");
  const Result result =
      run(folder, {"eval", (folder / "run").string(), "--threads", "2", "--batch-size", "32", "--verbose"});
  CHECK(result.status == 0);
  CHECK_THAT(result.output,
             contains("Loading model") && contains("Best Acc: ") && contains("selected on validation"));
  CHECK(results_of(folder / "run") == before);
}

TEST_CASE("eval takes other images and leaves the results of the run alone") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "run")).status == 0);
  const auto before = results_of(folder / "run");
  for (int i = 0; i < 5; ++i) make_png(folder / "other/covid" / (std::to_string(i) + ".png"), i);
  const std::string run_folder = (folder / "run").string();
  const Result result =
      run(folder, {"eval", run_folder, "--data", (folder / "other").string(), "--checkpoint", "1",
                   "--verbose", "--out", (folder / "table.csv").string()});
  CHECK(result.status == 0);
  CHECK_THAT(result.output,
             contains("/5, 95% CI") && contains("01.safetensors") && !contains("00.safetensors"));
  CHECK_THAT(read_text(folder / "table.csv"), contains("01,test,5,"));
  CHECK(results_of(folder / "run") == before);

  make_png(folder / "other/pneumonia/0.png");
  const Result classes = run(folder, {"eval", run_folder, "--data", (folder / "other").string()});
  CHECK(classes.status == 3);
  CHECK_THAT(classes.error_line(), contains("pneumonia") && contains("covid") && contains("normal"));
}

TEST_CASE("eval uses what the run chose on images of another folder") {
  TemporaryFolder folder;
  make_phantoms(folder, 12, 4);
  REQUIRE(run(folder, tiny(folder, "run", {"--schedule", "constant"})).status == 0);
  const std::string run_folder = (folder / "run").string();
  fs::copy(folder / "data/test", folder / "other", fs::copy_options::recursive);
  const auto lines = [&](const std::string& output) {
    std::vector<std::string> found;
    std::istringstream text(output);
    for (std::string line; std::getline(text, line);)
      for (const char* part : {"Youden", "target ", "  test: ", "without it", "selected on", "AUROC"})
        if (line.find(part) != std::string::npos) {
          // The same but for where it was chosen.
          if (const auto at = line.find("the run's validation images"); at != std::string::npos)
            line.replace(at, 27, "validation");
          if (!line.starts_with("  validation accuracy")) found.push_back(line);
          break;
        }
    return found;
  };
  const Result own = run(folder, {"eval", run_folder, "--threads", "2", "--verbose"}),
               other = run(folder, {"eval", run_folder, "--threads", "2", "--verbose", "--data",
                                    (folder / "other").string()});
  REQUIRE(other.status == 0);
  CHECK(lines(own.output).size() >= 5);
  CHECK(lines(other.output) == lines(own.output));
  CHECK_THAT(other.output, contains("(selected on the run's validation images), 8 test images:"));

  const auto out = (folder / "a/figures").string();
  const Arguments into{"eval",  run_folder, "--threads", "2", "--data", (folder / "other").string(),
                       "--out", out};
  REQUIRE(run(folder, into).status == 0);
  CHECK_THAT(read_text(folder / "a/figures/predictions.csv"), contains(",test,") && contains("p(covid)"));
  const auto metrics = nlohmann::json::parse(read_text(folder / "a/figures/metrics.json")),
             before = nlohmann::json::parse(read_text(folder / "run/metrics.json"));
  CHECK(metrics["chosen"]["checkpoint"] == before["chosen"]["checkpoint"]);
  CHECK(metrics["chosen"]["thresholds"][0]["test"] == before["chosen"]["thresholds"][0]["test"]);
  CHECK(metrics["chosen"]["thresholds"][0]["validation"].is_null());
  const Result again = run(folder, into);
  CHECK(again.status == 2);
  CHECK_THAT(again.error_line(), contains("is there already"));

  const Result wanted =
      run(folder, {"eval", run_folder, "--data", (folder / "other").string(), "--target-sensitivity", "0.9"});
  CHECK(wanted.status == 2);
  CHECK_THAT(wanted.error_line(), contains("--target-sensitivity"));
  for (const char* damage : {"{", "[]", R"({"chosen": {"on": "validation", "checkpoint": "x"}})"}) {
    write_text(folder / "run/metrics.json", damage);
    const Result damaged = run(folder, {"eval", run_folder, "--data", (folder / "other").string()});
    CHECK(damaged.status == 3);
    CHECK_THAT(damaged.error_line(), contains("metrics.json is damaged"));
  }
  fs::remove(folder / "run/metrics.json");
  CHECK(run(folder, {"eval", run_folder, "--data", (folder / "other").string()}).status == 0);
}

TEST_CASE("eval refuses images that are not those of the run") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "run")).status == 0);
  const std::string run_folder = (folder / "run").string();
  const auto before = results_of(folder / "run");
  SECTION("one more test image") {
    make_png(folder / "data/test/covid/new.png", 77);
    const Result result = run(folder, {"eval", run_folder});
    CHECK(result.status == 3);
    CHECK_THAT(result.error_line(), contains("the test images") && contains("--data"));
  }
  SECTION("patients that make another split") {
    std::string table = "file,patient\n";
    for (const auto& entry : fs::recursive_directory_iterator(folder / "data"))
      if (entry.is_regular_file())
        table += fs::relative(entry.path(), folder / "data").string() + ",p" +
                 std::to_string(table.size() % 7) + "\n";
    write_text(folder / "data/sources.csv", table);
    const Result result = run(folder, {"eval", run_folder});
    CHECK(result.status == 3);
    CHECK_THAT(result.error, contains("error: the validation images"));
  }
  CHECK(results_of(folder / "run") == before);
}

TEST_CASE("eval says that a checkpoint was given and not chosen") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "run", {"--schedule", "constant"})).status == 0);
  const auto metrics = nlohmann::json::parse(read_text(folder / "run/metrics.json"));
  const int chosen = std::stoi(metrics["chosen"]["checkpoint"].get<std::string>());
  for (int epoch = 0; epoch < 3; ++epoch) {
    const fs::path out = folder / ("out" + std::to_string(epoch));
    const Result result = run(folder, {"eval", (folder / "run").string(), "--checkpoint",
                                       std::to_string(epoch), "--out", out.string()});
    REQUIRE(result.status == 0);
    CHECK_THAT(result.output,
               contains(epoch == chosen ? "(selected on validation), " : "(given by --checkpoint), "));
    const auto written = nlohmann::json::parse(read_text(out / "metrics.json"));
    CHECK(written["chosen"]["on"] == (epoch == chosen ? "validation" : "given"));
  }
}

TEST_CASE("eval warns of images that the run was trained on") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "run", {"--epochs", "1"})).status == 0);
  const auto output_on = [&](const char* data) {
    const Result result =
        run(folder, {"eval", (folder / "run").string(), "--data", (folder / data).string()});
    CHECK(result.status == 0);
    return result.output + result.error;
  };
  CHECK_THAT(output_on("data/train"), contains("images are the run's own training or validation images"));
  CHECK_THAT(output_on("data/test"), !contains("the run's own training"));

  // A file that cannot be read is neither evaluated nor seen.
  write_text(folder / "data/train/covid/damaged.png", "\x89PNG\r\n\x1a\n");
  CHECK_THAT(output_on("data/train"), contains("12 of these 12 images are the run's own"));

  // The same pixels under other names, beside the run's own and without them.
  fs::copy(folder / "data/test", folder / "other", fs::copy_options::recursive);
  for (int i = 0; const auto& entry : fs::directory_iterator(folder / "data/train/normal"))
    if (i < 3) fs::copy_file(entry.path(), folder / "other/covid" / ("copy" + std::to_string(i++) + ".png"));
  const std::string expected =
      "3 of these 7 images are the run's own training or validation images "
      "(3 of them in other files with the same pixels)";
  CHECK_THAT(output_on("other"), contains(expected));
  fs::remove_all(folder / "data");
  CHECK_THAT(output_on("other"), contains(expected));
  const std::string kept = read_text(folder / "run/seen_images.txt");
  write_text(folder / "run/seen_images.txt", kept.substr(0, 17) + "no fingerprint\n" + kept.substr(17));
  const std::string with_damage = output_on("other");
  CHECK_THAT(with_damage, contains(expected));
  CHECK_THAT(with_damage, contains((folder / "run/seen_images.txt").string() +
                                   " is damaged: line 2 holds no fingerprint"));
  fs::remove(folder / "run/seen_images.txt");  // as of an earlier version
  CHECK_THAT(output_on("other"), contains("what the run was trained on cannot be found"));
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
