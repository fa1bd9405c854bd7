#include <catch2/catch.hpp>

#include "tests/kernels/cases.h"
#include "tests/kernels/configured.h"
#include "tests/kernels/harness.h"

using namespace xr;
using namespace xr::tests;

namespace {

std::vector<Shape> all_shapes() {
  std::vector<Shape> shapes = activation_shapes();
  shapes.insert(shapes.end(), {{}, {1}, {1000}, {2, 3, 4, 5, 6}});
  return shapes;
}

/// Small whole numbers, which every type holds.
Tensor whole_numbers(const Shape& shape) {
  Tensor x(shape);
  for (std::int64_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i * 37 % 251);
  return x;
}

void check_reorder(Backend& backend, const Tensor& x, Layout from, Layout to, DType dtype) {
  check_operation({backend,
                   fmt::format("reorder of {} to {}", describe(x.shape, from, dtype), name_of(to)),
                   {{"x", x, from, dtype}},
                   {{"y", {x, dtype}, to}}},
                  [&](Inputs in, Outputs out) { backend.run(kernels::Reorder{.x = in[0], .y = out[0]}); });
}

}  // namespace

TEST_CASE("reorder between every two layouts") {
  for (Backend* backend : test_backends())
    for (const Shape& shape : all_shapes())
      for (const Layout from : layouts_of(*backend, shape))
        for (const Layout to : layouts_of(*backend, shape))
          check_reorder(*backend, random_normal(shape, 1), from, to, DType::f32);
}

TEST_CASE("reorder of every element type") {
  for (Backend* backend : test_backends())
    for (const DType dtype : {DType::bf16, DType::i64, DType::i32, DType::u8})
      for (const Shape& shape : {Shape{2, 16, 5, 7}, Shape{3, 3, 7, 9}, Shape{2, 40, 6, 11}})
        for (const Layout from : layouts_of(*backend, shape))
          for (const Layout to : layouts_of(*backend, shape))
            check_reorder(*backend, whole_numbers(shape), from, to, dtype);
}

// Also where the other is faster.
TEST_CASE("reorder by each of its kernels") {
  for (Backend* backend : test_backends()) {
    if (backend->name() == "cpu") continue;
    for (const char* variant : {"tiles", "few_channels"})
      for (const DType dtype : {DType::f32, DType::bf16, DType::i64, DType::u8})
        for (const Shape& shape : {Shape{2, 3, 5, 7}, Shape{1, 8, 33, 2}, Shape{2, 9, 11, 6},
                                   Shape{2, 40, 6, 11}, Shape{1, 65, 3, 33}})
          for (const Layout from : {Layout::contiguous, Layout::channels_last}) {
            const Layout to = from == Layout::contiguous ? Layout::channels_last : Layout::contiguous;
            const Configured configured(*backend, {.variant = variant});
            check_reorder(*backend, whole_numbers(shape), from, to, dtype);
            INFO(variant << " of " << shape.to_string() << " ran " << configured.kernels());
            CHECK(configured.ran("reorder_tiles") == (variant == std::string_view("tiles")));
            CHECK(configured.ran("reorder_few_channels") == (variant == std::string_view("few_channels")));
          }
  }
}

TEST_CASE("reorder refuses layouts that a backend does not have") {
  for (Backend* backend : test_backends())
    if (layouts_of(*backend, {1, 16, 2, 2}).size() == 2) {
      GuardedBuffer plain(*backend, {1, 16, 2, 2}, DType::f32, Layout::contiguous);
      GuardedBuffer blocked(*backend, {1, 16, 2, 2}, DType::f32, Layout::blocked16);
      CHECK_THROWS_AS(backend->run(kernels::Reorder{.x = plain.view(), .y = blocked.view()}), Error);
      CHECK_THROWS_AS(backend->run(kernels::Reorder{.x = blocked.view(), .y = plain.view()}), Error);
      CHECK_THROWS_AS(backend->run(kernels::Reorder{.x = blocked.view(), .y = blocked.view()}), Error);
    }
}
