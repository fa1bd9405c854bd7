// Wrong usage: exit status 2 and a line that names the option, its value and what is allowed.
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

std::string refused(const TemporaryFolder& folder, const Arguments& arguments) {
  const Result result = run(folder, arguments);
  CHECK(result.status == 2);
  CHECK(result.output.empty());
  return result.error_line();
}

// With these options instead of those of tiny().
std::string refused_with(const TemporaryFolder& folder, const Arguments& more) {
  Arguments arguments = {"train", "--data", (folder / "data").string(), "--out", (folder / "run").string()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  std::string line = refused(folder, arguments);
  CHECK(!fs::exists(folder / "run"));
  return line;
}

}  // namespace

TEST_CASE("Values out of range are refused with the range") {
  TemporaryFolder folder;
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"--batch-size", "0", "1 to 65536"},
      {"--batch-size", "-3", "1 to 65536"},
      {"--batch-size", "1.5", "integer"},
      {"--batch-size", "99999999999999999999", "integer"},
      {"--epochs", "0", "1 to 100000"},
      {"--lr", "-0.001", "0 to 1e+38"},
      {"--lr", "nan", "0 to 1e+38"},
      {"--lr", "inf", "0 to 1e+38"},
      {"--lr", "1e39", "0 to 1e+38"},
      {"--lr", "0.1x", "number"},
      {"--lr", "", "empty"},
      {"--dropout", "1", "less than 1"},
      {"--momentum", "1", "less than 1"},
      {"--weight-decay", "-1", "0 to 1e+38"},
      {"--val-fraction", "1", "less than 1"},
      {"--channels", "2", "1, 3"},
      {"--image-size", "0", "1 to 4096"},
      {"--padding", "9", "0 to 8"},
      {"--seed", "-1", "0 to"},
      {"--optimizer", "adamx", "adam, adamw, sgd"},
      {"--model", "vgg", "report_cnn"},
      {"--preset", "rapport", "report-before"},
      {"--precision", "tf32", "fp32"},
      {"--precision", "fp64", "fp32"},
      {"--kernels", "cudnn", "auto"},
      {"--step-factor", "0", "more than 0"},
      {"--label-smoothing", "1", "less than 1"},
      {"--workers", "-1", "0 to 256"},
      {"--keep", "-1", "0 to"},
  };
  for (const auto& [option, value, allowed] : cases) {
    INFO(option << " " << value);
    Arguments arguments = {option, value};
    if (std::string(option) != "--device") arguments.insert(arguments.end(), {"--device", "cpu"});
    CHECK_THAT(refused_with(folder, arguments), contains(option) && contains(allowed));
  }
}

TEST_CASE("A device that is not there is refused with what to use instead") {
  TemporaryFolder folder;
  for (const char* device : {"gpu", "cuda:99999", "cuda:-1", "cuda:99"}) {
    INFO(device);
    CHECK_THAT(refused_with(folder, {"--device", device}), contains("device") && contains("cpu"));
  }
}

TEST_CASE("An image size too small for the network is refused with the least one") {
  TemporaryFolder folder;
  CHECK_THAT(refused_with(folder, {"--image-size", "4", "--model", "report_cnn"}),
             contains("--image-size is 4") && contains("at least 6"));
  CHECK_THAT(refused_with(folder, {"--image-size", "4", "--model", "xray_resnet"}), contains("at least 16"));
}

TEST_CASE("Options that do not go together are refused") {
  TemporaryFolder folder;
  CHECK_THAT(refused_with(folder, {"--quiet", "--json"}), contains("exclude"));
  CHECK_THAT(refused_with(folder, {"--resume", "--force"}), contains("exclude"));
  CHECK_THAT(refused_with(folder, {"--normalize", "--no-normalize"}), contains("normalize"));
  CHECK_THAT(refused_with(folder, {"--lr", "1", "--lr", "-2"}), contains("--lr is -2"));
}

