// Convolution: its gradients, with and without bias, in every layout, by every hand-written kernel.
#include "engine/ops/conv2d.h"

#include <fmt/core.h>

#include <array>
#include <cmath>
#include <string_view>

#include "tests/ops/conv2d_calls.h"
#include "tests/ops/conv2d_cpu_bf16.h"
#include "tests/ops/conv2d_epilogue.h"
#include "tests/ops/conv2d_nan.h"
#include "tests/ops/operation.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/gradient_check.h"

namespace xr::tests {

namespace {

using reference::random_normal;

using Check = void (*)(const Checker&, const Conv2dCase&, const Conv2dSetting&, const Backends&,
                       const ChooseLayouts&);

/// In f32, in every pair of layouts.
Suite<Checker> in_all_layouts(std::string title, Check check_one) {
  return checks_of(std::move(title), conv2d_cases(), [check_one](const Checker& check, const Conv2dCase& c) {
    check_one(check, c, {}, test_backends(),
              [&](const Backend& backend) { return layout_pairs(backend, c); });
  });
}

/// The operations, in those layouts, on every backend that has the options; each must run a kernel of the
/// variant.
void check_variant(const Checker& check, const Conv2dCase& c, const Conv2dSetting& setting,
                   const std::vector<Check>& operations = {check_conv2d_forward, check_conv2d_backward_data,
                                                           check_conv2d_backward_filter},
                   const Conv2dLayouts& layouts = both_channels_last) {
  for (Backend* backend : test_backends()) {
    if (backend->name() == "cpu" || !Configured::possible(*backend, setting.options)) continue;
    for (const Check& check_one : operations) {
      const Configured configured(*backend, setting.options);
      check_one(check, c, setting, {backend}, [&](const Backend&) { return std::vector{layouts}; });
      check.that(
          configured.ran(setting.options.variant),
          fmt::format("{} ran {}, not {}", backend->name(), configured.kernels(), setting.options.variant));
    }
  }
}

/// All, but only the quickest where the executor would take long.
std::vector<Precision> precisions_for(const Conv2dCase& c) {
  if (c.flops() > 10'000'000) return {Precision::bf16};
  return {Precision::fp32, Precision::tf32, Precision::bf16};
}

void check_direct(const Checker& check, const Conv2dCase& c) {
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    const Conv2dSetting setting{.options = {.precision = precision, .variant = "direct"}};
    check_variant(check, c, setting, {check_conv2d_backward_filter});
    check_variant(check, c, {setting.options, true, precision == Precision::bf16},
                  {check_conv2d_forward, check_conv2d_backward_data});
    // conv2d forward and backward have f32 in all layouts.
    if (precision == Precision::bf16 && c.flops() < 200'000)
      check_variant(check, c, setting, {check_conv2d_forward, check_conv2d_backward_data},
                    {Layout::contiguous, Layout::contiguous});
  }
}

std::vector<Conv2dCase> small_cases() {
  std::vector<Conv2dCase> cases = conv2d_cases();
  std::erase_if(cases, [](const Conv2dCase& c) { return c.y().numel() >= 20000; });
  return cases;
}

std::vector<Conv2dCase> few_channels_cases() {
  std::vector<Conv2dCase> cases = conv2d_cases();
  cases.push_back(conv2d_case("more_tiles_than_blocks", {3, 1, 1600, 2}, {9, 1, 3, 3}).padding(1));
  cases.push_back(conv2d_case("more_tiles_than_blocks_rgb", {3, 3, 1600, 2}, {9, 3, 3, 3}).padding(1));
  // A tile's pixels leave no room for those of the next one; a few more tiles than blocks.
  cases.push_back(
      conv2d_case("large_patches", {3, 1, 708, 144}, {9, 1, 3, 3}).padding(4, 100).dilation(4, 171));
  cases.push_back(conv2d_case("tiles_of_odd_channels", {1, 1, 5, 127}, {5, 1, 3, 3}).padding(1));
  cases.push_back(conv2d_case("tiles_of_odd_channels_rgb", {1, 3, 4, 127}, {7, 3, 3, 3}).padding(1));
  cases.push_back(conv2d_case("tiles_of_two_widths", {1, 2, 3, 257}, {6, 2, 3, 3}).padding(1));
  std::erase_if(cases, [](const Conv2dCase& c) { return c.params.groups != 1 || c.x[1] > 4; });
  return cases;
}

void check_few_channels(const Checker& check, const Conv2dCase& c) {
  const std::int64_t taps = c.filter[1] * c.filter[2] * c.filter[3];
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    const auto by = [&](const char* variant, Check operation) {
      check_variant(check, c, {{.precision = precision, .variant = variant}}, {operation});
    };
    by("few_channels_shared", check_conv2d_forward);
    if (taps <= 9) by("few_channels_registers", check_conv2d_forward);
    by(taps <= 9 ? "few_channels_9" : "few_channels_28", check_conv2d_backward_filter);
  }
}

/// Of these the kernels take all: a channel a group, channels in vectors of either type.
std::vector<Conv2dCase> depthwise_cases() {
  std::vector<Conv2dCase> cases = conv2d_cases();
  cases.push_back(conv2d_case("depthwise_1x3_of_rectangles", {1, 16, 7, 9}, {16, 1, 1, 3})
                      .stride(2, 1)
                      .padding(0, 1)
                      .groups(16));
  cases.push_back(
      conv2d_case("depthwise_3x3_of_264_channels", {1, 264, 5, 5}, {264, 1, 3, 3}).padding(1).groups(264));
  std::erase_if(cases, [](const Conv2dCase& c) {
    return c.params.groups != c.x[1] || c.filter[0] != c.x[1] || c.x[1] % 8 != 0;
  });
  return cases;
}

void check_depthwise(const Checker& check, const Conv2dCase& c) {
  const Conv2dParams& p = c.params;
  const bool has_window = c.filter[2] == c.filter[3] && c.filter[2] >= 3 && p.stride_h == p.stride_w &&
                          p.stride_h <= 2 && p.dilation_h == 1;
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    const Conv2dSetting setting{{.precision = precision, .variant = "depthwise"}, true};
    check_variant(check, c, setting, {check_conv2d_forward, check_conv2d_backward_data});
    if (has_window) check_variant(check, c, setting, {check_conv2d_backward_filter});
  }
}

