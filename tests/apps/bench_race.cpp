// How xrbench kernels times: that wrong results are caught, what is counted, and its list of operations.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "apps/xrbench/ceilings.h"
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
          .call = [](kernels::Backend& b, Views v) { b.run(kernels::Fill{.y = v[0], .value = 2.0f}); },
          .one_dnn = [library_value](Views v) { return std::make_unique<FillingPeer>(v[0], library_value); }};
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

TEST_CASE("xrbench kernels: a reference that fails is an error in a row of its own") {
  Operation throwing = filled_by(2.0f);
  throwing.call = [](kernels::Backend&, Views) { throw Error("no memory for it"); };
  const RaceResult result = race(cpu(), filled_by(2.0f), throwing, fast_race());
  REQUIRE(result.runs.size() == 1);
  CHECK(result.runs[0].is_wrong);
  CHECK(result.winner() == nullptr);
  CHECK_THAT(to_text(result, std::nullopt),
             Catch::Matchers::Contains("the reference") && Catch::Matchers::Contains("no memory for it"));
}

TEST_CASE("xrbench kernels: a wrong product is no ceiling and a right one is enough") {
  const auto measured = [](float own, float library) {
    Operation product = filled_by(library);
    product.operations = 1000;
    product.call = [own](kernels::Backend& b, Views v) { b.run(kernels::Fill{.y = v[0], .value = own}); };
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
  Operation growing{
      .name = "grow",
      .shape = "2",
      .operands = {{.name = "a", .shape = {2}}, {.name = "y", .shape = {2}, .role = Role::state}},
      .call = [](kernels::Backend& b, Views v) { b.run(kernels::Add{.a = v[0], .b = v[1], .y = v[1]}); }};
  growing.one_dnn = [](Views v) {
    struct Adding final : OneDnnPeer {
      explicit Adding(Views views) : a(views[0]), y(views[1]) {}
      [[nodiscard]] std::string kernel() const override { return "adding"; }
      void run() override { cpu().add(a, y, y); }
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
    counted.variants = {"none", "such"};
    counted.call = [&calls](kernels::Backend& b, Views v) {
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
  const Operation operation{.name = "long",
                            .shape = "",
                            .operands = {{.name = "y", .shape = {count}, .role = Role::output}},
                            .call = {}};
  Operands operands(cpu(), operation);
  for (const std::int64_t at : {std::int64_t{0}, std::int64_t{65536}, count - 1}) {
    operands.poison();
    const Results poisoned = operands.results();
    CHECK(std::ranges::all_of(poisoned[0], [](float value) { return std::isnan(value); }));
    cpu().fill(operands.views()[0], 1.0f);
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
  const Operation operation{
      .name = "long", .shape = "", .operands = {{.name = "x", .shape = {count}}}, .call = {}};
  Operands operands(cpu(), operation);
  cpu().fill(operands.views()[0], std::numeric_limits<float>::quiet_NaN());
  operands.fill(operation, 1);
  const float* const x = operands.views()[0].as<float>();
  bool repeats = true;
  for (std::int64_t i = 0; i < count; ++i) repeats = repeats && x[i] == x[i % period];
  CHECK(repeats);
  CHECK(x[0] != x[1]);
  CHECK(std::ranges::none_of(x, x + period, [](float value) { return std::isnan(value) || value == 0; }));
}

TEST_CASE("xrbench kernels: bytes are counted by what a call does with its operands") {
  const Operation operation{
      .name = "example",
      .shape = "",
      .operands = {{.name = "in", .shape = {10}},
                   {.name = "out", .shape = {20}, .role = Role::output},
                   {.name = "both", .shape = {5}, .role = Role::state},
                   {.name = "argmax", .shape = {7}, .role = Role::own, .dtype = kernels::DType::u8},
                   {.name = "aside", .shape = {9}, .role = Role::scratch},
                   {.name = "again", .shape = {3}, .passes = 2}},
      .call = {}};
  CHECK(operation.bytes() == 40 + 80 + 2 * 20 + 7 + 2 * 12);
  CHECK(operation.footprint() == 40 + 80 + 20 + 7 + 36 + 12);
  CHECK(operation.touched_bytes() == 40 + 80 + 20 + 7 + 12);
}

TEST_CASE("xrbench kernels: batch norm must read twice what its sums are over") {
  const std::int64_t whole = 4LL * 60 * 32 * 226 * 226,
                     small = 16 * 4 * 32;  // bytes of x; of all per channel
  std::map<std::string, std::int64_t> bytes;
  for (const Operation& operation : network_operations({}, cpu())) bytes[operation.name] = operation.bytes();
  const auto passes = [&](const std::string& name) {
    CHECK(bytes.at(name) % whole < small);
    return bytes.at(name) / whole;
  };
  CHECK(passes("norm1_forward") == 3);
  CHECK(passes("norm1_backward") == 5);
  CHECK(passes("norm1_inference") == 2);
}

TEST_CASE("xrbench kernels: the convolutions of xray_resnet have no bias") {
  for (const Operation& operation : network_operations({}, cpu())) {
    if (operation.name.starts_with("resnet_")) CHECK(operation.operands.size() == 3);
    if (operation.name == "conv1_forward") CHECK(operation.operands.size() == 4);
  }
}

TEST_CASE("xrbench kernels: the network's products are those of the report") {
  std::map<std::string, std::int64_t> operations;
  for (const Operation& operation : network_operations({}, cpu()))
    operations[operation.name] = operation.operations;
  // 2 x batch x outputs x channels x outputs' pixels x inputs x 9; see model/networks/report_cnn.h for the shapes.
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
  b.run(kernels::Fill{.y = operation, .value = 1});
  const auto values = [](const Operands& operands) {
    const kernels::View& x = operands.views()[0];
    return std::vector<float>(x.as<float>(), x.as<float>() + x.numel());
  };
  CHECK(values(a) == values(b));
  b.run(kernels::Fill{.y = operation, .value = 2});
  CHECK(values(a) != values(b));
  double squares = 0;
  for (const float value : values(a)) squares += static_cast<double>(value) * value;
  CHECK(squares / static_cast<double>(values(a).size()) == Approx(1).margin(0.3));
}

}  // namespace xr::bench
