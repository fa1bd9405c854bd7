#include "engine/train/initialize.h"

#include "kernels/common/parallel.h"
#include "tests/engine/support.h"

using namespace xr;
using namespace xr::engine;
using namespace xr::engine::test;

TEST_CASE("fill_uniform takes word i of the stream for element i") {
  Tensor tensor = Tensor::empty({7, 11});
  fill_uniform(tensor, -2.0f, 3.0f, 42, 17);
  const std::vector<float> filled = tensor.to_host();
  for (std::size_t i = 0; i < filled.size(); ++i)
    CHECK(filled[i] == -2.0f + 5.0f * uniform_float(philox_word(42, 17, i)));
}

TEST_CASE("fill_uniform gives the same bytes whatever the layout and the threads") {
  const Shape shape{3, 32, 65, 31};
  Tensor plain = Tensor::empty(shape), blocked = Tensor::empty(shape, {DType::f32, {}, Layout::blocked16});
  fill_uniform(plain, 0.0f, 1.0f, 1, 2);
  const int threads = kernels::thread_count();
  kernels::set_thread_count(3);
  fill_uniform(blocked, 0.0f, 1.0f, 1, 2);
  kernels::set_thread_count(threads);
  CHECK(same_bytes(plain, blocked));
}

TEST_CASE("fill_uniform depends on seed and stream and fills its range") {
  Tensor a = Tensor::empty({100000}), b = Tensor::empty({100000}), c = Tensor::empty({100000});
  fill_uniform(a, -0.5f, 1.5f, 1, 1);
  fill_uniform(b, -0.5f, 1.5f, 2, 1);
  fill_uniform(c, -0.5f, 1.5f, 1, 2);
  CHECK_FALSE(same_bytes(a, b));
  CHECK_FALSE(same_bytes(a, c));
  double total = 0, squares = 0;
  float least = 9, greatest = -9;
  for (const float value : a.to_host()) {
    total += static_cast<double>(value);
    squares += static_cast<double>(value) * static_cast<double>(value);
    least = std::min(least, value);
    greatest = std::max(greatest, value);
  }
  CHECK(least >= -0.5f);
  CHECK(greatest < 1.5f);
  CHECK(least == Approx(-0.5).margin(1e-3));
  CHECK(greatest == Approx(1.5).margin(1e-3));
  CHECK(total / 1e5 == Approx(0.5).margin(0.01));  // 5 standard errors: 0.009
  CHECK(squares / 1e5 - std::pow(total / 1e5, 2) == Approx(4.0 / 12).margin(0.01));
}