/// A case, and where the turn of the tiles begins for it.
struct TiledCase {
  std::string name;
  Conv2dCase c;
  std::size_t turn;
};

/// Every tile in every precision, in turn over the cases that suit. `gap`: turns between two cases.
std::vector<TiledCase> in_turn(const std::vector<Conv2dCase>& cases, std::size_t gap) {
  std::vector<TiledCase> tiled;
  std::size_t turn = 0;
  for (const Conv2dCase& c : cases) {
    tiled.push_back({c.name, c, turn});
    turn += precisions_for(c).size() + gap;
  }
  return tiled;
}

std::vector<TiledCase> implicit_gemm_cases() {
  std::vector<Conv2dCase> cases = conv2d_cases();
  std::erase_if(cases, [](const Conv2dCase& c) {
    return c.filter[1] % 8 != 0 || c.filter[0] / c.params.groups % 8 != 0;
  });
  return in_turn(cases, 1);
}

void check_implicit_gemm(const Checker& check, const TiledCase& tiled) {
  const std::array pass_tiles{"pipelined_128x32", "pipelined_128x64", "pipelined_64x64",
                              "single_stage_64x64"};
  const std::array filter_tiles{"pipelined_32x128", "pipelined_64x128", "pipelined_64x64",
                                "single_stage_64x64"};
  std::size_t turn = tiled.turn;
  for (const Precision precision : precisions_for(tiled.c)) {
    const auto setting = [&](const char* tile) {
      return Conv2dSetting{{.precision = precision, .variant = fmt::format("implicit_gemm_{}", tile)}};
    };
    check_variant(check, tiled.c, setting(pass_tiles[turn % 4]), {check_conv2d_forward});
    check_variant(check, tiled.c, setting(pass_tiles[(turn + 1) % 4]), {check_conv2d_backward_data});
    check_variant(check, tiled.c, setting(filter_tiles[turn % 4]), {check_conv2d_backward_filter});
    ++turn;
  }
}

