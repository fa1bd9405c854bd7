// xrbench kernels: its options, its JSON and its table.
#include <unistd.h>
#include <algorithm>
#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "apps/xrbench/kernels_command.h"
#include "kernels/common/error_codes.h"
#include "kernels/registry.h"
#include "tests/ops/configured.h"

namespace xr::bench {

namespace {

using nlohmann::json;

/// Times without sense, taken fast.
KernelsSettings fast_settings(const std::string& operation) {
  KernelsSettings settings;
  settings.operation = operation;
  settings.batches = {2};
  settings.sizes = {20};
  settings.timing.repetitions = 3;
  settings.timing.batch_time = 1e-6;
  settings.timing.warm_up = 0;
  settings.copied_bytes = 1 << 20;
  settings.matrix = 96;
  return settings;
}

std::string output_of(const KernelsSettings& settings) {
  std::ostringstream out;
  run_kernels(settings, out);
  return out.str();
}

std::string error_of(const KernelsSettings& settings) {
  std::ostringstream out;
  try {
    run_kernels(settings, out);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

ErrorCode error_code_of(const KernelsSettings& settings) {
  std::ostringstream out;
  try {
    run_kernels(settings, out);
  } catch (const Error& error) {
    return error.code();
  }
  return {"none"};
}

/// A file that is gone at the end of the test.
struct TemporaryFile {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("bench_kernels_" + std::to_string(getpid()) + ".json");
  ~TemporaryFile() { std::filesystem::remove(path); }
  [[nodiscard]] json read() const {
    std::ifstream file(path);
    return json::parse(file);
  }
};

/// At each flush counts the operations that the file has by then.
struct WatchingBuffer : std::stringbuf {
  explicit WatchingBuffer(const TemporaryFile& watched) : file(watched) {}
  int sync() override {
    operations.push_back(0);
    if (!std::filesystem::exists(file.path)) return 0;
    const json all = file.read();
    for (const json& one : all["cases"]) operations.back() += one["operations"].size();
    complete = complete || all["complete"] == true;
    return 0;
  }
  const TemporaryFile& file;
  std::vector<std::size_t> operations;
  bool complete = false;
};

}  // namespace

TEST_CASE("xrbench kernels: all operations agree on tiny images") {
  KernelsSettings settings = fast_settings("");
  settings.check = true;
  const std::string text = output_of(settings);
  for (const char* part : {"date: ", "commit: ", "machine: ", "compiler: ", "precision: fp32", "oneDNN",
                           "conv2d_backward_filter/report_cnn.conv1", "adam_step/", "augment", "matmul"})
    CHECK_THAT(text, Catch::Matchers::Contains(part));
  CHECK_THAT(text, !Catch::Matchers::Contains("median"));
}

TEST_CASE("xrbench kernels: own kernels and oneDNN's agree in bf16") {
  if (!tests::Configured::possible(kernels::backend({}), {.precision = kernels::Precision::bf16})) {
    WARN("not tested: this processor has no bf16");
    return;
  }
  KernelsSettings settings = fast_settings("report_cnn");
  settings.check = true;
  settings.precision = kernels::Precision::bf16;
  const TemporaryFile file;
  settings.json = file.path.string();
  CHECK(error_of(settings) == "no error");
  int by_library = 0;
  const json all = file.read();
  for (const json& operation : all["cases"][0]["operations"])
    for (const json& row : operation["kernels"]) {
      INFO(operation.at("operation") << " by " << row.at("kernel"));
      CHECK(row["wrong"] == false);
      by_library += row["library"] == true ? 1 : 0;
    }
  CHECK(by_library >= 10);
}

TEST_CASE("xrbench kernels: a timed run writes JSON with all keys") {
  const TemporaryFile file;
  KernelsSettings settings = fast_settings("report_cnn.conv2");
  settings.json = file.path.string();
  CHECK_THAT(output_of(settings), Catch::Matchers::Contains("median ms"));
  const json all = file.read();
  for (const char* key :
       {"date", "commit", "machine", "device", "threads", "compiler", "precision", "library"})
    CHECK_FALSE(all.at(key).get<std::string>().empty());
  CHECK(all["ceilings"]["copy_bytes_per_second"] > 0);
  CHECK(all["ceilings"]["product_operations_per_second"] > 0);
  CHECK(all["timing"]["repetitions"] == 3);
  CHECK(all["timing"]["warm_up_seconds"] == 0);
  CHECK(all["timing"]["rotated_bytes"] > 0);
  REQUIRE(all["cases"].size() == 1);
  CHECK(all["cases"][0]["batch"] == 2);
  CHECK(all["cases"][0]["left_out"].empty());
  const json& operations = all["cases"][0]["operations"];
  REQUIRE(operations.size() == 3);
  for (const json& operation : operations) {
    CHECK(operation["bytes"] > 0);
    CHECK(operation["operations"] > 0);
    CHECK(operation["no_library"].is_null());
    REQUIRE(operation["kernels"].size() == 2);
    for (const json& row : operation["kernels"]) {
      CHECK(row["median_seconds"] > 0);
      CHECK(row["p20_seconds"] <= row["p80_seconds"]);
      CHECK(row["samples"] == 3);
      CHECK(row["percent_of_roofline"] > 0);
      CHECK(row["ratio_to_library"] > 0);
      CHECK(row["wrong"] == false);
    }
    CHECK(operation["kernels"][1]["difference"] <= operation["tolerance"]);
  }
}

TEST_CASE("xrbench kernels: what was measured is in the JSON before the next operation starts") {
  const TemporaryFile file;
  KernelsSettings settings = fast_settings("report_cnn.conv2");
  settings.json = file.path.string();
  WatchingBuffer watching(file);
  std::ostream out(&watching);
  run_kernels(settings, out);
  // Flushed behind the ceilings, the case and each operation's rows, which are written after.
  CHECK(watching.operations == std::vector<std::size_t>{0, 0, 0, 1, 2});
  CHECK_FALSE(watching.complete);
  CHECK(file.read()["complete"] == true);
  CHECK(file.read()["cases"][0]["operations"].size() == 3);
  CHECK_FALSE(std::filesystem::exists(file.path.string() + ".part"));
}

TEST_CASE("xrbench kernels: what matters most comes first and the rest is left out when the time is up") {
  const TemporaryFile file;
  KernelsSettings settings = fast_settings("");
  settings.json = file.path.string();
  settings.time_limit = 1e-9;
  CHECK_THAT(output_of(settings), Catch::Matchers::Contains("skipped: the time is up"));
  const json all = file.read();
  CHECK(all["cases"][0]["operations"].empty());
  const json& left_out = all["cases"][0]["left_out"];
  std::vector<std::string> names;
  for (const json& one : left_out) {
    CHECK(one["reason"] == "the time is up");
    names.push_back(one["operation"]);
  }
  REQUIRE(names.size() > 50);
  CHECK(names[0] == "linear_forward/report_cnn.fc1");
  CHECK(names[4] == "adam_step/report_cnn");
  CHECK(names[5] == "conv2d_forward/report_cnn.conv1");
  const auto place = [&](const char* name) { return std::ranges::find(names, name) - names.begin(); };
  CHECK(place("conv2d_backward_filter/report_cnn.conv2") < place("adam_step/report_cnn.adamw"));
  CHECK(place("adam_step/report_cnn.adamw") < place("linear_forward/report_cnn.fc3"));
}

TEST_CASE("xrbench kernels: the reason why no library runs is in the results") {
  const TemporaryFile file;
  KernelsSettings settings = fast_settings("relu_forward/report_cnn.norm1");
  settings.check = true;
  settings.json = file.path.string();
  CHECK_THAT(output_of(settings), Catch::Matchers::Contains("no library: no primitive of oneDNN"));
  settings.kernels = kernels::KernelChoice::custom;
  CHECK_THAT(output_of(settings), Catch::Matchers::Contains("no library: --kernels custom asks for none"));
  CHECK(file.read()["cases"][0]["operations"][0]["no_library"] == "--kernels custom asks for none");
}

TEST_CASE("xrbench kernels: --list runs nothing") {
  KernelsSettings settings = fast_settings("report_cnn.fc");
  settings.list = true;
  settings.batches = {60};
  settings.sizes = {224};
  const std::string text = output_of(settings);
  CHECK_THAT(text, Catch::Matchers::Contains("60x193600 -> 60x600") && !Catch::Matchers::Contains("conv1"));
}

TEST_CASE("xrbench kernels: a case is chosen by its name") {
  using Catch::Matchers::Contains;
  KernelsSettings settings = fast_settings("");
  settings.list = true;
  settings.case_name = "conv2d_forward/report_cnn.conv1";
  CHECK_THAT(output_of(settings), Contains("conv2d_forward/report_cnn.conv1 ") && !Contains("backward"));
  settings.case_name = "conv2d/report_cnn.conv1";
  CHECK_THAT(output_of(settings), Contains("conv2d_forward/report_cnn.conv1 ") &&
                                      Contains("conv2d_backward_filter/report_cnn.conv1 ") &&
                                      !Contains("report_cnn.conv2"));
  settings.case_name = "conv2d_forward/report_cnn";
  CHECK_THAT(error_of(settings), Contains("no case is called 'conv2d_forward/report_cnn'"));
  settings = fast_settings("conv2d");
  settings.list = true;
  CHECK_THAT(output_of(settings),
             Contains("conv2d_backward_data/xray_resnet.layer4 ") && !Contains("linear"));
}

TEST_CASE("xrbench kernels: options that do not fit are errors that say what does") {
  using Catch::Matchers::Contains;
  KernelsSettings settings = fast_settings("no such thing");
  CHECK_THAT(error_of(settings), Contains("no such thing") && Contains("conv2d_forward/report_cnn.conv1"));
  settings = fast_settings("fill");
  settings.precision = kernels::Precision::tf32;
  CHECK(error_code_of(settings) == error_code::precision_unsupported);
  settings = fast_settings("fill");
  settings.kernels = kernels::KernelChoice::cudnn;
  CHECK(error_code_of(settings) == error_code::kernels_unsupported);
  settings = fast_settings("fill");
  settings.sizes = {3};
  CHECK_THAT(error_of(settings), Contains("3 x 3"));
  settings = fast_settings("fill");
  settings.batches = {0};
  CHECK_THAT(error_of(settings), Contains("at least 1"));
  settings = fast_settings("fill");
  settings.device = "toaster";
  CHECK_THAT(error_of(settings), Contains("toaster"));
  settings = fast_settings("fill");
  settings.timing.min_time = 9;
  CHECK_THAT(error_of(settings), Contains("--max-time 3"));
  settings = fast_settings("fill");
  settings.check = true;
  settings.json = "/no/such/folder/file.json";
  CHECK_THAT(error_of(settings), Contains("/no/such/folder/file.json"));
}

TEST_CASE("xrbench kernels: in bf16 each operation is held against its own reference") {
  KernelsSettings settings = fast_settings("");
  settings.device = "simt";
  settings.precision = kernels::Precision::bf16;
  settings.batches = {1};
  const std::string error = error_of(settings);
  INFO(error);
  CHECK((error == "no error" || error.find("no SIMT executor") != std::string::npos));
}

TEST_CASE("xrbench kernels: the executor is checked and not timed") {
  KernelsSettings settings = fast_settings("conv2d_forward/report_cnn.conv2");
  settings.device = "simt";
  using kernels::Precision;
  for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
    settings.precision = precision;
    try {
      const std::string text = output_of(settings);
      CHECK_THAT(text, Catch::Matchers::Contains("times mean nothing") &&
                           Catch::Matchers::Contains("conv2d_forward_direct") &&
                           Catch::Matchers::Contains("implicit_gemm_single_stage_64x64") &&
                           !Catch::Matchers::Contains("median"));
    } catch (const Error& error) {
      REQUIRE_THAT(error.what(), Catch::Matchers::Contains("no SIMT executor"));
      WARN(error.what());
      return;
    }
  }
}

}  // namespace xr::bench
