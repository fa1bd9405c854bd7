// xrbench kernels: its options, its JSON, that wrong results are caught, and its list of operations.
#include <unistd.h>
#include <catch2/catch.hpp>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "apps/xrbench/kernels_command.h"
#include "apps/xrbench/kernels_report.h"
#include "apps/xrbench/operands.h"
#include "apps/xrbench/race.h"
#include "kernels/registry.h"

namespace xr::bench {

namespace {

using nlohmann::json;

kernels::Backend& cpu() {
  return kernels::backend({});
}

/// Times without sense, taken fast.
KernelsSettings fast_settings(const std::string& operation) {
  KernelsSettings settings;
  settings.operation = operation;
  settings.batches = {2};
  settings.sizes = {20};
  settings.timing.repetitions = 3;
  settings.timing.batch_time = 1e-6;
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

/// A "library" that fills its result with one number.
class FillingPeer final : public OneDnnPeer {
 public:
  FillingPeer(kernels::View view, float value) : view_(view), value_(value) {}
  [[nodiscard]] std::string kernel() const override { return "filling"; }
  void run() override { cpu().fill(view_, value_); }
  void store() override {}

 private:
  kernels::View view_;
  float value_;
};

/// fill() by the backend, and by a library that may be wrong.
Operation filled_by(float library_value) {
  return {.name = "fill",
          .shape = "8",
          .operands = {{.name = "y", .shape = {8}, .role = Role::output}},
          .call = [](kernels::Backend& b, Views v) { b.fill(v[0], 2.0f); },
          .one_dnn = [library_value](Views v) { return std::make_unique<FillingPeer>(v[0], library_value); }};
}

RaceSettings fast_race() {
  RaceSettings settings;
  settings.timing = {.batch_time = 1e-6, .repetitions = 3};
  return settings;
}

RaceResult race_of(const Operation& operation) {
  return race(cpu(), operation, operation, fast_race());
}

}  // namespace

TEST_CASE("xrbench kernels: a right library may win and a wrong one cannot") {
  const RaceResult right = race_of(filled_by(2.0f));
  REQUIRE(right.runs.size() == 2);
  CHECK_FALSE(right.runs[1].is_wrong);
  CHECK(right.runs[1].timing.has_value());
  CHECK(right.library() == &right.runs[1]);
  for (const float value : {2.001f, 0.0f, std::numeric_limits<float>::quiet_NaN()}) {
    const RaceResult wrong = race_of(filled_by(value));
    REQUIRE(wrong.runs.size() == 2);
    CHECK(wrong.runs[1].is_wrong);
    CHECK_FALSE(wrong.runs[1].timing.has_value());
    CHECK(wrong.winner() == &wrong.runs[0]);
    CHECK(wrong.library() == nullptr);
    CHECK_THAT(to_text(wrong, std::nullopt), Catch::Matchers::Contains(" wrong\n"));
    CHECK(to_json(wrong, std::nullopt)["kernels"][1]["wrong"] == true);
  }
}

TEST_CASE("xrbench kernels: what is left unwritten is wrong") {
  Operation nothing = filled_by(2.0f);
  nothing.call = [](kernels::Backend&, Views) {};
  nothing.one_dnn = {};
  const RaceResult result = race(cpu(), nothing, filled_by(2.0f), fast_race());
  REQUIRE(result.runs.size() == 1);
  CHECK(std::isnan(result.runs[0].difference));
  CHECK(result.runs[0].is_wrong);
  CHECK(result.winner() == nullptr);
}

TEST_CASE("xrbench kernels: a kernel that throws is an error in its row") {
  Operation throwing = filled_by(2.0f);
  throwing.one_dnn = [](Views) -> std::unique_ptr<OneDnnPeer> { throw Error("no such kernel"); };
  const RaceResult result = race_of(throwing);
  REQUIRE(result.runs.size() == 2);
  CHECK(result.runs[1].is_wrong);
  CHECK_THAT(to_text(result, std::nullopt), Catch::Matchers::Contains("error wrong: no such kernel"));
}

TEST_CASE("xrbench kernels: bytes are counted by what a call does with its operands") {
  const Operation operation{
      .name = "example",
      .shape = "",
      .operands = {{.name = "in", .shape = {10}},
                   {.name = "out", .shape = {20}, .role = Role::output},
                   {.name = "both", .shape = {5}, .role = Role::state},
                   {.name = "argmax", .shape = {7}, .role = Role::own, .dtype = kernels::DType::u8},
                   {.name = "aside", .shape = {9}, .role = Role::scratch}},
      .call = {}};
  CHECK(operation.bytes() == 40 + 80 + 2 * 20 + 7);
  CHECK(operation.footprint() == 40 + 80 + 20 + 7 + 36);
}

TEST_CASE("xrbench kernels: the network's products are those of the report") {
  std::map<std::string, std::int64_t> operations;
  for (const Operation& operation : network_operations({}, cpu()))
    operations[operation.name] = operation.operations;
  // 2 x batch x outputs x channels x outputs' pixels x inputs x 9; see model/report_cnn.h for the shapes.
  CHECK(operations["conv1_forward"] == 2LL * 60 * 32 * 226 * 226 * 9);
  CHECK(operations["conv2_backward_data"] == 2LL * 60 * 64 * 111 * 111 * 32 * 9);
  CHECK(operations["fc1_backward_weight"] == 2LL * 60 * 64 * 55 * 55 * 600);
  CHECK(operations["relu1_forward"] == 0);
  CHECK_THROWS_AS(network_operations({.size = 4}, cpu()), Error);
}

TEST_CASE("xrbench kernels: long sums may differ by more but no TF32 product passes as fp32") {
  using kernels::Precision;
  std::map<std::string, Operation> operations;
  for (const Operation& operation : network_operations({}, cpu())) operations[operation.name] = operation;
  CHECK(tolerance_of(operations["conv2_forward"], Precision::fp32) == Approx(2e-5));
  // 60 x 226 x 226 products in each element
  CHECK(tolerance_of(operations["conv1_backward_filter"], Precision::fp32) == Approx(1.05e-4).epsilon(0.01));
  CHECK(tolerance_of(operations["relu1_forward"], Precision::tf32) == Approx(2e-5));
  CHECK(tolerance_of(operations["matmul"], Precision::tf32) == Approx(1e-3));
  CHECK(tolerance_of(operations["matmul"], Precision::bf16) == Approx(5e-3));
  for (const auto& [name, operation] : operations)
    if (operation.is_product)
      CHECK(tolerance_of(operation, Precision::fp32) < 2.9e-4);  // what TF32 costs a product
}

TEST_CASE("xrbench kernels: figures follow from the median and the ceilings") {
  const Ceilings ceilings{
      .copy_bandwidth = 1e9, .product_rate = 1e12, .copied_by = "a", .multiplied_by = "b"};
  CHECK(least_seconds(ceilings, 2000000000, 0) == Approx(2));
  CHECK(least_seconds(ceilings, 1000, 3000000000000) == Approx(3));
  Run own{.kernel = "own"}, library{.kernel = "library", .is_library = true};
  own.timing = Timing{.median = 4, .p20 = 3, .p80 = 5, .fastest = 3, .noise = 0.5, .samples = 3, .calls = 1};
  own.launches = {{.kernel = "own", .bytes = 3000000000, .operations = 0}};
  library.timing = own.timing;
  library.timing->median = 8;
  const RaceResult result{.name = "n", .shape = "s", .bytes = 2000000000, .runs = {own, library}};
  const json rows = to_json(result, ceilings)["kernels"];
  CHECK(rows[0]["percent_of_ceiling"].get<double>() == Approx(75));
  CHECK(rows[0]["percent_of_roofline"].get<double>() == Approx(50));
  CHECK(rows[0]["ratio_to_library"].get<double>() == Approx(2));
  CHECK(rows[0]["fastest"] == true);
  CHECK(rows[1]["percent_of_ceiling"].is_null());
  CHECK(rows[1]["gigabytes_per_second"].get<double>() == Approx(0.25));
  CHECK(rows[1]["ratio_to_library"].get<double>() == Approx(1));
}

TEST_CASE("xrbench kernels: samples are batches of calls between two waits") {
  int calls = 0, waits = 0;
  const Timing timing = measure(
      {.batch_time = 0, .repetitions = 7}, [&](int i) { CHECK(i == calls++); }, [&] { ++waits; });
  CHECK(timing.samples == 7);
  CHECK(timing.calls == 1);
  CHECK(calls == 1 + 1 + 7);  // warm-up, finding the length, samples
  CHECK(waits == 2 * calls);
  CHECK(timing.p20 <= timing.median);
  CHECK(timing.median <= timing.p80);
  const Timing longer = measure(
      {.batch_time = 1e-3, .repetitions = 1}, [](int) {}, [] {});
  CHECK(longer.calls > 1);
}

TEST_CASE("xrbench kernels: the same seed draws the same operands and never zeros") {
  const std::vector<Operation> operations = network_operations({.batch = 1, .size = 16, .matrix = 16}, cpu());
  const Operation& operation = operations[0];
  Operands a(cpu(), operation), b(cpu(), operation);
  a.fill(operation, 1);
  b.fill(operation, 1);
  const auto values = [](const Operands& operands) {
    const kernels::View& x = operands.views()[0];
    return std::vector<float>(x.as<float>(), x.as<float>() + x.numel());
  };
  CHECK(values(a) == values(b));
  b.fill(operation, 2);
  CHECK(values(a) != values(b));
  double squares = 0;
  for (const float value : values(a)) squares += static_cast<double>(value) * value;
  CHECK(squares / static_cast<double>(values(a).size()) == Approx(1).margin(0.3));
}

TEST_CASE("xrbench kernels: all operations agree on tiny images") {
  KernelsSettings settings = fast_settings("");
  settings.check = true;
  const std::string text = output_of(settings);
  for (const char* part : {"date: ", "commit: ", "machine: ", "compiler: ", "precision: fp32", "oneDNN",
                           "conv1_backward_filter", "adam", "augment", "matmul"})
    CHECK_THAT(text, Catch::Matchers::Contains(part));
  CHECK_THAT(text, !Catch::Matchers::Contains("median"));
}

TEST_CASE("xrbench kernels: a timed run writes JSON with all keys") {
  const TemporaryFile file;
  KernelsSettings settings = fast_settings("conv2");
  settings.json = file.path.string();
  CHECK_THAT(output_of(settings), Catch::Matchers::Contains("median ms"));
  const json all = file.read();
  for (const char* key :
       {"date", "commit", "machine", "device", "threads", "compiler", "precision", "library"})
    CHECK_FALSE(all.at(key).get<std::string>().empty());
  CHECK(all["ceilings"]["copy_bytes_per_second"] > 0);
  CHECK(all["ceilings"]["product_operations_per_second"] > 0);
  REQUIRE(all["cases"].size() == 1);
  CHECK(all["cases"][0]["batch"] == 2);
  CHECK(all["cases"][0]["left_out"].empty());
  const json& operations = all["cases"][0]["operations"];
  REQUIRE(operations.size() == 3);
  for (const json& operation : operations) {
    CHECK(operation["bytes"] > 0);
    CHECK(operation["operations"] > 0);
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
  KernelsSettings settings = fast_settings("conv2");
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

TEST_CASE("xrbench kernels: --list runs nothing") {
  KernelsSettings settings = fast_settings("fc");
  settings.list = true;
  settings.batches = {60};
  settings.sizes = {224};
  const std::string text = output_of(settings);
  CHECK_THAT(text, Catch::Matchers::Contains("60x193600 -> 600") && !Catch::Matchers::Contains("conv1"));
}

TEST_CASE("xrbench kernels: options that do not fit are errors that say what does") {
  using Catch::Matchers::Contains;
  KernelsSettings settings = fast_settings("no such thing");
  CHECK_THAT(error_of(settings), Contains("no such thing") && Contains("conv1_forward"));
  settings = fast_settings("fill");
  settings.precision = "bf16";
  CHECK_THAT(error_of(settings), Contains("--precision fp32"));
  settings = fast_settings("fill");
  settings.kernels = "cudnn";
  CHECK_THAT(error_of(settings), Contains("--kernels auto"));
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

TEST_CASE("xrbench kernels: the executor is checked and not timed") {
  KernelsSettings settings = fast_settings("conv2_forward");
  settings.device = "simt";
  for (const char* precision : {"fp32", "tf32", "bf16"}) {
    settings.precision = precision;
    try {
      const std::string text = output_of(settings);
      CHECK_THAT(text, Catch::Matchers::Contains("times mean nothing") &&
                           Catch::Matchers::Contains("conv2d_forward_direct") &&
                           Catch::Matchers::Contains("implicit_gemm_v1_64x64") &&
                           !Catch::Matchers::Contains("median"));
    } catch (const Error& error) {
      REQUIRE_THAT(error.what(), Catch::Matchers::Contains("no SIMT executor"));
      WARN(error.what());
      return;
    }
  }
}

}  // namespace xr::bench
