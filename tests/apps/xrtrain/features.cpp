// A frozen backbone: features that are computed once, and its unfreezing.
#include "apps/xrtrain/training/feature_file.h"

#include "engine/io/safetensors.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

/// A small set, and weights of a network to start from.
class Pretrained {
 public:
  explicit Pretrained(Arguments network) : network_(std::move(network)) {
    make_phantoms(folder);
    Arguments arguments = network_;
    arguments.insert(arguments.end(), {"--epochs", "1"});
    REQUIRE(run(folder, tiny(folder, "first", arguments)).status == 0);
  }

  [[nodiscard]] Arguments arguments(const std::string& out, const Arguments& more) const {
    Arguments result = network_;
    result.insert(result.end(), {"--init", (folder / "first/checkpoints/00.safetensors").string(), "--freeze",
                                 "backbone", "--schedule", "constant"});
    result.insert(result.end(), more.begin(), more.end());
    return tiny(folder, out, result);
  }
  [[nodiscard]] Result train(const std::string& out, const Arguments& more,
                             const RunSettings& settings = {}) const {
    return run(folder, arguments(out, more), settings);
  }
  [[nodiscard]] fs::path checkpoint(const std::string& out, const std::string& name) const {
    return folder / out / "checkpoints" / (name + ".safetensors");
  }

  TemporaryFolder folder;

 private:
  Arguments network_;
};

void check_same_files(const fs::path& a, const fs::path& b, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    CAPTURE(name);
    CHECK(read_text(a / name) == read_text(b / name));
  }
}

const Arguments report_cnn = {"--model", "report_cnn", "--dropout", "0.3"};

}  // namespace

TEST_CASE("features: computed once, they give the bytes that a training on images gives") {
  const Arguments networks[] = {
      report_cnn,
      {"--model", "efficientnet_lite0", "--image-size", "40", "--channels", "3", "--batch-size", "5"},
      {"--model", "resnet18", "--image-size", "32", "--precision", "bf16"}};
  for (const Arguments& network : networks) {
    CAPTURE(network[1]);
    const Pretrained pretrained(network);
    const Result images = pretrained.train("images", {"--augment", "none", "--no-cache-features"}),
                 features = pretrained.train("features", {"--augment", "none"}),
                 again = pretrained.train("again", {"--augment", "none"});
    REQUIRE(images.status == 0);
    REQUIRE(features.status == 0);
    REQUIRE(again.status == 0);
    CHECK_THAT(images.output, contains("--no-cache-features"));
    CHECK_THAT(features.output, contains("Features of 8 training images: 8 computed, 0 from the cache") &&
                                    contains("Features of 4 test images: 4 computed, 0 from the cache"));
    CHECK_THAT(again.output, contains("Features of 8 training images: 0 computed, 8 from the cache") &&
                                 contains("Features of 4 validation images: 0 computed"));
    for (const char* out : {"features", "again"})
      check_same_files(pretrained.folder / "images", pretrained.folder / out,
                       {"checkpoints/00.safetensors", "checkpoints/01.safetensors",
                        "checkpoints/02.safetensors", "history.csv", "predictions.csv"});
  }
}

TEST_CASE("features: an evaluation of the run takes the images, and gives the same") {
  for (const Arguments& network :
       {report_cnn, Arguments{"--model", "efficientnet_lite0", "--image-size", "32"}}) {
    CAPTURE(network[1]);
    const Pretrained pretrained(network);
    REQUIRE(pretrained.train("run", {"--augment", "none", "--epochs", "2"}).status == 0);
    const std::string before = read_text(pretrained.folder / "run/predictions.csv");
    REQUIRE(run(pretrained.folder, {"eval", (pretrained.folder / "run").string()}).status == 0);
    CHECK(read_text(pretrained.folder / "run/predictions.csv") == before);
  }
}