/// 3x3 with stride 1, 32 channels at a time.
std::vector<TiledCase> cases_3x3() {
  std::vector<Conv2dCase> cases = {
      conv2d_case("two_slices_of_channels", {1, 64, 9, 18}, {32, 64, 3, 3}).padding(1),
      conv2d_case("two_slices_and_odd_results", {2, 64, 3, 35}, {96, 64, 3, 3}).padding(2, 0).without_bias(),
      conv2d_case("more_padding_than_taps", {1, 32, 4, 5}, {32, 32, 3, 3}).padding(3, 4)};
  for (const Conv2dCase& c : conv2d_cases()) {
    const bool fits = c.params.groups == 1 && c.params.stride_h == 1 && c.params.stride_w == 1 &&
                      c.params.dilation_h == 1 && c.filter[2] == 3 && c.filter[3] == 3;
    if (fits && (c.x[1] % 32 == 0 || c.filter[0] % 32 == 0)) cases.push_back(c);
  }
  return in_turn(cases, 0);
}

void check_3x3(const Checker& check, const TiledCase& tiled) {
  const Conv2dCase& c = tiled.c;
  std::size_t turn = tiled.turn;
  for (const Precision precision : precisions_for(c)) {
    std::vector<const char*> tiles{"128x32", "128x64"};
    if (precision != Precision::fp32) tiles.push_back("256x64");
    const auto setting = [&](std::size_t tile) {
      return Conv2dSetting{
          {.precision = precision, .variant = fmt::format("halo_tile_{}", tiles[tile % tiles.size()])}};
    };
    if (c.x[1] % 32 == 0) check_variant(check, c, setting(turn), {check_conv2d_forward});
    if (c.filter[0] % 32 == 0) check_variant(check, c, setting(turn + 1), {check_conv2d_backward_data});
    const bool wide = turn % 2 == 0 && c.filter[0] > 32;
    const char* filter_tile = wide ? "halo_tile_64x288" : "halo_tile_32x288";
    if (c.x[1] % 32 == 0)
      check_variant(check, c, {{.precision = precision, .variant = filter_tile}},
                    {check_conv2d_backward_filter});
    ++turn;
  }
}

/// Tiles that end in the middle both ways and walk over more of the depth than is on its way at a time. What is summed over
/// comes in whole pieces of 16 bytes, the results' channels only where the case says so.
std::vector<Conv2dCase> partial_tile_cases() {
  return {conv2d_case("partial_tiles_of_whole_pieces", {1, 64, 6, 19}, {72, 64, 3, 3}).padding(1),
          conv2d_case("partial_tiles_towards_77_channels", {1, 64, 5, 17}, {77, 64, 3, 3}).padding(1),
          conv2d_case("partial_tiles_from_77_channels", {1, 77, 5, 17}, {64, 77, 3, 3}).padding(1)};
}

