#include "engine/core/tensor.h"

#include "engine/core/autograd.h"
#include "engine/ops/mul.h"
#include "engine/ops/reorder.h"
#include "tests/engine/support.h"

using namespace xr;
using namespace xr::engine;
using namespace xr::engine::test;
using Catch::Matchers::Contains;

namespace {

std::vector<float> counting(std::int64_t count) {
  std::vector<float> numbers;
  for (std::int64_t i = 0; i < count; ++i) numbers.push_back(static_cast<float>(i));
  return numbers;
}

/// The elements in the order in which they lie in memory.
std::vector<float> memory_of(const Tensor& tensor) {
  std::vector<float> numbers(static_cast<std::size_t>(tensor.numel()));
  tensor.backend().copy_to_host(numbers.data(), tensor.view().data, numbers.size() * sizeof(float));
  return numbers;
}

}  // namespace

TEST_CASE("tensor elements keep their logical order in every layout") {
  const Shape shape{2, 32, 3, 5};
  const std::vector<float> numbers = counting(shape.numel());
  for (const Layout layout : {Layout::contiguous, Layout::channels_last, Layout::blocked16}) {
    Tensor tensor = Tensor::empty(shape, {DType::f32, {}, layout});
    tensor.copy_from_host(numbers);
    CAPTURE(kernels::name_of(layout));
    CHECK(tensor.to_host() == numbers);
    CHECK(tensor.clone().to_host() == numbers);
    CHECK(tensor.clone().layout() == layout);
    const std::vector<float> memory = memory_of(tensor);
    bool placed = true;
    for (std::int64_t i = 0; i < shape.numel(); ++i) {
      const std::int64_t offset =
          kernels::offset_of(layout, shape, i / (32 * 15), i / 15 % 32, i / 5 % 3, i % 5);
      placed = placed && memory[static_cast<std::size_t>(offset)] == static_cast<float>(i);
    }
    CHECK(placed);
    for (const Layout other : {Layout::contiguous, Layout::channels_last, Layout::blocked16}) {
      CHECK(reorder(tensor, other).layout() == other);
      CHECK(reorder(tensor, other).to_host() == numbers);
    }
  }
}

TEST_CASE("tensor factories fill and describe") {
  const Tensor full = Tensor::full({2, 3}, 1.5f);
  CHECK(full.to_host() == std::vector<float>(6, 1.5f));
  CHECK(Tensor::zeros({4}).to_host() == std::vector<float>(4, 0.0f));
  CHECK(full.shape() == Shape{2, 3});
  CHECK(full.rank() == 2);
  CHECK(full.dim(1) == 3);
  CHECK(full.numel() == 6);
  CHECK(Tensor::full({}, 7.0f).item() == 7.0f);
  CHECK(Tensor::full({}, 7.0f).rank() == 0);
  CHECK(Tensor::empty({0, 3}).to_host().empty());
  CHECK(labels({1, -2, std::int64_t{1} << 40}).to_host_i64() ==
        std::vector<std::int64_t>{1, -2, std::int64_t{1} << 40});
  CHECK_FALSE(Tensor().defined());
  CHECK_FALSE(Tensor().view().defined());
  CHECK_FALSE(Tensor().requires_grad());
}

TEST_CASE("tensor copies share and clones do not") {
  Tensor original = values({1, 2, 3}, {3});
  Tensor copy = original;
  const Tensor clone = original.clone(), detached = original.detach();
  copy.copy_from_host(std::vector<float>{4, 5, 6});
  CHECK(original.to_host() == std::vector<float>{4, 5, 6});
  CHECK(detached.to_host() == std::vector<float>{4, 5, 6});
  CHECK(clone.to_host() == std::vector<float>{1, 2, 3});
}

TEST_CASE("tensor detach and clone leave the graph") {
  const Tensor leaf = values({1, 2}, {2}).set_requires_grad(true);
  const Tensor result = mul(leaf, 2.0f);
  CHECK(result.requires_grad());
  CHECK_FALSE(result.detach().requires_grad());
  CHECK_FALSE(result.clone().requires_grad());
  CHECK_FALSE(leaf.detach().requires_grad());
  Tensor inner = result;
  CHECK_THAT(error_of([&] { inner.set_requires_grad(false); }), Contains("detach()"));
}

TEST_CASE("tensor version counts writes and not reads") {
  Tensor tensor = values({1, 2}, {2});
  const std::uint64_t before = tensor.version();
  (void)tensor.to_host();
  (void)tensor.view();
  (void)tensor.clone();
  CHECK(tensor.version() == before);
  Tensor other = tensor.detach();
  other.copy_from_host(std::vector<float>{3, 4});
  CHECK(tensor.version() == before + 1);
}

TEST_CASE("tensor on part of a storage") {
  const Tensor whole = values({0, 1, 2, 3, 4, 5}, {6});
  Tensor part = Tensor::on_storage(whole.state()->storage, 2 * sizeof(float), {2, 2});
  CHECK(part.to_host() == std::vector<float>{2, 3, 4, 5});
  part.copy_from_host(std::vector<float>{7, 8, 9, 10});
  CHECK(whole.to_host() == std::vector<float>{0, 1, 7, 8, 9, 10});
}

TEST_CASE("tensor errors name the shapes") {
  CHECK_THAT(error_of([] { (void)values({1, 2, 3}, {2, 2}); }), Contains("3 values") && Contains("[2, 2]"));
  CHECK_THAT(error_of([] {
               Tensor tensor = Tensor::zeros({2, 2});
               tensor.copy_from_host(std::vector<float>(5));
             }),
             Contains("5 values") && Contains("[2, 2]"));
  CHECK_THAT(error_of([] {
               (void)Tensor::empty({2, 17, 3, 3}, {DType::f32, {}, Layout::blocked16});
             }),
             Contains("[2, 17, 3, 3]") && Contains("multiple of 16"));
  CHECK_THAT(error_of([] {
               (void)Tensor::empty({2, 16}, {DType::f32, {}, Layout::channels_last});
             }),
             Contains("[2, 16]") && Contains("channels_last"));
  CHECK_THAT(error_of([] { (void)Tensor::zeros({2, 3}).item(); }), Contains("[2, 3]"));
  CHECK_THAT(error_of([] { (void)labels({1}).to_host(); }), Contains("i64"));
  CHECK_THAT(error_of([] { (void)Tensor::zeros({1}).to_host_i64(); }), Contains("f32"));
  CHECK_THAT(error_of([] { (void)Tensor().shape(); }), Contains("undefined"));
  CHECK_THAT(error_of([] { (void)Tensor().device(); }), Contains("undefined"));
  CHECK_THAT(error_of([] { (void)Tensor().mutable_view(); }), Contains("undefined"));
  CHECK_THAT(error_of([] { (void)Tensor::empty({-1, 2}); }), Contains("negative extent -1"));
  CHECK_THAT(error_of([] { (void)Tensor::empty({1, 1, 1, 1, 1, 1}); }), Contains("at most 5 dimensions"));
  CHECK_THAT(error_of([] { Tensor::zeros({2}).place_grad(Tensor::zeros({3})); }),
             Contains("[3]") && Contains("[2]"));
}
