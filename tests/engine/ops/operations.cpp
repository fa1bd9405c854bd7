// What the operations do beyond their gradients (tests/gradcheck): layouts, broadcasting, and the errors.
#include "engine/core/autograd.h"
#include "engine/ops/add.h"
#include "engine/ops/avg_pool2d.h"
#include "engine/ops/batch_norm2d.h"
#include "engine/ops/conv2d_max_pool2d.h"
#include "engine/ops/cross_entropy.h"
#include "engine/ops/dropout.h"
#include "engine/ops/global_avg_pool2d.h"
#include "engine/ops/linear.h"
#include "engine/ops/log_softmax.h"
#include "engine/ops/matmul.h"
#include "engine/ops/max_pool2d.h"
#include "engine/ops/mul.h"
#include "engine/ops/relu.h"
#include "engine/ops/reorder.h"
#include "engine/ops/reshape.h"
#include "engine/ops/softmax.h"
#include "engine/ops/sum.h"
#include "tests/engine/support.h"

using namespace xr;
using namespace xr::engine;
using namespace xr::engine::test;
using Catch::Matchers::Contains;

namespace {

using Numbers = std::vector<float>;
constexpr Layout layouts[] = {Layout::contiguous, Layout::channels_last, Layout::blocked16};

BatchNorm2dState norm_state(std::int64_t channels) {
  return {Tensor::full({channels}, 1.0f),
          Tensor::zeros({channels}),
          Tensor::zeros({channels}),
          Tensor::full({channels}, 1.0f),
          {}};
}

}  // namespace

TEST_CASE("add and mul take operands of different layouts") {
  const Tensor a = random_tensor({2, 16, 3, 5}, 1), b = random_tensor({2, 16, 3, 5}, 2);
  const Numbers sums = add(a, b).to_host(), products = mul(a, b).to_host();
  CHECK(sums[7] == a.to_host()[7] + b.to_host()[7]);
  CHECK(products[7] == a.to_host()[7] * b.to_host()[7]);
  for (const Layout left : layouts)
    for (const Layout right : layouts) {
      CHECK(add(reorder(a, left), reorder(b, right)).to_host() == sums);
      CHECK(mul(reorder(a, left), reorder(b, right)).to_host() == products);
      CHECK(add(reorder(a, left), reorder(b, right)).layout() == left);
    }
}

TEST_CASE("add and mul broadcast as NumPy does") {
  const Tensor a = values({1, 2, 3, 4, 5, 6}, {2, 3}), row = values({10, 20, 30}, {3}),
               column = values({100, 200}, {2, 1}), scalar = values({2}, {});
  CHECK(add(a, row).to_host() == Numbers{11, 22, 33, 14, 25, 36});
  CHECK(add(row, a).to_host() == Numbers{11, 22, 33, 14, 25, 36});
  CHECK(add(a, column).to_host() == Numbers{101, 102, 103, 204, 205, 206});
  CHECK(add(column, row).to_host() == Numbers{110, 120, 130, 210, 220, 230});
  CHECK(mul(scalar, a).to_host() == Numbers{2, 4, 6, 8, 10, 12});
  CHECK(add(a, row).shape() == Shape{2, 3});
  const Tensor image = random_tensor({2, 16, 3, 3}, 3), bias = random_tensor({16, 1, 1}, 4);
  for (const Layout layout : layouts)  // broadcasting leaves the layout of the image behind
    CHECK(add(reorder(image, layout), bias).to_host() == add(image, bias).to_host());
  CHECK(add(Tensor::zeros({0, 3}), row).shape() == Shape{0, 3});
}

TEST_CASE("operations keep or choose their layout") {
  const Tensor plain = random_tensor({2, 32, 6, 8}, 5);
  for (const Layout layout : layouts) {
    const Tensor x = reorder(plain, layout);
    CAPTURE(kernels::name_of(layout));
    CHECK(relu(x).layout() == layout);
    CHECK(relu(x).to_host() == relu(plain).to_host());
    CHECK(max_pool2d(x).layout() == layout);
    CHECK(max_pool2d(x).to_host() == max_pool2d(plain).to_host());
    CHECK(relative_error(avg_pool2d(x), avg_pool2d(plain)) <= 2e-7);
    CHECK(relative_error(global_avg_pool2d(x), global_avg_pool2d(plain)) <= 2e-7);
    CHECK(flatten(x).to_host() == plain.to_host());
    CHECK(reshape(x, {4, -1}).to_host() == plain.to_host());
    CHECK(relative_error(sum(x), sum(plain)) <= 1e-6);
    BatchNorm2dState state = norm_state(32), other = norm_state(32);
    CHECK(relative_error(batch_norm2d(x, state, true), batch_norm2d(plain, other, true)) <= 1e-6);
    CHECK(relative_error(state.running_var, other.running_var) <= 1e-6);
    const Tensor filter = random_tensor({16, 32, 3, 3}, 6);
    const Tensor y = conv2d(x, filter, {});
    CHECK(y.layout() == y.backend().preferred_layout(16));
    CHECK(relative_error(y, conv2d(plain, filter, {})) <= 1e-6);
    DropoutParams dropped;
    dropped.seed = 3;
    CHECK(dropout(x, dropped).to_host() == dropout(plain, dropped).to_host());
  }
}

