// The program on the SIMT executor: the CUDA kernels' whole path where there is no GPU.
#include <cmath>

#include "tests/apps/xrtrain/distributed/support.h"

namespace xr::apps::test {

namespace {

struct Setting {
  std::string model, precision;
  double tolerance;  ///< of probabilities
};

void check_program(const Setting& setting) {
  TemporaryFolder folder;
  make_phantoms(folder, 3, 1);
  const Arguments device = {"--device", "simt", "--precision", setting.precision};
  const auto with_device = [&](Arguments arguments) {
    arguments.insert(arguments.end(), device.begin(), device.end());
    return arguments;
  };
  Arguments train = with_device(tiny(folder, "run", {"--epochs", "1"}));
  replace_value(train, "--model", setting.model);
  const Result trained = run(folder, train);
  INFO(trained.error);
  REQUIRE(trained.status == 0);
  CHECK(read_text(folder / "run/timing.csv").starts_with("phase,epoch,seconds_simulated\n"));
  const std::string table = read_text(folder / "run/eval.csv"),
                    report = read_text(folder / "run/report.html");
  REQUIRE(run(folder, with_device({"eval", (folder / "run").string()})).status == 0);
  CHECK(read_text(folder / "run/eval.csv") == table);
  CHECK(read_text(folder / "run/report.html") == report);
  const std::string checkpoint = (folder / "run/checkpoints/00.safetensors").string();
  CHECK(run(folder, with_device({"predict", checkpoint, (folder / "data/test/covid").string(), "--explain",
                                 (folder / "pictures").string(), "--occlusion"}))
            .status == 0);

  const auto predict = [&](const std::string& on, const std::string& precision) {
    const Result result = run(folder, {"predict", checkpoint, (folder / "data/test").string(), "--device", on,
                                       "--precision", precision, "--csv"});
    INFO(result.error);
    REQUIRE(result.status == 0);
    return probabilities_of(result.output);
  };
  const std::vector<double> simt = predict("simt", setting.precision), cpu = predict("cpu", "fp32");
  REQUIRE(simt.size() == 4);  // two images, two classes
  REQUIRE(cpu.size() == simt.size());
  for (std::size_t i = 0; i < simt.size(); ++i) CHECK(std::abs(simt[i] - cpu[i]) <= setting.tolerance);
}

}  // namespace

TEST_CASE("training and evaluation and prediction run on the SIMT executor") {
  check_program({.model = "report_cnn", .precision = "fp32", .tolerance = 1e-4});
}

TEST_CASE("training and evaluation and prediction run on the SIMT executor, with batch norm") {
  check_program({.model = "xray_resnet", .precision = "fp32", .tolerance = 1e-4});
}

TEST_CASE("training and evaluation and prediction run on the SIMT executor in bf16") {
  check_program({.model = "report_cnn", .precision = "bf16", .tolerance = 0.02});
}

TEST_CASE("2 ranks on the SIMT executor end in the bytes of one process") {
  if (!can_start_ranks()) return;
  TemporaryFolder folder;
  make_phantoms(folder, 3, 1);
  const auto arguments = [&](const std::string& out) {
    return tiny(folder, out, {"--epochs", "1", "--shards", "2", "--device", "simt", "--timeout", "200"});
  };
  REQUIRE(run(folder, arguments("alone")).status == 0);
  REQUIRE(run(folder, arguments("ranks"), with_ranks(2)).status == 0);
  check_same_results(folder / "alone", folder / "ranks");
}

}  // namespace xr::apps::test
