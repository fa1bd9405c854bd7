// The program on the SIMT executor: the CUDA kernels' whole path where there is no GPU.
#include <cmath>
#include <sstream>

#include "tests/apps/support.h"

namespace xr::apps::test {

namespace {

/// The probabilities in the lines of `predict --csv`: file,class,p(covid),p(normal).
std::vector<double> probabilities_of(const std::string& csv) {
  std::vector<double> found;
  std::istringstream lines(csv);
  std::string line;
  std::getline(lines, line);
  CHECK(line == "file,class,p(covid),p(normal)");
  while (std::getline(lines, line)) {
    const std::size_t last = line.rfind(',');
    found.push_back(std::stod(line.substr(line.rfind(',', last - 1) + 1)));
    found.push_back(std::stod(line.substr(last + 1)));
  }
  return found;
}

}  // namespace

TEST_CASE("training and evaluation and prediction run on the SIMT executor") {
  const std::string model = GENERATE("report_cnn", "xray_resnet");
  CAPTURE(model);
  TemporaryFolder folder;
  make_phantoms(folder, 3, 1);
  Arguments train = tiny(folder, "run", {"--device", "simt", "--epochs", "1"});
  replace_value(train, "--model", model);
  const Result trained = run(folder, train);
  INFO(trained.error);
  REQUIRE(trained.status == 0);
  const std::string table = read_text(folder / "run/eval.csv");
  REQUIRE(run(folder, {"eval", (folder / "run").string(), "--device", "simt"}).status == 0);
  CHECK(read_text(folder / "run/eval.csv") == table);

  const auto predict = [&](const std::string& device) {
    const Result result = run(folder, {"predict", (folder / "run/checkpoints/00.safetensors").string(),
                                       (folder / "data/test").string(), "--device", device, "--csv"});
    INFO(result.error);
    REQUIRE(result.status == 0);
    return probabilities_of(result.output);
  };
  const std::vector<double> simt = predict("simt"), cpu = predict("cpu");
  REQUIRE(simt.size() == 4);  // two images, two classes
  REQUIRE(cpu.size() == simt.size());
  for (std::size_t i = 0; i < simt.size(); ++i) CHECK(std::abs(simt[i] - cpu[i]) <= 1e-4);
}

}  // namespace xr::apps::test
