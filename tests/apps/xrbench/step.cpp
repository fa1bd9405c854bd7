// `xrbench step`: what it measures is the step that the program trains with.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/devices.h"

namespace xr::apps::test {

namespace {

using Catch::Matchers::Contains;

struct Answer {
  int status = 0;
  std::string output;  // both streams
};

Answer bench_step(const std::string& arguments) {
  const std::string command = std::string("OMP_WAIT_POLICY=passive ") + XR_BENCH_PROGRAM +
                              " step --image-size 12 --batch-size 2 --threads 1 --seed 3 " + arguments +
                              " 2>&1";
  Answer answer;
  FILE* const pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  for (int character = 0; (character = std::fgetc(pipe)) != EOF;)
    answer.output += static_cast<char>(character);
  answer.status = ::pclose(pipe) / 256;
  return answer;
}

nlohmann::json steps_of(const std::string& arguments) {
  const Answer answer = bench_step("--json --warm-up 0 --steps 5 --dropout 0 " + arguments);
  INFO(arguments << ": " << answer.output);
  REQUIRE(answer.status == 0);
  return nlohmann::json::parse(answer.output);
}

std::vector<std::string> devices() {
  std::vector<std::string> names;
  for (const kernels::Device& device : tests::devices_there({"cpu", "simt", "cuda"}))
    names.push_back(device.to_string());
  return names;
}

}  // namespace

TEST_CASE("xrbench step trains: losses fall and are those of the CPU on every device") {
  const std::vector<double> expected = steps_of("--device cpu")["losses"];
  REQUIRE(expected.size() == 5);
  CHECK(expected.back() < expected.front());
  const bool has_bf16 = kernels::backend({}).has_precision(kernels::Precision::bf16);
  for (const std::string& device : devices())
    for (const auto& [precision, tolerance] : {std::pair{"fp32", 1e-3}, {"tf32", 1e-2}, {"bf16", 5e-2}}) {
      if (device == "cpu" &&
          !(precision == std::string("fp32") || (precision == std::string("bf16") && has_bf16)))
        continue;
      const std::vector<double> losses =
          steps_of("--device " + device + " --precision " + precision)["losses"];
      CAPTURE(device, precision, losses, expected);
      REQUIRE(losses.size() == expected.size());
      // Adam's first updates have the size of the learning rate whatever the gradient's: later losses spread.
      for (std::size_t i = 0; i < 2; ++i) CHECK(std::abs(losses[i] - expected[i]) <= tolerance * expected[i]);
    }
}

TEST_CASE("xrbench step gives the same losses recorded and not recorded and in blocks") {
  for (const std::string& device : devices()) {
    const nlohmann::json replayed = steps_of("--block 2 --device " + device),
                         plain = steps_of("--block 1 --no-cuda-graph --device " + device);
    CAPTURE(device);
    CHECK(replayed["losses"] == plain["losses"]);
    CHECK(replayed["replayed"] == (device != "cpu"));
    CHECK(plain["replayed"] == false);
    if (replayed["simulated"] == true) {
      CHECK_FALSE(replayed.contains("seconds"));
      CHECK_FALSE(plain.contains("median_seconds"));
    } else {
      CHECK(replayed["seconds"].size() == 3);  // 2 + 2 + 1 steps
      CHECK(plain["seconds"].size() == 5);
    }
    CHECK(replayed["precision"] == "fp32");
  }
}

TEST_CASE("xrbench step says what a device does not have") {
  const Answer precision = bench_step("--device cpu --precision tf32");
  CHECK(precision.status == 2);
  CHECK_THAT(precision.output, Contains("xrbench: error: ") && Contains("use --precision fp32"));
  const Answer unknown = bench_step("--device cpu --precision fp64");
  CHECK(unknown.status == 2);
  CHECK_THAT(unknown.output, Contains("--precision") && Contains("fp64"));
  const Answer block = bench_step("--device cpu --block -1");
  CHECK(block.status == 2);
  const Answer device = bench_step("--device toaster");
  CHECK(device.status == 2);
  CHECK_THAT(device.output, Contains("xrbench: error: ") && Contains("use cpu, cuda, cuda:N or simt"));
  const Answer absent = bench_step("--device cuda:99");
  CHECK(absent.status == 2);
  const Answer folder = bench_step("--device cpu --write-state /no/such/folder/state.safetensors");
  CHECK(folder.status == 1);
}

}  // namespace xr::apps::test
