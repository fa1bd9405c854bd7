#include "tests/reference/conv2d.h"

#include <array>
#include <catch2/catch.hpp>

#include "tests/kernels/cases.h"
#include "tests/kernels/configured.h"
#include "tests/kernels/harness.h"

using namespace xr;
using namespace xr::tests;

namespace {

struct LayoutPair {
  Layout x, y;
};

constexpr LayoutPair both_channels_last{Layout::channels_last, Layout::channels_last};

/// blocked16 is the CPU's own.
std::vector<Layout> layouts_of(const Backend& backend, const Shape& shape) {
  std::vector<Layout> layouts = tests::layouts_of(shape);
  if (backend.name() != "cpu") std::erase(layouts, Layout::blocked16);
  return layouts;
}

/// x and y in every pair of layouts that their channels and the backend allow; the executor takes long over
/// the direct kernels of the other layouts.
std::vector<LayoutPair> layout_pairs(const Backend& backend, const Conv2dCase& c) {
  if (backend.name() == "simt" && c.flops() > 5'000'000) return {both_channels_last};
  std::vector<LayoutPair> pairs;
  for (const Layout x : layouts_of(backend, c.x))
    for (const Layout y : layouts_of(backend, c.y())) pairs.push_back({x, y});
  return pairs;
}

/// Random numbers for a convolution, the oracle's results, and how a backend is to compute them.
struct Setting {
  BackendOptions options = {};
  /// Operands that the precision multiplies exactly, so that its results must be as good as f32 sums.
  bool exact_operands = true;

