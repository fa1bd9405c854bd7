// Arguments that make no sense: each operation says which, with the shapes.
#include "engine/ops/add.h"
#include "engine/ops/avg_pool2d.h"
#include "engine/ops/batch_norm2d.h"
#include "engine/ops/channel_stack.h"
#include "engine/ops/concat_channels.h"
#include "engine/ops/conv2d.h"
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

Tensor zeros(const Shape& shape) {
  return Tensor::zeros(shape);
}

}  // namespace

TEST_CASE("add and mul refuse shapes that do not broadcast") {
  CHECK_THAT(error_of([] {
               (void)add(zeros({2, 3}), zeros({2}));
             }),
             Contains("add") && Contains("[2, 3]") && Contains("[2]"));
  CHECK_THAT(error_of([] {
               (void)mul(zeros({4, 3}), zeros({2, 3}));
             }),
             Contains("mul") && Contains("[4, 3]") && Contains("[2, 3]"));
  CHECK_THAT(error_of([] { (void)add(zeros({2}), labels({1, 2})); }), Contains("i64"));
}

TEST_CASE("conv2d refuses what does not fit") {
  const auto message = [](const Shape& x, const Shape& filter, const Conv2dParams& params = {}) {
    return error_of([&] { (void)conv2d(zeros(x), zeros(filter), {}, params); });
  };
  CHECK_THAT(message({1, 3, 8, 8}, {4, 2, 3, 3}), Contains("[1, 3, 8, 8]") && Contains("[4, 2, 3, 3]"));
  CHECK_THAT(message({3, 8, 8}, {4, 3, 3, 3}), Contains("[3, 8, 8]") && Contains("(N, C, H, W)"));
  CHECK_THAT(message({1, 3, 8, 8}, {4, 27}), Contains("[4, 27]"));
  CHECK_THAT(message({1, 3, 2, 8}, {4, 3, 3, 3}), Contains("too small") && Contains("[1, 3, 2, 8]"));
  CHECK_THAT(message({0, 3, 8, 8}, {4, 3, 3, 3}), Contains("[0, 3, 8, 8]"));
  Conv2dParams groups;
  groups.groups = 2;
  CHECK_THAT(message({1, 4, 8, 8}, {3, 2, 3, 3}, groups), Contains("2 group"));
  for (std::int64_t Conv2dParams::*member :
       {&Conv2dParams::stride_h, &Conv2dParams::stride_w, &Conv2dParams::dilation_h,
        &Conv2dParams::dilation_w, &Conv2dParams::groups}) {
    Conv2dParams params;
    params.*member = 0;
    CHECK_THAT(message({1, 3, 8, 8}, {4, 3, 3, 3}, params), Contains("at least 1"));
  }
  Conv2dParams negative;
  negative.padding_w = -1;
  CHECK_THAT(message({1, 3, 8, 8}, {4, 3, 3, 3}, negative), Contains("padding"));
  CHECK_THAT(error_of([] {
               (void)conv2d(zeros({1, 3, 8, 8}), zeros({4, 3, 3, 3}), zeros({3}));
             }),
             Contains("bias [3]") && Contains("[4, 3, 3, 3]"));
  CHECK_THAT(message({1, 3, 8, 8}, {4, 3, 0, 0}), Contains("conv2d"));
  CHECK_THAT(
      error_of([] {
        (void)conv2d(Tensor::zeros({1, 1, 3, 3}), Tensor::zeros({1, 1, 1, 1}, {DType::i64, {}, {}}), {});
      }),
      Contains("i64"));
}

TEST_CASE("pooling refuses what does not fit") {
  for (const auto& pool : {max_pool2d, avg_pool2d}) {
    const auto message = [&](const Shape& x, const Pool2dParams& params = {}) {
      return error_of([&] { (void)pool(zeros(x), params); });
    };
    CHECK_THAT(message({3, 8, 8}), Contains("pool2d") && Contains("[3, 8, 8]"));
    CHECK_THAT(message({1, 3, 1, 8}), Contains("[1, 3, 1, 8]") && Contains("2x2"));
    CHECK_THAT(message({1, 3, 8, 8}, {0, 2}), Contains("at least 1"));
    CHECK_THAT(message({1, 3, 8, 8}, {2, 2, 0, 1}), Contains("at least 1"));
    CHECK_THAT(message({1, 3, 8, 8}, {2, 2, 2, 2, 2, 0}), Contains("half"));
    CHECK_THAT(message({1, 3, 8, 8}, {2, 2, 2, 2, 0, -1}), Contains("at least 0"));
  }
  CHECK_THAT(error_of([] { (void)global_avg_pool2d(zeros({3, 8})); }), Contains("[3, 8]"));
}

