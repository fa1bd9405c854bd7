#include "engine/core/autograd.h"

#include "engine/core/final_gradients.h"
#include "engine/ops/add.h"
#include "engine/ops/matmul.h"
#include "engine/ops/mul.h"
#include "engine/ops/relu.h"
#include "engine/ops/reorder.h"
#include "engine/ops/reshape.h"
#include "engine/ops/sum.h"
#include "tests/engine/support.h"

using namespace xr;
using namespace xr::engine;
using namespace xr::engine::test;
using Catch::Matchers::Contains;

namespace {

std::vector<float> gradient_of(const Tensor& leaf) {
  return leaf.grad().defined() ? leaf.grad().to_host() : std::vector<float>{};
}

Tensor leaf(std::initializer_list<float> numbers) {
  return values(numbers, {static_cast<std::int64_t>(numbers.size())}).set_requires_grad(true);
}

using Numbers = std::vector<float>;

}  // namespace

TEST_CASE("backward of a product gives the other factor") {
  const Tensor a = leaf({2, 3}), b = leaf({5, 7});
  sum(mul(a, b)).backward();
  CHECK(gradient_of(a) == Numbers{5, 7});
  CHECK(gradient_of(b) == Numbers{2, 3});
}

TEST_CASE("a leaf used twice gets the sum of both gradients") {
  const Tensor a = leaf({2, 3});
  sum(mul(a, a)).backward();
  CHECK(gradient_of(a) == Numbers{4, 6});
  const Tensor b = leaf({2, 3});
  sum(add(b, b)).backward();
  CHECK(gradient_of(b) == Numbers{2, 2});
  const Tensor c = leaf({1, 2, 3, 4});
  const Tensor square = reshape(c, {2, 2});
  sum(matmul(square, square)).backward();  // d sum(c c) = 1 c^T + c^T 1
  CHECK(gradient_of(c) == Numbers{7, 11, 9, 13});
}

TEST_CASE("an inner tensor used twice passes on the sum once") {
  const Tensor a = leaf({2, 3});
  const Tensor inner = mul(a, 3.0f);
  sum(add(inner, inner)).backward();
  CHECK(gradient_of(a) == Numbers{6, 6});
}

TEST_CASE("diamond graph") {
  const Tensor a = leaf({1, -2});
  const Tensor top = mul(a, 2.0f);
  const Tensor left = mul(top, top), right = mul(top, 5.0f);
  sum(add(left, right)).backward();  // 4 a^2 + 10 a
  CHECK(gradient_of(a) == Numbers{18, -6});
}

// The sum passes its gradient on to both addends without a copy; one of them then gets more.
TEST_CASE("a gradient shared by two nodes is not changed through one of them") {
  const Tensor p = leaf({1, 2}), q = leaf({3, 4});
  const Tensor a = mul(p, 1.0f), b = mul(q, 1.0f);
  const Tensor early = mul(a, 10.0f);  // made before the addition, so its gradient comes later
  const Tensor both = add(a, b);
  add(sum(early), sum(both)).backward();
  CHECK(gradient_of(p) == Numbers{11, 11});
  CHECK(gradient_of(q) == Numbers{1, 1});
}

TEST_CASE("a gradient shared through a reshape is not changed") {
  const Tensor p = leaf({1, 2}), q = leaf({3, 4});
  const Tensor a = mul(p, 1.0f), b = mul(q, 1.0f);
  const Tensor early = mul(a, 10.0f);
  const Tensor both = add(reshape(a, {2, 1}), reshape(b, {2, 1}));
  add(sum(early), sum(both)).backward();
  CHECK(gradient_of(p) == Numbers{11, 11});
  CHECK(gradient_of(q) == Numbers{1, 1});
}

TEST_CASE("a wide fan-out accumulates every gradient") {
  const Tensor a = leaf({1, 2});
  const Tensor inner = mul(a, 1.0f);
  Tensor total = mul(inner, 1.0f);
  for (int i = 2; i <= 100; ++i) total = add(total, mul(inner, static_cast<float>(i)));
  sum(total).backward();
  CHECK(gradient_of(a) == Numbers{5050, 5050});
}

TEST_CASE("gradients accumulate over backward calls until they are cleared") {
  Tensor a = leaf({1, 2});
  sum(mul(a, 2.0f)).backward();
  sum(mul(a, 3.0f)).backward();
  CHECK(gradient_of(a) == Numbers{5, 5});
  const void* memory = a.grad().view().data;
  a.clear_grad();
  CHECK_FALSE(a.grad().defined());
  sum(mul(a, 7.0f)).backward();
  CHECK(gradient_of(a) == Numbers{7, 7});
  CHECK(a.grad().view().data == memory);
}

