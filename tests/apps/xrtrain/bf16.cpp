// --precision bf16 on the CPU.
#include <algorithm>
#include <cmath>

#include "kernels/registry.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

using Catch::Matchers::Contains;

bool has_bf16() {
  if (kernels::backend({}).has_precision(kernels::Precision::bf16)) return true;
  WARN("skipped: this processor has no bf16 instructions");
  return false;
}

Arguments training(const TemporaryFolder& folder, const std::string& out, const std::string& model,
                   const std::string& precision) {
  Arguments arguments = tiny(folder, out, {"--epochs", "2", "--precision", precision, "--device", "cpu"});
  replace_value(arguments, "--model", model);
  return arguments;
}

}  // namespace

TEST_CASE("training in bf16 on the CPU gives the same bytes twice, and other bytes than in fp32") {
  if (!has_bf16()) return;
  for (const char* model : {"report_cnn", "xray_resnet"}) {
    CAPTURE(model);
    TemporaryFolder folder;
    make_phantoms(folder);
    for (const auto& [out, precision] :
         {std::pair{"first", "bf16"}, {"second", "bf16"}, {"single", "fp32"}}) {
      const Result result = run(folder, training(folder, out, model, precision));
      INFO(result.error);
      REQUIRE(result.status == 0);
      CHECK_THAT(read_text(folder / out / "config.toml"),
                 Contains(fmt::format("precision = \"{}\"", precision)));
    }
    const auto checkpoint = [&](const char* out) {
      return read_text(folder / out / "checkpoints/01.safetensors");
    };
    CHECK(checkpoint("first") == checkpoint("second"));
    CHECK(checkpoint("first") != checkpoint("single"));
    // What was trained in bf16 predicts nearly the same in fp32, but not quite.
    const auto predict = [&](const char* precision) {
      const Result result = run(
          folder, {"predict", (folder / "first/checkpoints/01.safetensors").string(),
                   (folder / "data/test").string(), "--device", "cpu", "--precision", precision, "--csv"});
      INFO(result.error);
      REQUIRE(result.status == 0);
      return probabilities_of(result.output);
    };
    const std::vector<double> rounded = predict("bf16"), exact = predict("fp32");
    REQUIRE(rounded.size() == exact.size());
    REQUIRE(!rounded.empty());
    double largest = 0;
    for (std::size_t i = 0; i < rounded.size(); ++i)
      largest = std::max(largest, std::abs(rounded[i] - exact[i]));
    CHECK(largest <= 0.02);
    CHECK(largest > 5e-5);  // more than rounding in f32 makes
  }
}

TEST_CASE("a processor without bf16 instructions is told so and computes in fp32") {
  TemporaryFolder folder;
  make_phantoms(folder);
  RunSettings old_processor;
  old_processor.environment = {{"ONEDNN_MAX_CPU_ISA", "AVX2"}};
  const Result asked = run(folder, training(folder, "asked", "xray_resnet", "bf16"), old_processor);
  INFO(asked.error);
  REQUIRE(asked.status == 0);
  CHECK_THAT(asked.error + asked.output, Contains("no bf16 instructions") && Contains("computes in fp32"));
  CHECK_THAT(read_text(folder / "asked/config.toml"), Contains("precision = \"fp32\""));
  REQUIRE(run(folder, training(folder, "single", "xray_resnet", "fp32"), old_processor).status == 0);
  CHECK(read_text(folder / "asked/checkpoints/01.safetensors") ==
        read_text(folder / "single/checkpoints/01.safetensors"));
  const Result predicted = run(folder,
                               {"predict", (folder / "asked/checkpoints/01.safetensors").string(),
                                (folder / "data/test").string(), "--device", "cpu", "--precision", "bf16"},
                               old_processor);
  CHECK(predicted.status == 0);
  CHECK_THAT(predicted.error, Contains("no bf16 instructions"));
}

}  // namespace xr::apps::test
