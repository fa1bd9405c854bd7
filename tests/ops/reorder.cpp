// The same numbers in another layout, of every element type.
#include "kernels/ops/reorder.h"

#include <fmt/core.h>

#include <string_view>

#include "engine/ops/reorder.h"
#include "tests/ops/cases.h"
#include "tests/ops/configured.h"
#include "tests/ops/guarded_buffer.h"
#include "tests/ops/operation.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/gradient_check.h"

namespace xr::tests {

namespace {

using reference::random_distinct;
using reference::random_normal;

Call reorder(const Shape& shape, DType dtype, Layout from, Layout to) {
  return call_of({input("x", shape, dtype, from), output("y", shape, dtype, to)},
                 [](Views v) { return kernels::Reorder{.x = v[0], .y = v[1]}; });
}

/// Small whole numbers, which every type holds.
Tensor whole_numbers(const Shape& shape) {
  Tensor x(shape);
  for (std::int64_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i * 37 % 251);
  return x;
}

void check_one(const Checker& check, Backend& backend, const Tensor& x, Layout from, Layout to, DType dtype) {
  check(backend, reorder(x.shape, dtype, from, to).holds("x", x).expects("y", {x}));
}

void check_pairs(const Checker& check, const Tensor& x, DType dtype) {
  for (Backend* backend : test_backends())
    for (const Layout from : layouts_of(*backend, x.shape))
      for (const Layout to : layouts_of(*backend, x.shape)) check_one(check, *backend, x, from, to, dtype);
}

void check_f32(const Checker& check, const ShapeCase& c) {
  check_pairs(check, random_normal(c.shape, 1), DType::f32);
}

void check_types(const Checker& check, const ShapeCase& c) {
  for (const DType dtype : {DType::bf16, DType::i64, DType::i32, DType::u8})
    check_pairs(check, whole_numbers(c.shape), dtype);
}

/// Also where the other is faster.
void check_each_kernel(const Checker& check, const ShapeCase& c) {
  for (Backend* backend : test_backends()) {
    if (backend->name() == "cpu") continue;
    for (const std::string_view variant : {"tiles", "few_channels"})
      for (const DType dtype : {DType::f32, DType::bf16, DType::i64, DType::u8})
        for (const Layout from : {Layout::contiguous, Layout::channels_last}) {
          const Layout to = from == Layout::contiguous ? Layout::channels_last : Layout::contiguous;
          const Configured configured(*backend, {.variant = std::string(variant)});
          check_one(check, *backend, whole_numbers(c.shape), from, to, dtype);
          const std::string ran = fmt::format("{} {} ran {}", backend->name(), variant, configured.kernels());
          check.that(configured.ran("reorder_tiles") == (variant == "tiles"), ran);
          check.that(configured.ran("reorder_few_channels") == (variant == "few_channels"), ran);
        }
  }
}

void check_refusals(const Checker& check, const ShapeCase& c) {
  for (Backend* backend : test_backends()) {
    if (layouts_of(*backend, c.shape).size() != 2) continue;
    const GuardedBuffer plain(*backend, c.shape, DType::f32, Layout::contiguous);
    const GuardedBuffer blocked(*backend, c.shape, DType::f32, Layout::blocked16);
    const auto refuses = [&](const char* what, const View& x, const View& y) {
      check.refuses(*backend, what, [&] { backend->run(kernels::Reorder{.x = x, .y = y}); });
    };
    refuses("contiguous to blocked16", plain.view(), blocked.view());
    refuses("blocked16 to contiguous", blocked.view(), plain.view());
    refuses("blocked16 to blocked16", blocked.view(), blocked.view());
  }
}

std::vector<Shape> all_shapes() {
  std::vector<Shape> shapes = activation_shapes();
  shapes.insert(shapes.end(), {{}, {1}, {1000}, {2, 3, 4, 5, 6}});
  return shapes;
}

void check_gradients_to(const GradientSink& check, const Tensor& x, Layout to) {
  for (const Layout layout : layouts_of(x.shape)) {
    GradientCase test;
    test.operation = fmt::format("reorder to {}", name_of(to));
    test.operands = {activation("x", x, layout)};
    test.engine = [&](EngineTensors in) { return engine::reorder(in[0], to); };
    test.oracle = [](Tape& tape, Variables in) { return tape.scale(in[0], 1); };
    if (to == Layout::blocked16) test.result_layout = to;
    check(test);
  }
}

void check_gradients(const GradientSink& check, const ShapeCase& c) {
  for (const Layout to : {Layout::contiguous, Layout::channels_last})
    check_gradients_to(check, random_distinct(c.shape, 1), to);
}

void check_gradients_to_blocked16(const GradientSink& check, const ShapeCase& c) {
  check_gradients_to(check, random_normal(c.shape, 1), Layout::blocked16);
}

void add_benchmarks(Benchmarks& list) {
  const Shape& x = list.layers.features;
  const Layout from = list.layout_of(x);
  Call call = reorder(x, list.setting.activation, from,
                      from == Layout::contiguous ? Layout::channels_last : Layout::contiguous);
  call.variants = {"few_channels"};
  list.add("report_cnn.layer1", std::move(call));
}

}  // namespace

Operation describe_reorder() {
  return {.name = "reorder",
          .checks = {checks_of("reorder between every two layouts", named(all_shapes()), check_f32),
                     checks_of("reorder of every element type",
                               named({{2, 16, 5, 7}, {3, 3, 7, 9}, {2, 40, 6, 11}}), check_types),
                     checks_of(
                         "reorder by each of its kernels",
                         named({{2, 3, 5, 7}, {1, 8, 33, 2}, {2, 9, 11, 6}, {2, 40, 6, 11}, {1, 65, 3, 33}}),
                         check_each_kernel),
                     checks_of("reorder refuses layouts that a backend does not have", named({{1, 16, 2, 2}}),
                               check_refusals)},
          .gradients = {gradients_of("gradcheck reorder", named(activation_shapes()), check_gradients),
                        gradients_of("gradcheck reorder to blocked16", named({{1, 16, 1, 1}, {3, 32, 9, 4}}),
                                     check_gradients_to_blocked16)},
          .benchmarks = add_benchmarks};
}

}  // namespace xr::tests