TEST_CASE("backward from a seed gradient") {
  const Tensor a = leaf({1, 2, 3});
  mul(a, 2.0f).backward(values({1, 10, 100}, {3}));
  CHECK(gradient_of(a) == Numbers{2, 20, 200});

  const Tensor image = random_leaf({1, 16, 2, 2}, 1);
  const Tensor blocked = mul(reorder(image, Layout::blocked16), 2.0f);
  const Tensor seed = random_tensor({1, 16, 2, 2}, 2);
  blocked.backward(seed);  // in another layout than the result
  CHECK(relative_error(image.grad(), mul(seed, 2.0f)) <= 0.0);

  const Tensor itself = leaf({4, 5});
  itself.backward(values({1, 2}, {2}));
  CHECK(gradient_of(itself) == Numbers{1, 2});

  const Tensor b = leaf({1, 2});
  const Tensor result = mul(b, 1.0f);
  CHECK_THAT(error_of([&] { result.backward(); }), Contains("[2]"));
  CHECK_THAT(error_of([&] {
               result.backward(values({1, 2, 3}, {3}));
             }),
             Contains("gradient of shape [3]") && Contains("[2]"));
  CHECK_THAT(error_of([&] { values({1}, {1}).backward(); }), Contains("requires a gradient"));
}

TEST_CASE("a caller's seed is not changed") {
  const Tensor a = leaf({1, 2});
  const Tensor inner = mul(a, 1.0f);
  const Tensor seed = values({1, 1}, {2});
  add(inner, inner).backward(seed);
  CHECK(seed.to_host() == Numbers{1, 1});
  CHECK(gradient_of(a) == Numbers{2, 2});
}

TEST_CASE("only leaves that require a gradient get one") {
  const Tensor a = leaf({1, 2}), b = values({3, 4}, {2});
  const Tensor product = mul(a, b);
  sum(product).backward();
  CHECK_FALSE(b.grad().defined());
  CHECK_FALSE(product.grad().defined());
  CHECK_FALSE(mul(b, b).requires_grad());
  CHECK_THAT(error_of([&] { sum(b).backward(); }), Contains("requires a gradient"));
}

TEST_CASE("no_grad records nothing and ends with its scope") {
  const Tensor a = leaf({1, 2});
  {
    const NoGradGuard outer;
    CHECK_FALSE(mul(a, 2.0f).requires_grad());
    { const NoGradGuard inner; }
    CHECK_FALSE(mul(a, 2.0f).requires_grad());
    CHECK_FALSE(will_record({a}));
  }
  CHECK(mul(a, 2.0f).requires_grad());
  CHECK(will_record({a}));
}

TEST_CASE("backward twice on one graph is an error") {
  const Tensor a = leaf({1, 2});
  const Tensor loss = sum(mul(a, a));
  loss.backward();
  CHECK_THAT(error_of([&] { loss.backward(); }), Contains("twice") && Contains("sum"));
  CHECK(gradient_of(a) == Numbers{2, 4});
  const Tensor shared = mul(a, a), first = sum(shared), second = sum(shared);
  first.backward();
  CHECK_THAT(error_of([&] { second.backward(); }), Contains("twice") && Contains("mul"));
}

TEST_CASE("an in-place change of a saved tensor is an error") {
  const Tensor a = leaf({1, 2});
  Tensor factor = values({3, 4}, {2});
  const Tensor loss = sum(mul(a, factor));
  factor.copy_from_host(Numbers{5, 6});
  CHECK_THAT(error_of([&] { loss.backward(); }), Contains("[2]") && Contains("in place"));

  Tensor activation = relu(a);
  const Tensor later = sum(activation);
  (void)activation.mutable_view();  // relu saved its output
  CHECK_THAT(error_of([&] { later.backward(); }), Contains("in place"));

  const Tensor b = leaf({1, 2});
  Tensor unsaved = values({3, 4}, {2});
  const Tensor total = sum(add(b, unsaved));
  unsaved.copy_from_host(Numbers{5, 6});  // nobody needs it
  total.backward();
  CHECK(gradient_of(b) == Numbers{1, 1});

  const Tensor c = leaf({1, 2});
  Tensor before = values({3, 4}, {2});
  before.copy_from_host(Numbers{5, 6});  // a change before the use is none
  sum(mul(c, before)).backward();
  CHECK(gradient_of(c) == Numbers{5, 6});
}

