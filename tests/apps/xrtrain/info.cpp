// `xrtrain info` and `xrtrain synth`.
#include <nlohmann/json.hpp>

#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

TEST_CASE("info says what the program and the machine have") {
  TemporaryFolder folder;
  const Result text = run(folder, {"info"});
  CHECK(text.status == 0);
  CHECK_THAT(text.output, contains("libraries: fmt ") && contains("system: ") && contains("device cpu: ") &&
                              contains("oneDNN") && contains("device cuda:0: ") &&
                              contains("--kernels cudnn: cuDNN ") && contains("model report_cnn: ") &&
                              contains((folder / "cache").string()));
  const auto info = nlohmann::json::parse(run(folder, {"info", "--json"}).output);
  CHECK(info["devices"][0]["device"] == "cpu");
  CHECK(info["devices"][0]["available"] == true);
  CHECK(info["threads"] >= 1);
  CHECK_THAT(text.output, contains("images: ") && contains("png"));
  for (const auto& format : info["image_formats"])
    if (format["format"] == "png") CHECK(format["read"] == true);
  CHECK(info["image_formats"].size() == 10);
}

TEST_CASE("synth draws the same set for the same seed and does not overwrite") {
  TemporaryFolder folder;
  const auto synth = [&](const std::string& name, const std::string& seed) {
    return run(folder,
               {"synth", "--out", (folder / name).string(), "--seed", seed, "--size", "64", "--train-covid",
                "3", "--train-normal", "2", "--test-covid", "1", "--test-normal", "1"});
  };
  REQUIRE(synth("a", "1").status == 0);
  REQUIRE(synth("b", "1").status == 0);
  REQUIRE(synth("c", "2").status == 0);
  CHECK(results_of(folder / "a").size() == 7);
  CHECK(results_of(folder / "a") == results_of(folder / "b"));
  CHECK(results_of(folder / "a") != results_of(folder / "c"));
  const Result again = synth("a", "2");
  CHECK(again.status != 0);
  CHECK_THAT(again.error_line(), contains("a"));
  CHECK(results_of(folder / "a") == results_of(folder / "b"));
}

}  // namespace xr::apps::test
