#include "tests/reference/dropout.h"

#include <catch2/catch.hpp>

#include "tests/kernels/cases.h"
#include "tests/kernels/harness.h"

using namespace xr;
using namespace xr::tests;
using kernels::DropoutParams;

namespace {

void check_dropout(Backend& backend, const DropoutParams& params, const Shape& shape, Layout layout,
                   DType dtype = DType::f32) {
  const Tensor x = to_type(random_normal(shape, 1, 2), dtype);
  const Operation operation{backend,
                            fmt::format("dropout with p {}{}, offset {}, of {}", params.probability,
                                        params.whole_channels ? " of whole channels" : "", params.offset,
                                        describe(shape, layout, dtype)),
                            {{"x", x, layout, dtype}},
                            {{"y", {reference::dropout(params, x), dtype, Arithmetic::elementwise}, layout}}};
  check_gradient(operation, [&](Inputs in, Outputs out, GradientWrite write) {
    backend.run(kernels::Dropout{.x = in[0], .y = out[0], .params = params, .write = write});
  });
}

/// Odd extents, and planes that hold whole Philox blocks and whole vectors.
std::vector<Shape> all_shapes() {
  std::vector<Shape> shapes = activation_shapes();
  shapes.push_back({2, 24, 6, 8});
  shapes.push_back({2, 3, 4, 8});
  return shapes;
}

}  // namespace

TEST_CASE("dropout of elements") {
  std::vector<Shape> shapes = all_shapes();
  for (const std::int64_t length : flat_lengths()) shapes.push_back({length});
  shapes.push_back({60, 600});
  for (const DType dtype : test_types())
    for (Backend* backend : test_backends(dtype))
      for (const Shape& shape : shapes)
        for (const Layout layout : layouts_of(*backend, shape)) {
          check_dropout(*backend, {0.25f, false, 1, stream_of(RandomPurpose::dropout, 5), 0}, shape, layout,
                        dtype);
          // An offset within a block of four words, with the counter crossing 32 bits.
          check_dropout(*backend, {0.5f, false, 0x1234567890ull, 7, 4 * 0xFFFFFFFFull + 1}, shape, layout,
                        dtype);
        }
}

TEST_CASE("dropout of whole channels") {
  for (const DType dtype : test_types())
    for (Backend* backend : test_backends(dtype))
      for (const Shape& shape : all_shapes())
        for (const Layout layout : layouts_of(*backend, shape)) {
          check_dropout(*backend, {0.25f, true, 3, 4, 0}, shape, layout, dtype);
          check_dropout(*backend, {0.5f, true, 3, 4, 0xFFFFFFFEull}, shape, layout, dtype);
        }
}

TEST_CASE("dropout with the probabilities zero and one and near one") {
  for (Backend* backend : test_backends())
    for (const float probability : {0.0f, 0.99f, 1.0f})
      for (const bool whole_channels : {false, true})
        for (const Layout layout : {Layout::contiguous, Layout::channels_last})
          check_dropout(*backend, {probability, whole_channels, 3, 4, 2}, {2, 16, 5, 7}, layout);
}

// Draws of seed 1, stream 2 that equal the probability to the last bit: an element is zeroed below it only.
TEST_CASE("dropout keeps an element whose random number equals the probability") {
  const std::pair<float, std::uint64_t> draws[] = {{0.0f, 7778946}, {0.25f, 6222770}, {0.5f, 28317670}};
  for (const auto& [probability, offset] : draws) {
    REQUIRE(uniform_float(philox_word(1, 2, offset)) == probability);
    const DropoutParams params{probability, false, 1, 2, offset};
    REQUIRE(reference::dropout(params, Tensor({1}, 1.0))[0] != 0);
    for (Backend* backend : test_backends()) check_dropout(*backend, params, {1}, Layout::contiguous);
  }
}