/// Every tile in every precision.
void check_partial_tiles(const Checker& check, const Conv2dCase& c) {
  for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
    const auto by = [&](const std::string& variant, Check operation) {
      const bool nan = precision == Precision::bf16 && operation != check_conv2d_backward_filter;
      check_variant(check, c, {{.precision = precision, .variant = variant}, true, nan}, {operation});
    };
    std::vector<const char*> tiles{"implicit_gemm_pipelined_128x32",
                                   "implicit_gemm_pipelined_128x64",
                                   "implicit_gemm_pipelined_64x64",
                                   "implicit_gemm_single_stage_64x64",
                                   "halo_tile_128x32",
                                   "halo_tile_128x64"};
    if (precision != Precision::fp32) tiles.push_back("halo_tile_256x64");
    const bool whole_x = c.x[1] % 32 == 0, whole_y = c.filter[0] % 8 == 0;
    for (const std::string tile : tiles) {
      const bool halo = tile.starts_with("halo_tile");
      if (whole_x) by(tile, check_conv2d_forward);
      if (c.filter[0] % (halo ? 32 : 8) == 0) by(tile, check_conv2d_backward_data);
    }
    if (!whole_x || !whole_y) continue;
    for (const char* tile :
         {"implicit_gemm_pipelined_32x128", "implicit_gemm_pipelined_64x128", "implicit_gemm_pipelined_64x64",
          "implicit_gemm_single_stage_64x64", "halo_tile_32x288", "halo_tile_64x288"})
      by(tile, check_conv2d_backward_filter);
  }
}

/// Where there are a GPU and cuDNN. In bf16 cuDNN lacks some: hand-written kernels run these.
void check_cudnn(const Checker& check, const Conv2dCase& c) {
  for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
    const Conv2dSetting setting{{.precision = precision, .kernels = kernels::KernelChoice::cudnn}};
    for (Backend* backend : test_backends()) {
      if (backend->name() == "cpu" || !Configured::possible(*backend, setting.options)) continue;
      for (const Check check_one :
           {check_conv2d_forward, check_conv2d_backward_data, check_conv2d_backward_filter}) {
        const Configured configured(*backend, setting.options);
        check_one(check, c, setting, {backend}, [&](const Backend& b) { return layout_pairs(b, c); });
        if (precision != Precision::bf16)
          check.that(configured.ran("cudnn"),
                     fmt::format("{} ran {}, not cuDNN", backend->name(), configured.kernels()));
      }
    }
  }
}

void check_rounding_to_tf32(const Checker& check, const Conv2dCase& c) {
  check_variant(check, c, {{.precision = Precision::tf32, .variant = "implicit_gemm"}, false});
}

/// The results' channels need no alignment, only those that are summed over.
void check_odd_channels(const Checker& check, const Conv2dCase& c) {
  for (const Precision precision : {Precision::fp32, Precision::bf16})
    check_variant(check, c, {{.precision = precision, .variant = "implicit_gemm"}},
                  {c.filter[0] % 8 != 0 ? check_conv2d_forward : check_conv2d_backward_data});
}

/// A cache of prepared convolutions must be keyed by the whole descriptor: each of these differs from the
/// first in one number only. They are one case, for they must follow each other.
struct Neighbours {
  std::string name = "neighbours";
};

void check_neighbours(const Checker& check, const Neighbours& /*all*/) {
  std::vector<Conv2dCase> neighbours(15, conv2d_case("neighbour", {2, 16, 9, 9}, {16, 16, 3, 3}).padding(1));
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
  const auto pairs = [](const Backend& backend) {
    return std::vector{backend.name() == "cpu" ? Conv2dLayouts{Layout::blocked16, Layout::blocked16}
                                               : both_channels_last};
  };
  for (const bool bias : {false, true})
    for (Conv2dCase c : neighbours) {
      c.bias = bias;
      check_conv2d_forward(check, c, {}, test_backends(), pairs);
      check_conv2d_backward_data(check, c, {}, test_backends(), pairs);
      check_conv2d_backward_filter(check, c, {}, test_backends(), pairs);
    }
}

void check_gradients(const GradientSink& check, const Conv2dCase& c) {
  for (const Layout layout : layouts_of(c.x)) {
    GradientCase test;
    test.operation = "conv2d";
    test.operands = {activation("x", random_normal(c.x, 1), layout),
                     parameter("filter", random_normal(c.filter, 2))};
    if (c.bias) test.operands.push_back(parameter("bias", random_normal({c.filter[0]}, 3)));
    test.engine = [&](EngineTensors in) {
      return engine::conv2d(in[0], in[1], c.bias ? in[2] : engine::Tensor{}, c.params);
    };
    test.oracle = [&](Tape& tape, Variables in) {
      return tape.conv2d(c.params, in[0], in[1], c.bias ? in[2] : nullptr);
    };
    test.arithmetic = Arithmetic::products;
    check(test);
  }
}

