// Max pooling: of equal values the first wins, NaN wins over numbers, padding never wins.
#include "kernels/ops/max_pool2d.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include "engine/ops/max_pool2d.h"
#include "tests/ops/configured.h"
#include "tests/ops/operation.h"
#include "tests/ops/pool2d_cases.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/gradient_check.h"
#include "tests/reference/max_pool2d.h"

namespace xr::tests {

namespace {

using reference::random_distinct;
using reference::random_normal;

Shape argmax_shape(const Backend& backend, const Pool2dCase& c) {
  return {static_cast<std::int64_t>(backend.max_pool2d_argmax_bytes(c.params, c.y()))};
}

std::string window_of(const Pool2dCase& c) {
  return fmt::format("{}x{}", c.params.kernel_h, c.params.kernel_w);
}

Call max_pool2d_forward(const Backend& backend, const Pool2dCase& c, DType dtype, Layout layout) {
  return call_of({input("x", c.x, dtype, layout), output("y", c.y(), dtype, layout),
                  kept("argmax", argmax_shape(backend, c))},
                 [params = c.params](Views v) {
                   return kernels::MaxPool2dForward{.x = v[0], .y = v[1], .argmax = v[2], .params = params};
                 })
      .with(window_of(c));
}

Call max_pool2d_backward(const Backend& backend, const Pool2dCase& c, DType dtype, Layout layout) {
  return call_of({input("dy", c.y(), dtype, layout), made("argmax", argmax_shape(backend, c)),
                  output("dx", c.x, dtype, layout)},
                 [params = c.params](Views v, GradientWrite write) {
                   return kernels::MaxPool2dBackward{
                       .dy = v[0], .argmax = v[1], .dx = v[2], .params = params, .write = write};
                 })
      .with(window_of(c));
}

/// Forward, then backward with the argmax that it kept.
void check_both(const Checker& check, Backend& backend, const Pool2dCase& c, const Tensor& x, Layout layout,
                DType dtype) {
  const reference::MaxPool2d pooled = reference::max_pool2d_forward(c.params, x);
  const std::vector<Tensor> results =
      check(backend, max_pool2d_forward(backend, c, dtype, layout).holds("x", x).expects("y", {pooled.y}));
  const Tensor dy = to_type(random_normal(c.y(), 2), dtype);
  Expected dx{reference::max_pool2d_backward(dy, pooled.argmax, c.x), dtype};
  if (c.overlapping()) {  // several windows may add to one element
    dx.arithmetic = Arithmetic::reduction;
    if (dtype == DType::f32) dx.terms = static_cast<double>(c.params.kernel_h * c.params.kernel_w);
    dx.magnitude = 1;
  }
  check(backend, max_pool2d_backward(backend, c, dtype, layout)
                     .holds("dy", dy)
                     .holds("argmax", results[1])
                     .expects("dx", dx));
}

/// Forward alone, of which nobody asks which element won.
void check_without_argmax(const Checker& check, Backend& backend, const Pool2dCase& c, const Tensor& x,
                          Layout layout, DType dtype) {
  check(backend, call_of({input("x", c.x, dtype, layout), output("y", c.y(), dtype, layout)},
                         [params = c.params](Views v) {
                           return kernels::MaxPool2dForward{
                               .x = v[0], .y = v[1], .argmax = {}, .params = params};
                         })
                     .with(window_of(c) + ", without argmax")
                     .holds("x", x)
                     .expects("y", {reference::max_pool2d_forward(c.params, x).y}));
}

/// For every backend, type, case and layout; make_x(shape) is rounded to the type.
template <class MakeX>
Suite<Checker> everywhere(std::string title, MakeX make_x) {
  return checks_of(std::move(title), pool2d_cases(), [make_x](const Checker& check, const Pool2dCase& c) {
    for (const DType dtype : test_types()) {
      const Tensor x = to_type(make_x(c.x), dtype);
      for (Backend* backend : test_backends(dtype))
        for (const Layout layout : layouts_of(*backend, c.x)) {
          check_both(check, *backend, c, x, layout, dtype);
          check_without_argmax(check, *backend, c, x, layout, dtype);
        }
    }
  });
}

Tensor with_ties(const Shape& shape) {
  Tensor x = random_normal(shape, 3);
  for (double& value : x.values) value = std::max(0.0, std::round(value));
  return x;
}

/// One NaN per plane: which of several in one window wins is not specified.
Tensor with_nan(const Shape& shape) {
  Tensor x = random_normal(shape, 5);
  const std::int64_t plane = shape[2] * shape[3];
  for (std::int64_t i = 0; i < shape[0] * shape[1]; ++i)
    x[i * plane + (i * 7) % plane] = std::numeric_limits<double>::quiet_NaN();
  return x;
}

bool side_by_side(const Pool2dCase& c) {
  const Pool2dParams& p = c.params;
  return p.kernel_h == 2 && p.kernel_w == 2 && p.stride_h == 2 && p.stride_w == 2 && p.padding_h == 0 &&
         p.padding_w == 0;
}

/// Also where the other is faster.
void check_each_kernel(const Checker& check, const Pool2dCase& c) {
  constexpr const char* tiles = "max_pool2d_backward_tiles";
  constexpr const char* elements = "max_pool2d_backward_elements";
  for (const DType dtype : test_types()) {
    const Tensor x = to_type(random_normal(c.x, 6), dtype);
    for (Backend* backend : test_backends(dtype))
      for (const char* variant : {"", "elements", "tiles"})
        for (const Layout layout : layouts_of(*backend, c.x)) {
          if (backend->name() == "cpu") continue;
          const Configured configured(*backend, {.variant = variant});
          check_both(check, *backend, c, x, layout, dtype);
          const std::string ran =
              fmt::format("{}, variant '{}' ran {}", backend->name(), variant, configured.kernels());
          const bool fits = side_by_side(c) && layout == Layout::channels_last && c.x[1] % 8 == 0;
          const bool asked = variant != std::string_view("elements");
          check.that(configured.ran(tiles) == (fits && asked), ran);
          if (!fits || !asked) check.that(configured.ran(elements), ran);
        }
  }
}

/// All that more than one kernel takes.
std::vector<Pool2dCase> cases_of_two_kernels() {
  std::vector<Pool2dCase> cases = pool2d_cases();
  std::erase_if(cases, [](const Pool2dCase& c) { return !side_by_side(c) && c.x[1] != 16; });
  return cases;
}

/// How many bytes the winners of a window take.
struct WinnersCase {
  std::string name;
  std::int64_t height, width;
  std::size_t bytes;  ///< 0: too large a window
};

void check_argmax_bytes(const Checker& check, const WinnersCase& c) {
  for (const Backend* backend : test_backends()) {
    if (backend->name() == "cpu") continue;
    const auto bytes = [&] { return backend->max_pool2d_argmax_bytes({c.height, c.width}, {1, 3, 5, 7}); };
    if (c.bytes == 0)
      check.refuses(*backend, "a window of 257x256", [&] { static_cast<void>(bytes()); });
    else
      check.that(bytes() == c.bytes, fmt::format("{}: {} bytes, not {}", backend->name(), bytes(), c.bytes));
  }
}

void check_gradients(const GradientSink& check, const Pool2dCase& c) {
  for (const Layout layout : layouts_of(c.x)) {
    GradientCase test;
    test.operation = "max_pool2d";
    test.operands = {activation("x", random_distinct(c.x, 1), layout)};
    test.engine = [&](EngineTensors in) { return engine::max_pool2d(in[0], c.params); };
    test.oracle = [&](Tape& tape, Variables in) { return tape.max_pool2d(c.params, in[0]); };
    test.arithmetic = c.overlapping() ? Arithmetic::reduction : Arithmetic::elementwise;
    check(test);
  }
}

void add_benchmark(Benchmarks& list, const Pool2dCase& c, std::vector<std::string> backward_variants) {
  const DType dtype = list.setting.activation;
  const Layout layout = list.layout_of(c.x);
  list.add(c.name, max_pool2d_forward(list.backend, c, dtype, layout));
  // A forward pass makes the argmax.
  Call backward = max_pool2d_backward(list.backend, c, dtype, layout);
  backward.operands.push_back(scratch("y", c.y(), dtype, layout));
  backward.operands.push_back(scratch("x", c.x, dtype, layout));
  backward.prepare = [params = c.params](Backend& backend, Views v) {
    backend.run(kernels::MaxPool2dForward{.x = v[4], .y = v[3], .argmax = v[1], .params = params});
  };
  backward.variants = std::move(backward_variants);
  list.add(c.name, std::move(backward));
}

void add_benchmarks(Benchmarks& list) {
  for (const BatchNorm2dLayer& layer : list.layers.norms)
    add_benchmark(list, pool2d_case(layer.name, layer.x), {"elements"});
  const Shape& first = list.layers.norms[0].x;
  add_benchmark(list, pool2d_case("overlapping", first).window(3).stride(2).padding(1), {});
  const std::int64_t half = list.setting.size / 2;  // behind the stem
  if (half >= 32)
    add_benchmark(
        list,
        pool2d_case("resnet18.maxpool", {list.setting.batch, 64, half, half}).window(3).stride(2).padding(1),
        {});
}

}  // namespace

Operation describe_max_pool2d() {
  const std::vector<WinnersCase> winners{
      {"winners_of_1x1", 1, 1, 27},  // 105 outputs of 2 bits
      {"winners_of_2x2", 2, 2, 27},       {"winners_of_3x3", 3, 3, 53},
      {"winners_of_4x4", 4, 4, 53},       {"winners_of_5x5", 5, 5, 105},
      {"winners_of_16x16", 16, 16, 105},  {"winners_of_17x16", 17, 16, 210},
      {"winners_of_257x256", 257, 256, 0}};
  const auto around_minus_1000 = [](const Shape& shape) { return random_normal(shape, 4, -1000); };
  const auto minus_infinity = [](const Shape& shape) {
    return Tensor(shape, -std::numeric_limits<double>::infinity());
  };
  const auto normal = [](const Shape& shape) { return random_normal(shape, 1); };
  return {.name = "max_pool2d",
          .checks = {everywhere("max_pool2d forward and backward", normal),
                     everywhere("max_pool2d takes the first of equal values", with_ties),
                     everywhere("max_pool2d lets padding never win", around_minus_1000),
                     everywhere("max_pool2d lets padding never win over minus infinity", minus_infinity),
                     everywhere("max_pool2d lets NaN win over numbers", with_nan),
                     checks_of("max_pool2d backward by each of its kernels", cases_of_two_kernels(),
                               check_each_kernel),
                     checks_of("max_pool2d keeps its winners in as few bits as the window needs", winners,
                               check_argmax_bytes)},
          .gradients = {gradients_of("gradcheck max_pool2d", pool2d_cases(), check_gradients)},
          .benchmarks = add_benchmarks};
}

}  // namespace xr::tests