TEST_CASE("batch_norm2d refuses what does not fit") {
  const auto state = [](std::int64_t channels) {
    return BatchNorm2dState{zeros({channels}), zeros({channels}), zeros({channels}), zeros({channels}), {}};
  };
  BatchNorm2dState three = state(3), sixteen = state(16);
  CHECK_THAT(error_of([&] {
               (void)batch_norm2d(zeros({2, 4, 5, 5}), three, true);
             }),
             Contains("[3]") && Contains("[2, 4, 5, 5]"));
  CHECK_THAT(error_of([&] { (void)batch_norm2d(zeros({2, 3, 5}), three, true); }), Contains("[2, 3, 5]"));
  CHECK_THAT(error_of([&] {
               (void)batch_norm2d(zeros({1, 3, 1, 1}), three, true);
             }),
             Contains("[1, 3, 1, 1]") && Contains("more than one value"));
  CHECK(batch_norm2d(zeros({1, 3, 1, 1}), three, false).shape() == Shape{1, 3, 1, 1});
  CHECK_THAT(error_of([&] {
               (void)batch_norm2d_relu(zeros({2, 3, 1, 5}), three, true, true);
             }),
             Contains("[2, 3, 1, 5]"));
  for (const bool training : {true, false}) {
    CHECK_THAT(error_of([&] {
                 (void)batch_norm2d_relu(zeros({2, 32, 4, 4}), sixteen, training, true);
               }),
               Contains("[2, 32, 4, 4]"));
    const Tensor blocked = reorder(zeros({2, 32, 4, 4}), Layout::blocked16);
    CHECK_THAT(error_of([&] { (void)batch_norm2d_relu(blocked, sixteen, training, true); }),
               Contains("[2, 32, 4, 4]"));
  }
  CHECK_THAT(
      error_of([&] {
        (void)batch_norm2d_relu(reorder(zeros({1, 16, 1, 1}), Layout::blocked16), sixteen, true, false);
      }),
      Contains("[1, 16, 1, 1]") && Contains("more than one value"));
}

TEST_CASE("a stack of channels refuses what does not fit, and is read whole or by a norm of its size") {
  CHECK_THAT(error_of([] {
               ChannelStack(zeros({2, 5, 3, 3}), 4);
             }),
             Contains("4") && Contains("[2, 5, 3, 3]"));
  ChannelStack stack(zeros({2, 3, 5, 5}), 7);
  CHECK_THAT(error_of([&] {
               stack.append(zeros({2, 5, 5, 5}));
             }),
             Contains("[2, 5, 5, 5]") && Contains("3") && Contains("[2, 7, 5, 5]"));
  CHECK_THAT(error_of([&] { stack.append(zeros({2, 4, 5, 4})); }), Contains("[2, 4, 5, 4]"));
  CHECK_THAT(error_of([&] { (void)stack.all(); }), Contains("3 of the 7"));
  BatchNorm2dState seven{zeros({7}), zeros({7}), zeros({7}), zeros({7}), {}};
  CHECK_THAT(error_of([&] { (void)stack.batch_norm2d_relu(seven, true); }), Contains("7") && Contains("3"));
  CHECK_THAT(error_of([&] {
               (void)batch_norm2d_relu_leading(zeros({2, 6, 5, 5}), seven, true);
             }),
             Contains("[2, 6, 5, 5]") && Contains("7"));
  CHECK_THAT(error_of([&] {
               (void)leading_channels(zeros({2, 6, 5, 5}), 7);
             }),
             Contains("[2, 6, 5, 5]") && Contains("7"));
  stack.append(zeros({2, 4, 5, 5}));
  CHECK(stack.all().shape() == Shape{2, 7, 5, 5});
  CHECK(stack.batch_norm2d_relu(seven, true).shape() == Shape{2, 7, 5, 5});
}

TEST_CASE("linear and matmul refuse what does not fit") {
  CHECK_THAT(error_of([] {
               (void)linear(zeros({2, 3}), zeros({5, 4}), {});
             }),
             Contains("[2, 3]") && Contains("[5, 4]"));
  CHECK_THAT(error_of([] { (void)linear(zeros({2, 3}), zeros({5, 3}), zeros({3})); }), Contains("[5, 3]"));
  CHECK_THAT(error_of([] {
               (void)linear(zeros({2, 3, 1, 1}), zeros({5, 3}), {});
             }),
             Contains("[2, 3, 1, 1]"));
  CHECK_THAT(error_of([] {
               (void)matmul(zeros({2, 3}), zeros({4, 2}));
             }),
             Contains("[2, 3]") && Contains("[4, 2]"));
  CHECK_THAT(error_of([] { (void)matmul(zeros({2}), zeros({2, 2})); }), Contains("[2]"));
}