std::vector<Conv2dCase> gradient_cases() {
  std::vector<Conv2dCase> cases = conv2d_cases();
  std::erase_if(cases, [](const Conv2dCase& c) { return c.flops() > max_gradient_flops; });
  return cases;
}

/// The hand-written kernels of kernels/cuda/conv2d; what does not fit a call is skipped when it is timed.
Call timed(Call call, bool with_variants) {
  if (with_variants)
    call.variants = {"direct",
                     "few_channels_shared",
                     "implicit_gemm_single_stage_64x64",
                     "implicit_gemm_pipelined_64x64",
                     "implicit_gemm_pipelined_128x32",
                     "implicit_gemm_pipelined_128x64",
                     "halo_tile_128x32",
                     "halo_tile_128x64",
                     "halo_tile_256x64",
                     "halo_tile_32x288",
                     "halo_tile_64x288"};
  return call;
}

void add_benchmarks(Benchmarks& list) {
  const DType dtype = list.setting.activation;
  for (const Conv2dLayer& layer : list.layers.convolutions) {
    const Conv2dCase c{layer.name, layer.x, layer.filter, layer.params, layer.bias};
    const Conv2dLayouts layouts{list.layout_of(c.x), list.layout_of(c.y())};
    const bool with_variants = layer.name.starts_with("report_cnn");
    list.add(c.name, timed(conv2d_forward(c, dtype, layouts), with_variants));
    if (layer.input_gradient) list.add(c.name, timed(conv2d_backward_data(c, dtype, layouts), with_variants));
    list.add(c.name, timed(conv2d_backward_filter(c, dtype, layouts), with_variants));
  }
}

}  // namespace

Operation describe_conv2d() {
  const std::vector random_operands{
      conv2d_case("random_operands", {2, 32, 9, 11}, {32, 32, 3, 3}).padding(2)};
  const std::vector odd{conv2d_case("13_output_channels", {2, 16, 7, 9}, {13, 16, 3, 3}).padding(1),
                        conv2d_case("7_input_channels", {2, 7, 9, 7}, {16, 7, 3, 3}).stride(2, 1).padding(1)};
  return {
      .name = "conv2d",
      .checks = {in_all_layouts("conv2d forward", check_conv2d_forward),
                 in_all_layouts("conv2d backward data", check_conv2d_backward_data),
                 in_all_layouts("conv2d backward filter and bias", check_conv2d_backward_filter),
                 conv2d_epilogue_checks(), conv2d_numbered_filter_checks(), conv2d_cpu_bf16_checks(),
                 checks_of("conv2d direct kernels", small_cases(), check_direct),
                 checks_of("conv2d kernels for few channels", few_channels_cases(), check_few_channels),
                 checks_of("conv2d depthwise kernels", depthwise_cases(), check_depthwise),
                 checks_of("conv2d implicit matrix products in every precision", implicit_gemm_cases(),
                           check_implicit_gemm),
                 checks_of("conv2d 3x3 kernels in every precision", cases_3x3(), check_3x3),
                 checks_of("conv2d partial tiles of every size in every precision", partial_tile_cases(),
                           check_partial_tiles),
                 checks_of("conv2d through cuDNN in every precision", conv2d_cases(), check_cudnn),
                 checks_of("conv2d rounds operands to TF32", random_operands, check_rounding_to_tf32),
                 checks_of("conv2d implicit matrix products towards odd channels", odd, check_odd_channels),
                 checks_of("conv2d of neighbouring descriptors one after the other",
                           std::vector<Neighbours>(1), check_neighbours),
                 conv2d_nan_checks(), conv2d_filter_nan_checks()},
      .gradients = {gradients_of("gradcheck conv2d", gradient_cases(), check_gradients)},
      .benchmarks = add_benchmarks};
}

}  // namespace xr::tests
