// Dropout of elements and of whole channels: the mask is a function of (seed, stream, offset).
#include "kernels/ops/dropout.h"

#include <fmt/core.h>

#include "engine/ops/dropout.h"
#include "kernels/common/random.h"
#include "tests/ops/cases.h"
#include "tests/ops/operation.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/dropout.h"
#include "tests/reference/gradient_check.h"

namespace xr::tests {

namespace {

using kernels::DropoutParams;
using reference::random_normal;

Call dropout(const Shape& shape, DType dtype, Layout layout, const DropoutParams& params) {
  return call_of({input("x", shape, dtype, layout), output("y", shape, dtype, layout)},
                 [params](Views v, GradientWrite write) {
                   return kernels::Dropout{.x = v[0], .y = v[1], .params = params, .write = write};
                 })
      .with(fmt::format("p {}{}, offset {}", params.probability,
                        params.whole_channels ? " of whole channels" : "", params.offset));
}

void check_one(const Checker& check, Backend& backend, const DropoutParams& params, const Shape& shape,
               Layout layout, DType dtype = DType::f32) {
  const Tensor x = with_bf16_nan(to_type(random_normal(shape, 1, 2), dtype), dtype);
  check(backend, dropout(shape, dtype, layout, params)
                     .holds("x", x)
                     .expects("y", {reference::dropout(params, x), dtype, Arithmetic::elementwise}));
}

void check_everywhere(const Checker& check, const ShapeCase& c,
                      const std::vector<DropoutParams>& all_params) {
  for (const DType dtype : test_types())
    for (Backend* backend : test_backends(dtype))
      for (const Layout layout : layouts_of(*backend, c.shape))
        for (const DropoutParams& params : all_params)
          check_one(check, *backend, params, c.shape, layout, dtype);
}

void check_elements(const Checker& check, const ShapeCase& c) {
  const DropoutParams plain{
      .probability = 0.25f, .seed = 1, .stream = stream_of(RandomPurpose::dropout, 5), .offset = 0};
  // An offset within a block of four words, with the counter crossing 32 bits.
  const DropoutParams far{.seed = 0x1234567890ull, .stream = 7, .offset = 4 * 0xFFFFFFFFull + 1};
  check_everywhere(check, c, {plain, far});
}

void check_whole_channels(const Checker& check, const ShapeCase& c) {
  const DropoutParams plain{.probability = 0.25f, .whole_channels = true, .seed = 3, .stream = 4};
  const DropoutParams far{.whole_channels = true, .seed = 3, .stream = 4, .offset = 0xFFFFFFFEull};
  check_everywhere(check, c, {plain, far});
}

/// Part of the offset lies in the device's memory, as in captured steps.
void check_offset_on_device(const Checker& check, const ShapeCase& c) {
  constexpr std::uint64_t on_device = 7;
  for (const bool whole_channels : {false, true}) {
    const DropoutParams params{
        .probability = 0.25f, .whole_channels = whole_channels, .seed = 3, .stream = 4, .offset = 2};
    DropoutParams sum = params;
    sum.offset += on_device;
    for (const DType dtype : test_types()) {
      const Tensor x = with_bf16_nan(to_type(random_normal(c.shape, 1, 2), dtype), dtype);
      for (Backend* backend : test_backends(dtype))
        for (const Layout layout : layouts_of(*backend, c.shape))
          check(*backend, call_of({input("x", c.shape, dtype, layout), input("offset", {1}, DType::i64),
                                   output("y", c.shape, dtype, layout)},
                                  [params](Views v, GradientWrite write) {
                                    DropoutParams here = params;
                                    here.offset_on_device = v[1].as<std::uint64_t>();
                                    return kernels::Dropout{
                                        .x = v[0], .y = v[2], .params = here, .write = write};
                                  })
                              .with("offset on the device")
                              .holds("x", x)
                              .holds("offset", Tensor({1}, static_cast<double>(on_device)))
                              .expects("y", {reference::dropout(sum, x), dtype, Arithmetic::elementwise}));
    }
  }
}

struct ParamsCase {
  std::string name;
  DropoutParams params;
};

std::vector<ParamsCase> extreme_probabilities() {
  std::vector<ParamsCase> cases;
  for (const float probability : {0.0f, 0.99f, 1.0f})
    for (const bool whole_channels : {false, true})
      cases.push_back({fmt::format("p_{}{}", probability, whole_channels ? "_of_whole_channels" : ""),
                       {probability, whole_channels, 3, 4, 2}});
  return cases;
}

void check_extreme(const Checker& check, const ParamsCase& c) {
  for (Backend* backend : test_backends())
    for (const Layout layout : {Layout::contiguous, Layout::channels_last})
      check_one(check, *backend, c.params, {2, 16, 5, 7}, layout);
}

/// Draws of seed 1, stream 2 that equal the probability to the last bit: an element is zeroed below it only.
std::vector<ParamsCase> equal_draws() {
  std::vector<ParamsCase> cases;
  const std::pair<float, std::uint64_t> draws[] = {{0.0f, 7778946}, {0.25f, 6222770}, {0.5f, 28317670}};
  for (const auto& [probability, offset] : draws)
    cases.push_back({fmt::format("draw_equal_to_p_{}", probability), {probability, false, 1, 2, offset}});
  return cases;
}

void check_equal_draw(const Checker& check, const ParamsCase& c) {
  check.that(uniform_float(philox_word(1, 2, c.params.offset)) == c.params.probability,
             "the draw is not the probability");
  check.that(reference::dropout(c.params, Tensor({1}, 1.0))[0] != 0, "the oracle zeroes the element");
  for (Backend* backend : test_backends()) check_one(check, *backend, c.params, {1}, Layout::contiguous);
}

/// Odd extents, and planes that hold whole Philox blocks and whole vectors.
std::vector<Shape> images() {
  std::vector<Shape> shapes = activation_shapes();
  shapes.push_back({2, 24, 6, 8});
  shapes.push_back({2, 3, 4, 8});
  return shapes;
}

std::vector<Shape> images_and_arrays() {
  std::vector<Shape> shapes = images();
  for (const std::int64_t length : flat_lengths()) shapes.push_back({length});
  shapes.push_back({60, 600});
  return shapes;
}

void check_gradients(const GradientSink& check, const ShapeCase& c) {
  for (const bool whole_channels : {false, true})
    for (const Layout layout : layouts_of(c.shape)) {
      const DropoutParams params{.probability = 0.25f,
                                 .whole_channels = whole_channels,
                                 .seed = 5,
                                 .stream = 7,
                                 .offset = std::uint64_t{3} << 32};
      constexpr double min_norm = 1e-30;  // all may be dropped
      GradientCase test;
      test.operation = whole_channels ? "dropout of whole channels" : "dropout";
      test.operands = {activation("x", random_normal(c.shape, 1), layout, min_norm)};
      test.value_norm = min_norm;
      test.engine = [&](EngineTensors in) { return engine::dropout(in[0], params); };
      test.oracle = [&](Tape& tape, Variables in) { return tape.dropout(params, in[0]); };
      check(test);
    }
}

void add_benchmarks(Benchmarks& list) {
  const auto add = [&](const char* name, const Shape& x, bool whole_channels) {
    const DropoutParams params{
        .probability = 0.25f, .whole_channels = whole_channels, .seed = 1, .stream = 2};
    list.add(name, dropout(x, list.setting.activation, list.layout_of(x), params));
  };
  add("report_cnn.hidden", {list.setting.batch, list.layers.hidden}, false);
  add("report_cnn.layer1", list.layers.features, false);
  add("report_cnn.layer1.whole_channels", list.layers.features, true);
}

}  // namespace

Operation describe_dropout() {
  return {.name = "dropout",
          .checks = {checks_of("dropout of elements", named(images_and_arrays()), check_elements),
                     checks_of("dropout of whole channels", named(images()), check_whole_channels),
                     checks_of("dropout with an offset on the device", named({{2, 24, 6, 8}, {2, 17, 5, 3}}),
                               check_offset_on_device),
                     checks_of("dropout with the probabilities zero and one and near one",
                               extreme_probabilities(), check_extreme),
                     checks_of("dropout keeps an element whose random number equals the probability",
                               equal_draws(), check_equal_draw)},
          .gradients = {gradients_of("gradcheck dropout", named(activation_shapes()), check_gradients)},
          .benchmarks = add_benchmarks};
}

}  // namespace xr::tests