  [[nodiscard]] DType activation() const {
    return options.precision == Precision::bf16 ? DType::bf16 : DType::f32;
  }
  [[nodiscard]] Tensor operand(const Shape& shape, std::uint64_t seed) const {
    const Tensor values = random_normal(shape, seed);
    return exact_operands && options.precision != Precision::fp32 ? to_operand(values, options.precision)
                                                                  : values;
  }
  [[nodiscard]] Expected expected(Tensor values, const Conv2dCase& c, double terms, DType dtype) const {
    // With exact operands a bf16 result is an f32 sum that was rounded once.
    const Arithmetic sum = !exact_operands      ? Arithmetic::tf32
                           : c.suits_winograd() ? Arithmetic::winograd
                                                : Arithmetic::reduction;
    return {std::move(values), dtype, dtype == DType::bf16 ? Arithmetic::elementwise : sum, terms};
  }
  [[nodiscard]] std::string describe(const char* operation, const Conv2dCase& c,
                                     const LayoutPair& layouts) const {
    return fmt::format("{} of {} in {} {}, x {}, filter {}, y {}", operation, c.name,
                       tests::name_of(options.precision), options.variant, tests::describe(c.x, layouts.x),
                       c.filter.to_string(), tests::describe(c.y(), layouts.y));
  }
};

using Pairs = std::function<std::vector<LayoutPair>(const Backend&)>;
using Backends = std::vector<Backend*>;

void check_forward(const Conv2dCase& c, const Setting& setting, const Backends& backends,
                   const Pairs& pairs) {
  const Tensor x = setting.operand(c.x, 1), filter = setting.operand(c.filter, 2);
  const Tensor bias = random_normal({c.filter[0]}, 3);
  const Tensor y = reference::conv2d_forward(c.params, x, filter, c.bias ? &bias : nullptr);
  const Expected expected = setting.expected(y, c, c.terms(), setting.activation());
  for (Backend* backend : backends)
    for (const LayoutPair& layouts : pairs(*backend)) {
      const Operation operation{*backend,
                                setting.describe("conv2d_forward", c, layouts),
                                {{"x", x, layouts.x, setting.activation()},
                                 {"filter", filter},
                                 {"bias", bias, Layout::contiguous, DType::f32, c.bias}},
                                {{"y", expected, layouts.y}},
                                false,
                                false};
      check_operation(operation, [&](Inputs in, Outputs out) {
        backend->run(kernels::Conv2dForward{
            .x = in[0], .filter = in[1], .bias = in[2], .y = out[0], .params = c.params});
      });
    }
}

void check_backward_data(const Conv2dCase& c, const Setting& setting, const Backends& backends,
                         const Pairs& pairs) {
  const Tensor dy = setting.operand(c.y(), 1), filter = setting.operand(c.filter, 2);
  const Tensor dx = reference::conv2d_backward_data(c.params, dy, filter, c.x);
  const double terms = c.terms() * static_cast<double>(c.filter[0]) / static_cast<double>(c.x[1]);
  const Expected expected = setting.expected(dx, c, terms, setting.activation());
  for (Backend* backend : backends)
    for (const LayoutPair& layouts : pairs(*backend)) {
      const Operation operation{*backend,
                                setting.describe("conv2d_backward_data", c, layouts),
                                {{"dy", dy, layouts.y, setting.activation()}, {"filter", filter}},
                                {{"dx", expected, layouts.x}},
                                false,
                                false};
      check_gradient(operation, [&](Inputs in, Outputs out, GradientWrite write) {
        backend->run(kernels::Conv2dBackwardData{
            .dy = in[0], .filter = in[1], .dx = out[0], .params = c.params, .write = write});
      });
    }
}

void check_backward_filter(const Conv2dCase& c, const Setting& setting, const Backends& backends,
                           const Pairs& pairs) {
  const Tensor x = setting.operand(c.x, 1), dy = setting.operand(c.y(), 2);
  const double terms = static_cast<double>(c.y().numel()) / static_cast<double>(c.filter[0]);
  const Expected d_filter =
      setting.expected(reference::conv2d_backward_filter(c.params, x, dy, c.filter), c, terms, DType::f32);
  Expected d_bias = setting.expected(reference::conv2d_backward_bias(dy), c, terms, DType::f32);
  d_bias.magnitude = std::sqrt(terms);
  if (d_bias.arithmetic == Arithmetic::winograd) d_bias.arithmetic = Arithmetic::reduction;
  for (Backend* backend : backends)
    for (const LayoutPair& layouts : pairs(*backend)) {
      const Operation operation{
          *backend,
          setting.describe("conv2d_backward_filter", c, layouts),
          {{"x", x, layouts.x, setting.activation()}, {"dy", dy, layouts.y, setting.activation()}},
          {{"d_filter", d_filter}, {"d_bias", d_bias, Layout::contiguous, std::nullopt, true, c.bias}},
          false,
          false};
      check_gradient(operation, [&](Inputs in, Outputs out, GradientWrite write) {
        backend->run(kernels::Conv2dBackwardFilter{.x = in[0],
                                                   .dy = in[1],
                                                   .d_filter = out[0],
                                                   .d_bias = out[1],
                                                   .params = c.params,
                                                   .write = write});
      });
    }
}

using Check = void (*)(const Conv2dCase&, const Setting&, const Backends&, const Pairs&);

/// The operations, channels_last, on every backend that has the options; each must run a kernel of the
/// variant.
void check_variant(const Conv2dCase& c, const Setting& setting,
                   const std::vector<Check>& operations = {check_forward, check_backward_data,
                                                           check_backward_filter}) {
  for (Backend* backend : test_backends()) {
    if (backend->name() == "cpu" || !Configured::possible(*backend, setting.options)) continue;
    for (const Check& check : operations) {
      const Configured configured(*backend, setting.options);
      check(c, setting, {backend}, [](const Backend&) { return std::vector{both_channels_last}; });
      INFO(c.name << " on " << backend->name() << " ran " << configured.kernels());
      CHECK(configured.ran(setting.options.variant));
    }
  }
}

/// All, but only the quickest where the executor would take long.
std::vector<Precision> precisions_for(const Conv2dCase& c) {
  if (c.flops() > 10'000'000) return {Precision::bf16};
  return {Precision::fp32, Precision::tf32, Precision::bf16};
}

}  // namespace

TEST_CASE("conv2d forward") {
  for (const Conv2dCase& c : conv2d_cases())
    check_forward(c, {}, test_backends(), [&](const Backend& backend) { return layout_pairs(backend, c); });
}

TEST_CASE("conv2d backward data") {
  for (const Conv2dCase& c : conv2d_cases())
    check_backward_data(c, {}, test_backends(),
                        [&](const Backend& backend) { return layout_pairs(backend, c); });
}