TEST_CASE("reshape shares the memory of a contiguous tensor") {
  Tensor a = values({1, 2, 3, 4, 5, 6}, {2, 3});
  const Tensor b = reshape(a, {3, -1});
  CHECK(b.shape() == Shape{3, 2});
  a.copy_from_host(Numbers{6, 5, 4, 3, 2, 1});
  CHECK(b.to_host() == Numbers{6, 5, 4, 3, 2, 1});
  CHECK(flatten(Tensor::zeros({0, 3, 2})).shape() == Shape{0, 0});
  CHECK(reshape(Tensor::zeros({2}), {1, 2, 1}).shape() == Shape{1, 2, 1});
  CHECK(reshape(Tensor::zeros({1}), {}).shape() == Shape{});
}

TEST_CASE("sum and mean") {
  CHECK(sum(values({1, 2, 3}, {3})).item() == 6.0f);
  CHECK(mean(values({1, 2, 3, 6}, {2, 2})).item() == 3.0f);
  CHECK(sum(Tensor::empty({0, 3})).item() == 0.0f);
  CHECK_THAT(error_of([] { (void)mean(Tensor::empty({0, 3})); }), Contains("[0, 3]"));
}

TEST_CASE("relu and max_pool2d keep NaN") {
  const float nan = std::nanf("");
  CHECK(std::isnan(relu(values({nan, 1}, {2})).to_host()[0]));
  CHECK(std::isnan(max_pool2d(values({1, nan, 2, 3}, {1, 1, 2, 2})).item()));
}

TEST_CASE("dropout depends on its counters and keeps the mean") {
  const Tensor ones = Tensor::full({1, 10000}, 1.0f);
  DropoutParams params;
  params.probability = 0.25f;
  const Numbers first = dropout(ones, params).to_host();
  CHECK(dropout(ones, params).to_host() == first);
  const auto zeros = std::count(first.begin(), first.end(), 0.0f);
  CHECK(zeros == Approx(2500).margin(220));  // 5 standard deviations
  CHECK(std::count(first.begin(), first.end(), 1.0f / 0.75f) == 10000 - zeros);
  for (std::uint64_t DropoutParams::*member : {&DropoutParams::seed, &DropoutParams::stream}) {
    DropoutParams other = params;
    other.*member = 1;
    CHECK(dropout(ones, other).to_host() != first);
  }
  DropoutParams later = params;
  later.offset = 8;  // element i takes draw 8 + i
  const Numbers shifted = dropout(ones, later).to_host();
  CHECK(std::equal(shifted.begin(), shifted.end() - 8, first.begin() + 8));
  params.probability = 0.0f;
  CHECK(dropout(ones, params).to_host() == ones.to_host());
  params.probability = 1.0f;
  CHECK(dropout(ones, params).to_host() == Numbers(10000, 0.0f));
}

TEST_CASE("dropout of whole channels zeroes channels") {
  DropoutParams params;
  params.whole_channels = true;
  for (const Layout layout : layouts) {
    const Numbers dropped = dropout(reorder(Tensor::full({4, 16, 3, 3}, 1.0f), layout), params).to_host();
    int zero_channels = 0;
    for (std::size_t channel = 0; channel < 64; ++channel) {
      const auto zeros = std::count(dropped.begin() + 9 * channel, dropped.begin() + 9 * (channel + 1), 0.0f);
      CHECK((zeros == 0 || zeros == 9));
      zero_channels += zeros == 9;
    }
    CHECK(zero_channels > 10);
    CHECK(zero_channels < 54);
  }
}

TEST_CASE("batch_norm2d without a recorded input or with frozen parameters") {
  const Tensor x = random_tensor({4, 3, 5, 5}, 7), leaf = random_leaf({4, 3, 5, 5}, 7);
  for (const bool training : {true, false}) {
    CAPTURE(training);
    BatchNorm2dState trained = norm_state(3), frozen = norm_state(3), both = norm_state(3);
    trained.gamma.set_requires_grad(true);
    both.gamma.set_requires_grad(true);
    both.beta.set_requires_grad(true);
    const Tensor seed = random_tensor({4, 3, 5, 5}, 8), reference = leaf.detach().set_requires_grad(true);
    Tensor other = leaf.detach().set_requires_grad(true);
    batch_norm2d(reference, both, training).backward(seed);
    batch_norm2d(x, trained, training).backward(seed);  // the first layer: images need no gradient
    CHECK(same_bytes(trained.gamma.grad(), both.gamma.grad()));
    CHECK_FALSE(trained.beta.grad().defined());
    batch_norm2d(other, frozen, training).backward(seed);
    CHECK(same_bytes(other.grad(), reference.grad()));
    CHECK_FALSE(frozen.gamma.grad().defined());
  }
}