TEST_CASE("a deep chain needs no deep stack") {
  constexpr int depth = 300000;  // recursion would need more than 8 MiB of stack
  const Tensor a = leaf({1});
  SECTION("backward") {
    Tensor result = a;
    for (int i = 0; i < depth; ++i) result = mul(result, i % 2 == 0 ? 2.0f : 0.5f);
    result.backward();
    CHECK(gradient_of(a) == Numbers{1});
  }
  SECTION("the graph is dropped without backward") {
    Tensor result = a;
    for (int i = 0; i < depth; ++i) result = mul(result, 1.0f);
    result = {};
    CHECK_FALSE(result.defined());
  }
  SECTION("a graph of diamonds is dropped without backward") {
    Tensor result = a;
    for (int i = 0; i < depth; ++i) result = add(result, result);
    result = {};
    CHECK_FALSE(result.defined());
  }
  SECTION("part of a dropped graph is still in use") {
    Tensor result = a;
    Tensor middle;
    for (int i = 0; i < depth; ++i) {
      result = mul(result, 1.0f);
      if (i == depth / 2) middle = result;
    }
    result = {};
    middle.backward();
    CHECK(gradient_of(a) == Numbers{1});
  }
}

TEST_CASE("activations that nobody saved are freed at once") {
  allocator({}).empty_cache();  // a larger block that is kept would count whole
  const AllocatorStatistics before = allocator({}).statistics();
  constexpr std::int64_t count = 1 << 20;
  const Tensor a = Tensor::full({count}, 1.0f).set_requires_grad(true);
  Tensor result = a;
  for (int i = 0; i < 10; ++i) result = add(result, result);
  // a and the last result, no matter how many lie between
  const std::size_t in_use = allocator({}).statistics().bytes_in_use - before.bytes_in_use;
  CHECK(in_use == 2 * count * sizeof(float));
}

TEST_CASE("saved activations are freed as backward passes them") {
  allocator({}).empty_cache();
  constexpr std::int64_t count = 1 << 20;
  constexpr int layers = 8;
  const Tensor a = Tensor::full({count}, 1.0f).set_requires_grad(true);
  std::vector<std::size_t> in_use;
  Tensor result = a;
  for (int i = 0; i < layers; ++i) {
    result = relu(result);
    Tensor probe = Tensor::on_storage(result.state()->storage, 0, result.shape());
    record(probe, "probe", {result}, [&in_use](GradientContext& context) {
      in_use.push_back(allocator({}).statistics().bytes_in_use);
      context.give(0, context.output());
    });
    result = probe;
  }
  const Tensor loss = sum(result);
  result = {};
  loss.backward();
  REQUIRE(in_use.size() == layers);
  for (int i = 2; i < layers; ++i)  // each layer on the way back frees its activation
    CHECK(in_use[static_cast<std::size_t>(i - 1)] - in_use[static_cast<std::size_t>(i)] ==
          count * sizeof(float));
  CHECK(a.grad().to_host().front() == 1.0f);
}

TEST_CASE("a graph that was used up holds no memory") {
  const auto in_use = [before = allocator({}).statistics().bytes_in_use] {
    return allocator({}).statistics().bytes_in_use - before;
  };
  Tensor a = Tensor::full({1 << 20}, 1.0f).set_requires_grad(true);
  const Tensor loss = sum(relu(relu(a)));
  loss.backward();
  CHECK(in_use() == 2 * (std::size_t{1} << 22) + 512);  // a, its gradient and the loss
  a = {};
  CHECK(in_use() == 512);  // what is left of the graph holds no leaf
}

TEST_CASE("backward after an error in it leaves no half-used graph") {
  const Tensor a = leaf({1, 2});
  Tensor factor = values({3, 4}, {2});
  const std::size_t before = allocator({}).statistics().bytes_in_use;
  {
    const Tensor loss = sum(mul(mul(a, 2.0f), factor));
    factor.copy_from_host(Numbers{5, 6});
    CHECK_THAT(error_of([&] { loss.backward(); }), Contains("in place"));
    CHECK_THAT(error_of([&] { loss.backward(); }), Contains("twice"));
  }
  CHECK(allocator({}).statistics().bytes_in_use == before);
  CHECK_FALSE(a.grad().defined());
}

TEST_CASE("the final gradient of a leaf is reported once, as soon as its last use has run") {
  const Tensor early = leaf({2, 3}), late = leaf({5, 7}), unused = leaf({1, 1});
  std::vector<const TensorState*> reported;
  std::vector<Numbers> gradients;
  const FinalGradient keep = [&](const TensorState& state) {
    reported.push_back(&state);
    gradients.push_back(gradient_of(&state == early.state().get() ? early : late));
  };
  const auto run = [&] {
    // Backward comes from the right: `late` is done at once, `early` only with its first use.
    sum(mul(relu(mul(early, early)), mul(late, early))).backward();
  };
  {
    const FinalGradientGuard guard(keep);
    run();
  }
  CHECK(reported == std::vector<const TensorState*>{late.state().get(), early.state().get()});
  CHECK(gradients == std::vector<Numbers>{gradient_of(late), gradient_of(early)});
  CHECK(gradient_of(early) == Numbers{3 * 4 * 5, 3 * 9 * 7});
  run();
  CHECK(reported.size() == 2);
}