TEST_CASE("conv2d backward filter and bias") {
  for (const Conv2dCase& c : conv2d_cases())
    check_backward_filter(c, {}, test_backends(),
                          [&](const Backend& backend) { return layout_pairs(backend, c); });
}

TEST_CASE("conv2d direct kernels") {
  for (const Conv2dCase& c : conv2d_cases())
    for (const Precision precision : {Precision::fp32, Precision::bf16})
      if (c.y().numel() < 20000) check_variant(c, {{.precision = precision, .variant = "direct"}});
}

TEST_CASE("conv2d kernels for few channels") {
  std::vector<Conv2dCase> cases = conv2d_cases();
  cases.push_back({"more tiles than blocks", {3, 1, 1500, 2}, {5, 1, 3, 3}, {1, 1, 1, 1, 1, 1, 1}});
  cases.push_back({"tiles of two widths", {1, 2, 3, 257}, {6, 2, 3, 3}, {1, 1, 1, 1, 1, 1, 1}});
  for (const Conv2dCase& c : cases) {
    if (c.params.groups != 1 || c.x[1] > 4) continue;
    const std::int64_t taps = c.filter[1] * c.filter[2] * c.filter[3];
    for (const Precision precision : {Precision::fp32, Precision::bf16}) {
      const auto check = [&](const char* variant, Check operation) {
        check_variant(c, {{.precision = precision, .variant = variant}}, {operation});
      };
      check("few_channels_shared", check_forward);
      if (taps <= 9) check("few_channels_registers", check_forward);
      check(taps <= 9 ? "few_channels_9" : "few_channels_28", check_backward_filter);
    }
  }
}

// Every tile in every precision, in turn over the cases that suit.
TEST_CASE("conv2d implicit matrix products in every precision") {
  const auto suits = [](const Conv2dCase& c) {
    return c.params.groups == 1 && c.x[1] % 8 == 0 && c.filter[0] % 8 == 0;
  };
  const std::array pass_tiles{"v2_128x32", "v2_128x64", "v2_64x64", "v1_64x64"};
  const std::array filter_tiles{"v2_32x128", "v2_64x128", "v2_64x64", "v1_64x64"};
  std::size_t turn = 0;
  for (const Conv2dCase& c : conv2d_cases()) {
    if (!suits(c)) continue;
    for (const Precision precision : precisions_for(c)) {
      const auto setting = [&](const char* tile) {
        return Setting{{.precision = precision, .variant = fmt::format("implicit_gemm_{}", tile)}};
      };
      check_variant(c, setting(pass_tiles[turn % 4]), {check_forward});
      check_variant(c, setting(pass_tiles[(turn + 1) % 4]), {check_backward_data});
      check_variant(c, setting(filter_tiles[turn % 4]), {check_backward_filter});
      ++turn;
    }
    ++turn;
  }
  CHECK(turn > 30);
}

// Version 3: 3x3 with stride 1, 32 channels at a time.
TEST_CASE("conv2d 3x3 kernels in every precision") {
  std::vector<Conv2dCase> cases = {
      {"two slices of channels", {1, 64, 9, 18}, {32, 64, 3, 3}, {1, 1, 1, 1, 1, 1, 1}},
      {"two slices and odd results", {2, 64, 3, 35}, {96, 64, 3, 3}, {1, 1, 2, 0, 1, 1, 1}, false},
      {"more padding than taps", {1, 32, 4, 5}, {32, 32, 3, 3}, {1, 1, 3, 4, 1, 1, 1}}};
  for (const Conv2dCase& c : conv2d_cases()) {
    const bool fits = c.params.groups == 1 && c.params.stride_h == 1 && c.params.stride_w == 1 &&
                      c.params.dilation_h == 1 && c.filter[2] == 3 && c.filter[3] == 3;
    if (fits && (c.x[1] % 32 == 0 || c.filter[0] % 32 == 0)) cases.push_back(c);
  }
  CHECK(cases.size() > 7);
  std::size_t turn = 0;
  for (const Conv2dCase& c : cases)
    for (const Precision precision : precisions_for(c)) {
      std::vector<const char*> tiles{"v3_128x32", "v3_128x64"};
      if (precision != Precision::fp32) tiles.push_back("v3_256x64");
      const auto setting = [&](std::size_t tile) {
        return Setting{
            {.precision = precision, .variant = fmt::format("implicit_gemm_{}", tiles[tile % tiles.size()])}};
      };
      if (c.x[1] % 32 == 0) check_variant(c, setting(turn), {check_forward});
      if (c.filter[0] % 32 == 0) check_variant(c, setting(turn + 1), {check_backward_data});
      const bool wide = turn % 2 == 0 && c.filter[0] > 32;
      const char* filter_tile = wide ? "implicit_gemm_v3_64x288" : "implicit_gemm_v3_32x288";
      if (c.x[1] % 32 == 0)
        check_variant(c, {{.precision = precision, .variant = filter_tile}}, {check_backward_filter});
      ++turn;
    }
}

