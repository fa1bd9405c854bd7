// How xrbench kernels times: that wrong results are caught, what is counted, and its list of operations.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "apps/xrbench/ceilings.h"
#include "apps/xrbench/kernels_report.h"
#include "apps/xrbench/operands.h"
#include "apps/xrbench/race.h"
#include "kernels/registry.h"
#include "tests/ops/operation.h"

namespace xr::bench {

namespace {

using nlohmann::json;

kernels::Backend& cpu() {
  return kernels::backend({});
}

/// A "library" that fills its result with one number.
class FillingPeer final : public OneDnnPeer {
 public:
  FillingPeer(kernels::View view, float value) : view_(view), value_(value) {}
  [[nodiscard]] std::string kernel() const override { return "filling"; }
  void run() override { cpu().run(kernels::Fill{.y = view_, .value = value_}); }
  void store() override {}

 private:
  kernels::View view_;
  float value_;
};

/// An operation whose call is this.
Operation operation_of(const char* name, std::vector<Operand> operands,
                       std::function<void(kernels::Backend&, Views)> run) {
  Operation operation{.name = name};
  operation.call.name = name;
  operation.call.operands = std::move(operands);
  operation.call.run = [run = std::move(run)](kernels::Backend& backend, Views views,
                                              kernels::GradientWrite) { run(backend, views); };
  return operation;
}

/// fill() by the backend, and by a library that may be wrong.
Operation filled_by(float library_value, float own_value = 2.0f) {
  Operation operation = operation_of(
      "fill", {tests::output("y", {8})},
      [own_value](kernels::Backend& b, Views v) { b.run(kernels::Fill{.y = v[0], .value = own_value}); });
  operation.one_dnn = [library_value](Views v) { return std::make_unique<FillingPeer>(v[0], library_value); };
  return operation;
}

RaceSettings fast_race() {
  RaceSettings settings;
  settings.timing = {.batch_time = 1e-6, .repetitions = 3, .warm_up = 0};
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
  nothing.call.run = [](kernels::Backend&, Views, kernels::GradientWrite) {};
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

TEST_CASE("xrbench kernels: a reference that fails is an error in a row of its own") {
  Operation throwing = filled_by(2.0f);
  throwing.call.run = [](kernels::Backend&, Views, kernels::GradientWrite) {
    throw Error("no memory for it");
  };
  const RaceResult result = race(cpu(), filled_by(2.0f), throwing, fast_race());
  REQUIRE(result.runs.size() == 1);
  CHECK(result.runs[0].is_wrong);
  CHECK(result.winner() == nullptr);
  CHECK_THAT(to_text(result, std::nullopt),
             Catch::Matchers::Contains("the reference") && Catch::Matchers::Contains("no memory for it"));
}

TEST_CASE("xrbench kernels: a wrong product is no ceiling and a right one is enough") {
  const auto measured = [](float own, float library) {
    Operation product = filled_by(library, own);
    product.call.is_product = true;
    product.call.flops = 1000;
    Ceilings ceilings;
    take_product_ceiling(race(cpu(), product, filled_by(2.0f), fast_race()), ceilings);
    return ceilings;
  };
  const Ceilings wrong_own = measured(3.0f, 2.0f);
  CHECK(wrong_own.product_rate > 0);
  CHECK(wrong_own.multiplied_by == "filling");
  REQUIRE(wrong_own.wrong.size() == 1);
  CHECK_THAT(wrong_own.wrong[0], Catch::Matchers::Contains("differs by"));
  CHECK(measured(2.0f, 2.0f).wrong.empty());
  CHECK_THROWS_WITH(measured(3.0f, 3.0f), Catch::Matchers::Contains("filling"));
}

TEST_CASE("xrbench kernels: states are drawn anew for each kernel and inputs once") {
  Operation growing = operation_of(
      "grow", {tests::input("a", {2}), tests::state("y", {2})},
      [](kernels::Backend& b, Views v) { b.run(kernels::Add{.a = v[0], .b = v[1], .y = v[1]}); });
  growing.one_dnn = [](Views v) {
    struct Adding final : OneDnnPeer {
      explicit Adding(Views views) : a(views[0]), y(views[1]) {}
      [[nodiscard]] std::string kernel() const override { return "adding"; }
      void run() override { cpu().run(kernels::Add{.a = a, .b = y, .y = y}); }
      void store() override {}
      kernels::View a, y;
    };
    return std::make_unique<Adding>(v);
  };
  RaceSettings settings = fast_race();
  settings.time = false;
  const RaceResult result = race(cpu(), growing, growing, settings);
  REQUIRE(result.runs.size() == 2);
  CHECK_FALSE(result.runs[0].is_wrong);
  CHECK_FALSE(result.runs[1].is_wrong);
}

TEST_CASE("xrbench kernels: a variant that runs what ran before is called once and not compared") {
  try {
    int calls = 0;
    Operation counted = filled_by(2.0f);
    counted.call.variants = {"none", "such"};
    counted.call.run = [&calls](kernels::Backend& b, Views v, kernels::GradientWrite) {
      ++calls;
      b.run(kernels::Fill{.y = v[0], .value = 2.0f});
    };
    RaceSettings settings = fast_race();
    settings.time = settings.library = false;
    settings.why_no_library = "none here";
    const RaceResult result =
        race(kernels::backend(kernels::Device::parse("simt")), counted, filled_by(2.0f), settings);
    CHECK(result.runs.size() == 1);
    CHECK(result.why_no_library == "none here");
    CHECK(calls == 1 + 2);
  } catch (const Error& error) {
    REQUIRE_THAT(error.what(), Catch::Matchers::Contains("no SIMT executor"));
    WARN(error.what());
  }
}

TEST_CASE("xrbench kernels: differences of long results are found wherever they are") {
  const std::int64_t count = 3 * 65536 + 5;
  const Operation operation = operation_of("long", {tests::output("y", {count})}, {});
  Operands operands(cpu(), operation);
  for (const std::int64_t at : {std::int64_t{0}, std::int64_t{65536}, count - 1}) {
    operands.poison();
    const Results poisoned = operands.results();
    CHECK(std::ranges::all_of(poisoned[0], [](float value) { return std::isnan(value); }));
    cpu().run(kernels::Fill{.y = operands.views()[0], .value = 1.0f});
    Results expected = operands.results();
    CHECK(operands.difference(expected) == 0);
    expected[0][static_cast<std::size_t>(at)] = 3.0f;
    CHECK(operands.difference(expected) == Approx(2 / std::sqrt(static_cast<double>(count) + 8)));
    operands.views()[0].as<float>()[at] = std::numeric_limits<float>::quiet_NaN();
    CHECK(std::isnan(operands.difference(expected)));
  }
}

TEST_CASE("xrbench kernels: long operands repeat what they begin with and leave no element out") {
  constexpr std::int64_t period = 1048583, count = 3 * period + 1000;
  const Operation operation = operation_of("long", {tests::input("x", {count})}, {});
  Operands operands(cpu(), operation);
  cpu().run(kernels::Fill{.y = operands.views()[0], .value = std::numeric_limits<float>::quiet_NaN()});
  operands.fill(operation, 1);
  const float* const x = operands.views()[0].as<float>();
  bool repeats = true;
  for (std::int64_t i = 0; i < count; ++i) repeats = repeats && x[i] == x[i % period];
  CHECK(repeats);
  CHECK(x[0] != x[1]);
  CHECK(std::ranges::none_of(x, x + period, [](float value) { return std::isnan(value) || value == 0; }));
}

TEST_CASE("xrbench kernels: memory is counted by what a call does with its operands") {
  const Operation operation = operation_of(
      "example",
      {tests::input("in", {10}), tests::output("out", {20}), tests::state("both", {5}),
       tests::kept("argmax", {7}), tests::scratch("aside", {9}), tests::input("bias", {3}).only_if(false)},
      {});
  CHECK(operation.footprint() == 40 + 80 + 20 + 7 + 36);
  CHECK(operation.touched_bytes() == 40 + 80 + 20 + 7);
}

TEST_CASE("xrbench kernels: batch norm must read twice what its sums are over") {
  const std::int64_t whole = 4LL * 60 * 32 * 226 * 226,
                     small = 16 * 4 * 32;  // bytes of x; of all per channel
  std::map<std::string, std::int64_t> bytes;
  for (const Operation& operation : network_operations({}, cpu())) bytes[operation.name] = operation.bytes();
  const auto passes = [&](const std::string& pass) {
    const std::int64_t all = bytes.at("batch_norm2d_" + pass + "/report_cnn.norm1");
    CHECK(all % whole < small);
    return all / whole;
  };
  CHECK(passes("forward_training") == 3);
  CHECK(passes("backward_training") == 5);
  CHECK(passes("forward_inference") == 2);
}

TEST_CASE("xrbench kernels: only the convolutions of report_cnn have a bias") {
  int convolutions = 0;
  for (Operation& operation : network_operations({}, cpu())) {
    if (operation.operation != "conv2d" || operation.call.name == "conv2d_backward_data") continue;
    ++convolutions;
    const bool is_forward = operation.call.name == "conv2d_forward";
    const bool is_of_report = operation.name.find("/report_cnn") != std::string::npos;
    CHECK(operation.call.operand(is_forward ? "bias" : "d_bias").defined == is_of_report);
  }
  CHECK(convolutions == 2 * (2 + 5 + 4 + 1));  // the last: the stem
}

TEST_CASE("xrbench kernels: every operation is timed but those that no backend computes") {
  std::set<std::string> timed;
  for (const Operation& operation : network_operations({}, cpu())) {
    timed.insert(operation.operation);
    CHECK(operation.name.starts_with(operation.call.name + "/"));
    CHECK(operation.bytes() > 0);
    CHECK_FALSE(operation.shape().empty());
  }
  for (const tests::Operation& operation : tests::operations())
    CHECK(timed.contains(operation.name) == !operation.checks.empty());
}

TEST_CASE("xrbench kernels: no two cases have one name") {
  std::set<std::string> names;
  for (const Operation& operation : network_operations({}, cpu())) {
    CAPTURE(operation.name);
    CHECK(names.insert(operation.name).second);
    CHECK(is_case(operation, operation.name));
  }
  CHECK(names.contains("conv2d_forward/report_cnn.conv1"));
}

TEST_CASE("xrbench kernels: the network's products are those of the report") {
  std::map<std::string, std::int64_t> operations;
  for (const Operation& operation : network_operations({}, cpu()))
    operations[operation.name] = operation.operations();
  // 2 x batch x outputs x channels x outputs' pixels x inputs x 9; see model/networks/report_cnn.h for the shapes.
  CHECK(operations.at("conv2d_forward/report_cnn.conv1") == 2LL * 60 * 32 * 226 * 226 * 9);
  CHECK(operations.at("conv2d_backward_data/report_cnn.conv2") == 2LL * 60 * 64 * 111 * 111 * 32 * 9);
  CHECK(operations.at("matmul/report_cnn.fc1.backward_weight") == 2LL * 60 * 64 * 55 * 55 * 600);
  CHECK(operations.at("relu_forward/report_cnn.norm1") == 0);
  CHECK_THROWS_AS(network_operations({.size = 4}, cpu()), Error);
}

TEST_CASE("xrbench kernels: long sums may differ by more but no TF32 product passes as fp32") {
  using kernels::Precision;
  std::map<std::string, Operation> operations;
  for (const Operation& operation : network_operations({}, cpu())) operations[operation.name] = operation;
  CHECK(tolerance_of(operations.at("conv2d_forward/report_cnn.conv2"), Precision::fp32) == Approx(2e-5));
  // 60 x 226 x 226 products in each element
  CHECK(tolerance_of(operations.at("conv2d_backward_filter/report_cnn.conv1"), Precision::fp32) ==
        Approx(1.05e-4).epsilon(0.01));
  CHECK(tolerance_of(operations.at("relu_forward/report_cnn.norm1"), Precision::tf32) == Approx(2e-5));
  CHECK(tolerance_of(operations.at("matmul/square"), Precision::tf32) == Approx(1e-3));
  CHECK(tolerance_of(operations.at("matmul/square"), Precision::bf16) == Approx(5e-3));
  for (const auto& [name, operation] : operations)
    if (operation.call.is_product)
      CHECK(tolerance_of(operation, Precision::fp32) < 2.9e-4);  // what TF32 costs a product
}

TEST_CASE("xrbench kernels: figures follow from the median and the ceilings") {
  const Ceilings ceilings{
      .copy_bandwidth = 1e9, .product_rate = 1e12, .copied_by = "a", .multiplied_by = "b"};
  CHECK(min_seconds(ceilings, 2000000000, 0) == Approx(2));
  CHECK(min_seconds(ceilings, 1000, 3000000000000) == Approx(3));
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
      {.batch_time = 0, .repetitions = 7, .warm_up = 0}, [&](int i) { CHECK(i == calls++); },
      [&] { ++waits; });
  CHECK(timing.samples == 7);
  CHECK(timing.calls == 1);
  CHECK(calls == 1 + 1 + 7);  // warm-up, finding the length, samples
  CHECK(waits == 2 * calls);
  CHECK(timing.p20 <= timing.median);
  CHECK(timing.median <= timing.p80);
  const Timing longer = measure(
      {.batch_time = 1e-3, .repetitions = 1, .warm_up = 0}, [](int) {}, [] {});
  CHECK(longer.calls > 1);
  calls = 0;
  const auto begin = std::chrono::steady_clock::now();
  double warm = 0;
  std::ignore = measure(
      {.batch_time = 0, .repetitions = 1, .warm_up = 5e-3},
      [&](int) {
        ++calls;
        warm = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
      },
      [] {});
  CHECK(calls > 3);
  CHECK(warm >= 5e-3);
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

}  // namespace xr::bench