TEST_CASE("What is missing or unknown is said with a hint") {
  TemporaryFolder folder;
  CHECK_THAT(refused(folder, {}), contains("predict, export, serve, audit, synth or info"));
  CHECK_THAT(refused(folder, {"trane"}), contains("did you mean train?"));
  CHECK_THAT(refused(folder, {"train", "--data", "x"}), contains("--out is missing"));
  CHECK_THAT(refused(folder, {"train", "--out", (folder / "x").string()}), contains("--data is missing"));
  CHECK_THAT(refused(folder, {"train", "--epoch", "3"}), contains("did you mean --epochs?"));
  CHECK_THAT(refused(folder, {"audi"}), contains("did you mean audit?"));
  CHECK_THAT(refused(folder, {"train", "--no-cach"}), contains("did you mean --no-cache?"));
  CHECK_THAT(refused(folder, {"train", "--learning-rate", "3"}), contains("--learning-rate"));
  CHECK_THAT(refused(folder, {"train", "--lr"}), contains("--lr"));
  CHECK_THAT(refused(folder, {"predict", "x.safetensors"}), contains("images"));
  CHECK_THAT(refused(folder, {"eval"}), contains("run"));
  CHECK_THAT(refused(folder, {"synth", "--out", (folder / "x").string(), "--size", "8"}), contains("--size"));
}

TEST_CASE("Help and version are no errors") {
  TemporaryFolder folder;
  for (const char* command : {"train", "find-lr", "eval", "cv", "average", "compare", "predict", "export",
                              "synth", "audit", "info"}) {
    INFO(command);
    const Result result = run(folder, {command, "--help"});
    CHECK(result.status == 0);
    CHECK(result.error.empty());
    CHECK_THAT(result.output, contains("Usage: xrtrain " + std::string(command)) &&
                                  contains("Examples:\n  # ") && !contains("  --no-"));
  }
  CHECK_THAT(run(folder, {"train", "--help"}).output, contains("--batch-size N ") &&
                                                          contains("default: 8]") &&
                                                          contains("--[no-]cache ") && contains("--resume"));
}

TEST_CASE("find-lr and cv list the options that they take") {
  TemporaryFolder folder;
  const std::string range = run(folder, {"find-lr", "--help"}).output,
                    cv = run(folder, {"cv", "--help"}).output;
  CHECK_THAT(range, contains("--batch-size ") && !contains("--epochs") && !contains("--patience") &&
                        contains("Folder of the range test"));
  CHECK_THAT(cv,
             contains("--epochs ") && !contains("--fold K/N") && contains("Folder of the cross-validation"));
}

TEST_CASE("The version has the commit and what the build has and lacks") {
  TemporaryFolder folder;
  const Result result = run(folder, {"--version"});
  CHECK(result.status == 0);
  CHECK_THAT(result.output, contains("xrtrain ") && contains("\ncommit ") && contains("\nwith: CPU") &&
                                contains("\nwithout: ") && contains("jpeg"));
}

TEST_CASE("A configuration file with a mistake is refused with key and line") {
  TemporaryFolder folder;
  const fs::path config = folder / "my.toml";
  const auto line = [&](const std::string& text) {
    write_text(config, text);
    return refused_with(folder, {"--config", config.string()});
  };
  CHECK_THAT(line("epochs = 3\nepoks = 4\n"),
             contains("my.toml line 2") && contains("epoks") && contains("'epochs'"));
  CHECK_THAT(line("\n\nepochs = \"three\"\n"),
             contains("line 3") && contains("epochs") && contains("integer"));
  CHECK_THAT(line("batch_size = 0\n"), contains("line 1") && contains("1 to 65536"));
  CHECK_THAT(line("lr = nan\n"), contains("lr is nan"));
  CHECK_THAT(line("epochs = = 3\n"), contains("line 1"));
  CHECK_THAT(line("resume = true\n"), contains("resume"));
  CHECK_THAT(line("batch-size = 3\nbatch_size = 4\n"), contains("twice"));
  CHECK_THAT(refused_with(folder, {"--config", (folder / "absent.toml").string()}), contains("absent.toml"));
}

TEST_CASE("a last batch that is too small for the network is refused before the training") {
  TemporaryFolder folder;
  make_phantoms(folder, 5, 1);  // 10 training images
  Arguments arguments = tiny(folder, "run", {"--val-fraction", "0"});
  replace_value(arguments, "--model", "xray_resnet");
  replace_value(arguments, "--image-size", "32");
  replace_value(arguments, "--batch-size", "3");
  const Result refused = run(folder, arguments);
  CHECK(refused.status == 2);
  CHECK_THAT(refused.error, contains("--batch-size is 3") && contains("use --batch-size 2 or a larger"));
  CHECK_FALSE(fs::exists(folder / "run/checkpoints"));
  replace_value(arguments, "--batch-size", "2");
  arguments.emplace_back("--force");
  CHECK(run(folder, arguments).status == 0);
}

}  // namespace xr::apps::test