// Where there are a GPU and cuDNN. In bf16 cuDNN lacks some: own kernels run these.
TEST_CASE("conv2d through cuDNN in every precision") {
  for (const Conv2dCase& c : conv2d_cases())
    for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
      const Setting setting{{.precision = precision, .kernels = kernels::KernelChoice::cudnn}};
      for (Backend* backend : test_backends()) {
        if (backend->name() == "cpu" || !Configured::possible(*backend, setting.options)) continue;
        for (const Check& check : {check_forward, check_backward_data, check_backward_filter}) {
          const Configured configured(*backend, setting.options);
          check(c, setting, {backend}, [&](const Backend& b) { return layout_pairs(b, c); });
          INFO(c.name << " on " << backend->name() << " ran " << configured.kernels());
          if (precision != Precision::bf16) CHECK(configured.ran("cudnn"));
        }
      }
    }
}

TEST_CASE("conv2d rounds operands to TF32") {
  const Setting setting{{.precision = Precision::tf32, .variant = "implicit_gemm"}, false};
  check_variant({"random operands", {2, 32, 9, 11}, {32, 32, 3, 3}, {1, 1, 2, 2, 1, 1, 1}}, setting);
}

// The results' channels need no alignment, only those that are summed over.
TEST_CASE("conv2d implicit matrix products towards odd channels") {
  const Conv2dCase odd_out{"13 output channels", {2, 16, 7, 9}, {13, 16, 3, 3}, {1, 1, 1, 1, 1, 1, 1}};
  const Conv2dCase odd_in{"7 input channels", {2, 7, 9, 7}, {16, 7, 3, 3}, {2, 1, 1, 1, 1, 1, 1}};
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    const Setting setting{{.precision = precision, .variant = "implicit_gemm"}};
    check_variant(odd_out, setting, {check_forward});
    check_variant(odd_in, setting, {check_backward_data});
  }
}

// A cache of prepared convolutions must be keyed by the whole descriptor: each of these differs from the
// first in one number only.
TEST_CASE("conv2d of neighbouring descriptors one after the other") {
  std::vector<Conv2dCase> neighbours(15, {"base", {2, 16, 9, 9}, {16, 16, 3, 3}, {1, 1, 1, 1, 1, 1, 1}});
  neighbours[1].x[0] = 3;
  neighbours[2].x[2] = 8;
  neighbours[3].x[3] = 8;
  neighbours[4].x[1] = neighbours[4].filter[1] = 32;
  neighbours[5].filter[0] = 32;
  neighbours[6].filter[2] = 2;
  neighbours[7].filter[3] = 2;
  neighbours[8].params.stride_h = 2;
  neighbours[9].params.stride_w = 2;
  neighbours[10].params.padding_h = 0;
  neighbours[11].params.padding_w = 0;
  neighbours[12].params.dilation_h = 2;
  neighbours[13].params.dilation_w = 2;
  neighbours[14].params.groups = 2;
  neighbours[14].filter[1] = 8;
  for (Conv2dCase& c : neighbours) c.name = "a neighbouring descriptor";
  const auto pairs = [](const Backend& backend) {
    return std::vector{backend.name() == "cpu" ? LayoutPair{Layout::blocked16, Layout::blocked16}
                                               : both_channels_last};
  };
  for (const bool bias : {false, true})
    for (Conv2dCase c : neighbours) {
      c.bias = bias;
      check_forward(c, {}, test_backends(), pairs);
      check_backward_data(c, {}, test_backends(), pairs);
      check_backward_filter(c, {}, test_backends(), pairs);
    }
}