TEST_CASE("softmax and log_softmax refuse what does not fit") {
  CHECK_THAT(error_of([] { (void)softmax(zeros({3})); }), Contains("[3]"));
  CHECK_THAT(error_of([] { (void)softmax(zeros({3, 0})); }), Contains("[3, 0]"));
  CHECK_THAT(error_of([] { (void)log_softmax(zeros({3, 2, 1, 1})); }), Contains("[3, 2, 1, 1]"));
}

TEST_CASE("cross_entropy refuses what does not fit") {
  const Tensor logits = zeros({3, 2});
  CHECK_THAT(error_of([&] {
               (void)cross_entropy(logits, labels({0, 1}));
             }),
             Contains("[2]") && Contains("[3, 2]"));
  CHECK_THAT(error_of([&] { (void)cross_entropy(logits, zeros({3})); }), Contains("f32") && Contains("i64"));
  CHECK_THAT(error_of([&] { (void)cross_entropy(zeros({3}), labels({0, 1, 0})); }), Contains("[3]"));
  CHECK_THAT(error_of([&] { (void)cross_entropy(zeros({0, 2}), labels({})); }), Contains("[0, 2]"));
  CHECK_THAT(error_of([&] {
               (void)cross_entropy(logits, labels({0, 1, 2}));
             }),
             Contains("label") && Contains("2"));
  CHECK_THAT(error_of([&] { (void)cross_entropy(logits, labels({0, -1, 1})); }), Contains("-1"));
  CHECK_THAT(error_of([&] {
               (void)cross_entropy(logits, labels({0, 1, 1}), zeros({3}));
             }),
             Contains("[3, 2]"));
  CHECK_THAT(error_of([&] { (void)cross_entropy(logits, labels({0, 1, 1}), {}, {1.5f}); }), Contains("1.5"));
  CHECK_THAT(error_of([&] {
               (void)cross_entropy(logits, labels({0, 1, 1}), {}, {std::nanf("")});
             }),
             Contains("nan"));
}

TEST_CASE("dropout refuses what makes no sense") {
  for (const float probability : {-0.1f, 1.1f, std::nanf("")}) {
    DropoutParams params;
    params.probability = probability;
    CHECK_THAT(error_of([&] { (void)dropout(zeros({3}), params); }), Contains("probability"));
  }
  DropoutParams channels;
  channels.whole_channels = true;
  CHECK_THAT(error_of([&] { (void)dropout(zeros({3}), channels); }), Contains("[3]"));
}

TEST_CASE("reshape and reorder refuse what does not fit") {
  const Tensor x = zeros({2, 3});
  CHECK_THAT(error_of([&] { (void)reshape(x, {4, 2}); }), Contains("[2, 3]") && Contains("[4, 2]"));
  CHECK_THAT(error_of([&] { (void)reshape(x, {-1, -1}); }), Contains("only one"));
  CHECK_THAT(error_of([&] { (void)reshape(x, {4, -1}); }), Contains("[2, 3]"));
  CHECK_THAT(error_of([&] { (void)reshape(x, {-2, 3}); }), Contains("-2"));
  CHECK_THAT(error_of([&] { (void)reshape(x, {0, -1}); }), Contains("[2, 3]"));
  CHECK_THAT(error_of([&] { (void)flatten(zeros({})); }), Contains("at least one dimension"));
  CHECK_THAT(error_of([&] { (void)reorder(x, Layout::channels_last); }), Contains("[2, 3]"));
  CHECK_THAT(error_of([&] {
               (void)reorder(zeros({1, 3, 2, 2}), Layout::blocked16);
             }),
             Contains("[1, 3, 2, 2]"));
}

TEST_CASE("operations refuse undefined tensors") {
  const Tensor none;
  CHECK(error_of([&] { (void)relu(none); }) != "no error");
  CHECK(error_of([&] { (void)add(none, zeros({2})); }) != "no error");
  CHECK(error_of([&] { (void)mul(none, 2.0f); }) != "no error");
  CHECK(error_of([&] { (void)conv2d(none, zeros({1, 1, 1, 1}), {}); }) != "no error");
  CHECK(error_of([&] { (void)cross_entropy(zeros({2, 2}), none); }) != "no error");
  CHECK(error_of([&] { (void)flatten(none); }) != "no error");
  CHECK(error_of([&] { (void)sum(none); }) != "no error");
  CHECK(error_of([&] { (void)dropout(none, {}); }) != "no error");
  CHECK(error_of([&] { (void)reorder(none, Layout::contiguous); }) != "no error");
  CHECK(error_of([&] { none.backward(); }) != "no error");
  CHECK(error_of([&] { (void)none.clone(); }) != "no error");
  CHECK(error_of([&] { (void)none.to_host(); }) != "no error");
  CHECK(error_of([&] { (void)none.detach(); }) != "no error");
  CHECK(error_of([&] { (void)none.grad(); }) != "no error");
}