TEST_CASE("features: other weights or pixels have others, and a damaged file is computed again") {
  const Pretrained pretrained(report_cnn);
  const auto computed = [&](const std::string& out, const Arguments& more) {
    Arguments arguments = {"--augment", "none", "--epochs", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Result result = pretrained.train(out, arguments);
    REQUIRE(result.status == 0);
    return result.output.find("training images: 8 computed") != std::string::npos;
  };
  CHECK(computed("one", {}));
  CHECK_FALSE(computed("two", {}));
  CHECK(computed("normalized", {"--preprocessing", "imagenet"}));
  CHECK(computed("masked", {"--mask", "border"}));
  REQUIRE(run(pretrained.folder, tiny(pretrained.folder, "other", {"--epochs", "1", "--seed", "7"})).status ==
          0);
  CHECK(computed("weights", {"--preprocessing", "imagenet", "--init",
                             (pretrained.folder / "other/checkpoints/00.safetensors").string()}));
  Arguments threads = pretrained.arguments("threads", {"--augment", "none", "--epochs", "1"});
  replace_value(threads, "--threads", "1");
  CHECK_THAT(run(pretrained.folder, threads).output, contains("training images: 8 computed"));
  for (const auto& entry : fs::directory_iterator(pretrained.folder / "cache"))
    if (entry.path().filename().string().starts_with("features-"))
      fs::resize_file(entry.path(), fs::file_size(entry.path()) - 1);
  CHECK(computed("damaged", {}));
  CHECK(read_text(pretrained.checkpoint("damaged", "00")) == read_text(pretrained.checkpoint("one", "00")));
}

TEST_CASE("features: old files are removed, and those that are used are kept") {
  TemporaryFolder folder;
  const fs::path cache = folder / "cache";
  const auto path = [&](int i) {
    return cache / ("features-000000000000000" + std::to_string(i) + ".safetensors");
  };
  const auto now = fs::file_time_type::clock::now();
  for (int i = 0; i < 6; ++i) {
    write_text(path(i), std::string(100, 'x'));
    fs::last_write_time(path(i), now - std::chrono::hours(24 * i));
  }
  write_text(cache / "features-0.safetensors.tmp.1.0", "x");
  write_text(cache / "features-1.safetensors.tmp.2.0", "x");
  fs::last_write_time(cache / "features-0.safetensors.tmp.1.0", now - std::chrono::hours(2));
  write_text(cache / "images-0.bin", std::string(1000, 'x'));
  const auto there = [&] {
    std::string found;
    for (int i = 0; i < 6; ++i) found += fs::exists(path(i)) ? std::to_string(i) : "";
    return found;
  };
  remove_old_features(cache, path(5));
  CHECK(there() == "012345");
  CHECK_FALSE(fs::exists(cache / "features-0.safetensors.tmp.1.0"));
  CHECK(fs::exists(cache / "features-1.safetensors.tmp.2.0"));
  remove_old_features(cache, path(5), {std::chrono::hours(24 * 3 + 12), 1000});
  CHECK(there() == "01235");  // 5 is the one just written
  remove_old_features(cache, path(5), {std::chrono::hours(24 * 30), 300});
  CHECK(there() == "015");
  CHECK(fs::exists(cache / "images-0.bin"));

  // A file that a run reads counts as used.
  FeatureFile features;
  features.rows[7] = {1.5f, -2.0f};
  write_feature_file(cache, "key", 2, features);
  const auto written = [&] {
    for (const auto& entry : fs::directory_iterator(cache))
      if (entry.is_regular_file() && entry.path().extension() == ".safetensors" && entry.path() != path(0) &&
          entry.path() != path(1) && entry.path() != path(5))
        return entry.path();
    return fs::path();
  }();
  REQUIRE_FALSE(written.empty());
  fs::last_write_time(written, now - std::chrono::hours(24 * 20));
  CHECK(read_feature_file(cache, "key", 2).rows == features.rows);
  CHECK(fs::last_write_time(written) > now - std::chrono::hours(1));

  // A changed number is noticed.
  std::string bytes = read_text(written);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  write_text(written, bytes);
  CHECK(read_feature_file(cache, "key", 2).rows.empty());
}

TEST_CASE("features: where they cannot be computed once the program says why") {
  const Pretrained pretrained(report_cnn);
  const Result augmented = pretrained.train("augmented", {"--augment", "mild", "--epochs", "1"});
  REQUIRE(augmented.status == 0);
  CHECK_THAT(augmented.output, contains("computed in every epoch") && contains("--augment mild"));
  const Pretrained maps({"--model", "darkcovidnet", "--image-size", "32"});
  const Result result = maps.train("maps", {"--augment", "none", "--epochs", "1"});
  REQUIRE(result.status == 0);
  CHECK_THAT(result.output, contains("the head of darkcovidnet takes maps"));
}

TEST_CASE("unfreezing: the head alone, then everything, as history and checkpoints say") {
  const Pretrained pretrained(report_cnn);
  REQUIRE(pretrained.train("run", {"--freeze-epochs", "2", "--augment", "none"}).status == 0);
  const std::string history = read_text(pretrained.folder / "run/history.csv");
  CHECK_THAT(history, contains(",trained\n0,") && contains(",head\n1,") && contains(",head\n2,"));
  CHECK(history.ends_with(",all\n"));
  const auto backbone = [&](const fs::path& path) {
    return engine::SafetensorsFile(path).bytes_of("layer1.0.weight");
  };
  const auto start = backbone(pretrained.folder / "first/checkpoints/00.safetensors");
  CHECK(backbone(pretrained.checkpoint("run", "01")) == start);
  CHECK(backbone(pretrained.checkpoint("run", "02")) != start);
  CHECK(engine::SafetensorsFile(pretrained.checkpoint("run", "01")).metadata().at("trained") == "head");
  CHECK_FALSE(engine::SafetensorsFile(pretrained.checkpoint("run", "02")).metadata().contains("trained"));
  CHECK_THAT(read_text(pretrained.folder / "run/config.toml"), contains("freeze-epochs = 2"));
  // On images the same, and at another rate of the backbone another.
  REQUIRE(pretrained.train("images", {"--freeze-epochs", "2", "--augment", "none", "--no-cache-features"})
              .status == 0);
  check_same_files(pretrained.folder / "run", pretrained.folder / "images",
                   {"checkpoints/01.safetensors", "checkpoints/02.safetensors", "predictions.csv"});
  REQUIRE(pretrained.train("slow", {"--freeze-epochs", "2", "--augment", "none", "--lr-backbone", "1e-30"})
              .status == 0);
  CHECK(backbone(pretrained.checkpoint("slow", "02")) == start);
  CHECK(run(pretrained.folder, tiny(pretrained.folder, "none", {"--freeze-epochs", "2"})).status == 2);
}

TEST_CASE("unfreezing: a run that was interrupted before, at and after it ends in the same bytes") {
  const Pretrained pretrained(report_cnn);
  const Arguments options = {"--freeze-epochs", "2", "--augment",   "none",
                             "--epochs",        "4", "--log-level", "debug"};
  REQUIRE(pretrained.train("whole", options).status == 0);
  for (const char* line :
       {"epoch 1 step 0", "Epoch 1/", "epoch 1 took", "epoch 2 step 0", "epoch 3 step 1"}) {
    CAPTURE(line);
    const std::string out = "killed";
    RunSettings killed;
    killed.signal_after_line = line;
    killed.signal = 15;
    const Result first = pretrained.train(out, options, killed);
    if (first.status != 0) {
      REQUIRE(first.status == 1);
      REQUIRE(
          run(pretrained.folder, {"train", "--out", (pretrained.folder / out).string(), "--resume"}).status ==
          0);
    }
    check_same_results(pretrained.folder / "whole", pretrained.folder / out);
    fs::remove_all(pretrained.folder / out);
  }
}

}  // namespace xr::apps::test