TEST_CASE("batch_norm2d_relu without a recorded input or with frozen parameters") {
  const Tensor x = random_tensor({4, 32, 6, 6}, 7);
  for (const bool pool : {true, false}) {
    CAPTURE(pool);
    BatchNorm2dState trained = norm_state(32), frozen = norm_state(32), both = norm_state(32);
    trained.beta.set_requires_grad(true);
    both.gamma.set_requires_grad(true);
    both.beta.set_requires_grad(true);
    const Tensor blocked = reorder(x, Layout::blocked16);
    const Tensor reference = blocked.clone().set_requires_grad(true),
                 other = blocked.clone().set_requires_grad(true);
    const Tensor seed = random_tensor({4, 32, pool ? 3 : 6, pool ? 3 : 6}, 8);
    batch_norm2d_relu(reference, both, true, pool).backward(seed);
    batch_norm2d_relu(blocked, trained, true, pool).backward(seed);
    CHECK(same_bytes(trained.beta.grad(), both.beta.grad()));
    CHECK_FALSE(trained.gamma.grad().defined());
    batch_norm2d_relu(other, frozen, true, pool).backward(seed);
    CHECK(same_bytes(other.grad(), reference.grad()));
  }
}

TEST_CASE("conv2d gives each wanted gradient whatever else is wanted") {
  const Tensor x = random_leaf({2, 16, 6, 6}, 1), filter = random_leaf({16, 16, 3, 3}, 2),
               bias = random_leaf({16}, 3), seed = random_tensor({2, 16, 4, 4}, 4);
  conv2d(x, filter, bias).backward(seed);
  for (int wanted = 1; wanted < 8; ++wanted) {
    const Tensor other_x = x.clone().set_requires_grad((wanted & 1) != 0),
                 other_filter = filter.clone().set_requires_grad((wanted & 2) != 0),
                 other_bias = bias.clone().set_requires_grad((wanted & 4) != 0);
    CAPTURE(wanted);
    conv2d(other_x, other_filter, other_bias).backward(seed);
    CHECK(other_x.grad().defined() == ((wanted & 1) != 0));
    CHECK(other_filter.grad().defined() == ((wanted & 2) != 0));
    CHECK(other_bias.grad().defined() == ((wanted & 4) != 0));
    if (wanted & 1) CHECK(relative_error(other_x.grad(), x.grad()) <= 1e-6);
    if (wanted & 2) CHECK(relative_error(other_filter.grad(), filter.grad()) <= 1e-6);
    if (wanted & 4) CHECK(relative_error(other_bias.grad(), bias.grad()) <= 1e-6);
  }
  // A filter used twice with a bias used once: two modes of writing in one call.
  const Tensor shared = filter.clone().set_requires_grad(true), once = bias.clone().set_requires_grad(true);
  add(sum(mul(conv2d(x.detach(), shared, {}), seed)), sum(mul(conv2d(x.detach(), shared, once), seed)))
      .backward();
  CHECK(relative_error(shared.grad(), mul(filter.grad(), 2.0f)) <= 1e-6);
  CHECK(relative_error(once.grad(), bias.grad()) <= 1e-6);
}

TEST_CASE("operations on several images are those on each") {
  const Tensor filter = random_tensor({16, 1, 3, 3}, 1);
  const Tensor both = random_tensor({2, 1, 7, 9}, 2);
  const Numbers numbers = both.to_host();
  const Tensor second = Tensor::from_host(std::span<const float>(numbers).subspan(63), {1, 1, 7, 9});
  const Numbers all = conv2d(both, filter, {}).to_host(), one = conv2d(second, filter, {}).to_host();
  CHECK(relative_error(Numbers(all.begin() + static_cast<std::ptrdiff_t>(one.size()), all.end()), one) <=
        1e-6);
}

TEST_CASE("conv2d_relu_max_pool2d is a convolution, ReLU and pooling, whatever it computes at a time") {
  const Tensor x = random_tensor({5, 2, 160, 160}, 1);
  const ConstantFilter constant{random_tensor({16, 2, 3, 3}, 2), random_tensor({16}, 3), 0};
  const Tensor expected = max_pool2d(relu(conv2d(x, constant.filter, constant.bias, {.padding_h = 1})));
  CHECK(relative_error(conv2d_relu_max_pool2d(x, constant, {.padding_h = 1}), expected) <= 1e-6);
  const Tensor trained = x.clone().set_requires_grad(true);
  CHECK_THAT(error_of([&] { (void)conv2d_relu_max_pool2d(trained, constant, {}); }), Contains("NoGradGuard"));
}
