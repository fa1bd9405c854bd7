// Channels of one activation into another: concatenation over channels and its gradient.
#include "kernels/ops/copy_channels.h"

#include <fmt/core.h>

#include <cmath>

#include "engine/ops/channel_stack.h"
#include "engine/ops/concat_channels.h"
#include "tests/ops/cases.h"
#include "tests/ops/guarded_buffer.h"
#include "tests/ops/operation.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/gradient_check.h"

namespace xr::tests {

namespace {

using reference::random_distinct;
using reference::random_normal;

/// `count` channels of x from `from` on go to channel `to` of `y_channels`.
struct CopyCase {
  std::string name;
  Shape x;
  std::int64_t y_channels, from, to, count;

  [[nodiscard]] Shape y() const { return {x[0], y_channels, x[2], x[3]}; }
  [[nodiscard]] bool in_blocks() const {
    return x[1] % 16 == 0 && y_channels % 16 == 0 && from % 16 == 0 && to % 16 == 0 && count % 16 == 0;
  }
};

std::vector<CopyCase> all_cases() {
  return {
      {"all_to_all", {2, 16, 3, 5}, 16, 0, 0, 16},       {"to_the_end", {2, 32, 5, 4}, 96, 0, 64, 32},
      {"from_the_middle", {3, 64, 3, 7}, 32, 16, 0, 32}, {"middle_to_middle", {2, 48, 9, 2}, 80, 16, 32, 16},
      {"odd_channels", {2, 5, 3, 7}, 9, 1, 4, 3},        {"one_pixel", {4, 3, 1, 1}, 6, 0, 2, 3},
      {"one_image", {1, 8, 6, 5}, 12, 4, 8, 4},          {"no_channels", {2, 16, 2, 2}, 16, 0, 16, 0},
      {"no_image", {0, 16, 2, 2}, 32, 0, 16, 16},        {"long_rows", {2, 3, 131, 127}, 5, 1, 2, 2},
      {"many_pixels", {1, 24, 150, 140}, 40, 8, 16, 16}};
}

Call copy_channels(const CopyCase& c, DType dtype, Layout layout) {
  return call_of({input("x", c.x, dtype, layout), state("y", c.y(), dtype, layout)},
                 [c](Views v, GradientWrite write) {
                   return kernels::CopyChannels{
                       .x = v[0], .y = v[1], .from = c.from, .to = c.to, .count = c.count, .write = write};
                 });
}

/// y with the channels of x over, or added to, its own.
Tensor oracle(const CopyCase& c, const Tensor& x, Tensor y, bool adds) {
  const std::int64_t pixels = c.x[2] * c.x[3];
  for (std::int64_t n = 0; n < c.x[0]; ++n)
    for (std::int64_t i = 0; i < c.count * pixels; ++i) {
      double& to = y[(n * c.y_channels + c.to) * pixels + i];
      to = x[(n * c.x[1] + c.from) * pixels + i] + (adds ? to : 0);
    }
  return y;
}

/// The other channels of y keep what they hold, which is why this does not use the harness's NaN.
void check_copy(const Checker& check, const CopyCase& c) {
  for (const DType dtype : test_types()) {
    const Tensor x = with_bf16_nan(to_type(random_normal(c.x, 1), dtype), dtype),
                 before = to_type(random_normal(c.y(), 2), dtype);
    for (Backend* backend : test_backends(dtype))
      for (const Layout layout : layouts_of(*backend, c.x)) {
        if (layout == Layout::blocked16 && !c.in_blocks()) continue;
        for (const bool adds : {false, true}) {
          Call call = copy_channels(c, dtype, layout).holds("x", x).holds("y", before);
          const auto write = adds ? GradientWrite::accumulate : GradientWrite::overwrite;
          call.run = [run = call.run, write](Backend& on, Views v, GradientWrite) { run(on, v, write); };
          call.accumulates = false;
          check(*backend, std::move(call)
                              .expects("y", {to_type(oracle(c, x, before, adds), dtype)})
                              .with(adds ? "added" : "written"));
        }
      }
  }
}

void check_refusals(const Checker& check, const CopyCase& c) {
  for (Backend* backend : test_backends()) {
    const GuardedBuffer x(*backend, c.x, DType::f32, Layout::contiguous),
        y(*backend, c.y(), DType::f32, Layout::contiguous),
        wide(*backend, {c.x[0], c.y_channels, c.x[2], c.x[3] + 1}, DType::f32, Layout::contiguous),
        other(*backend, c.y(), DType::f32, Layout::channels_last),
        half(*backend, c.y(), DType::bf16, Layout::contiguous);
    const auto refuses = [&](const char* what, const kernels::CopyChannels& call) {
      check.refuses(*backend, what, [&] { backend->run(call); });
    };
    refuses("another width", {.x = x.view(), .y = wide.view(), .count = 1});
    refuses("another layout", {.x = x.view(), .y = other.view(), .count = 1});
    refuses("another type", {.x = x.view(), .y = half.view(), .count = 1});
    refuses("channels beyond x", {.x = x.view(), .y = y.view(), .from = 1, .count = c.x[1]});
    refuses("channels beyond y", {.x = x.view(), .y = y.view(), .to = c.y_channels, .count = 1});
    refuses("a negative channel", {.x = x.view(), .y = y.view(), .from = -1, .count = 1});
  }
}

struct ConcatCase {
  std::string name;
  Shape a, b;
};

/// cat((a, b)) on the tape.
VariablePointer concat_on_tape(Tape& tape, const VariablePointer& a, const VariablePointer& b) {
  const Shape &first = a->value.shape, &second = b->value.shape;
  const CopyCase copy_a{"", first, first[1] + second[1], 0, 0, first[1]},
      copy_b{"", second, first[1] + second[1], 0, first[1], second[1]};
  Tensor value = oracle(copy_b, b->value, oracle(copy_a, a->value, Tensor(copy_a.y()), false), false);
  return tape.record(std::move(value), [=](const Tensor& dy) {
    const Shape all = copy_a.y();
    add_gradient(a, oracle({"", all, first[1], 0, 0, first[1]}, dy, Tensor(first), false));
    add_gradient(b, oracle({"", all, second[1], first[1], 0, second[1]}, dy, Tensor(second), false));
  });
}

void check_gradients(const GradientSink& check, const ConcatCase& c) {
  for (const Layout layout : layouts_of(c.a))
    for (const Layout other : layouts_of(c.b)) {
      GradientCase test;
      test.operation = "concat_channels";
      test.operands = {activation("a", random_distinct(c.a, 1), layout),
                       activation("b", random_distinct(c.b, 2), other)};
      test.engine = [](EngineTensors in) { return engine::concat_channels(in[0], in[1]); };
      test.oracle = [](Tape& tape, Variables in) { return concat_on_tape(tape, in[0], in[1]); };
      check(test);
    }
}

/// A batch norm with ReLU over the channels of a that lie in a stack; then b is put behind them. Both, or what the
/// norm makes alone, where the gradient of the free channels is 0.
void check_stack(const GradientSink& check, const ConcatCase& c, Layout layout, bool alone) {
  const Shape channels{c.a[1]};
  reference::Tensor gamma = random_normal(channels, 3);
  for (double& value : gamma.values) value = static_cast<double>(static_cast<float>(0.5 + std::abs(value)));
  const auto norm = std::sqrt(static_cast<double>(c.a.numel()));
  GradientCase test;
  test.operation = alone ? "channel_stack (the norm alone)" : "channel_stack";
  test.operands = {activation("a", random_distinct(c.a, 1), layout, norm),
                   activation("b", random_distinct(c.b, 2), layout), parameter("gamma", gamma),
                   parameter("beta", to_single(random_normal(channels, 4)))};
  test.operands[2].min_norm = norm;
  test.engine = [c, alone, channels](EngineTensors in) {
    engine::BatchNorm2dState state{in[2],
                                   in[3],
                                   constant_beside(in[0], reference::Tensor(channels, 0.0)),
                                   constant_beside(in[0], reference::Tensor(channels, 1.0)),
                                   {}};
    engine::ChannelStack stack(in[0], c.a[1] + c.b[1]);
    const engine::Tensor y = stack.batch_norm2d_relu(state, true);
    if (alone) return engine::concat_channels(y, in[1]);
    stack.append(in[1]);
    return engine::concat_channels(y, stack.all());
  };
  test.oracle = [alone, channels](Tape& tape, Variables in) {
    RunningStatistics running{reference::Tensor(channels, 0.0), reference::Tensor(channels, 1.0)};
    const VariablePointer y = tape.relu(tape.batch_norm2d({}, in[0], in[2], in[3], running, true));
    return concat_on_tape(tape, y, alone ? in[1] : concat_on_tape(tape, in[0], in[1]));
  };
  test.min_kink_distance = 1e-5;
  test.arithmetic = Arithmetic::normalised_kinks;
  check(test);
}

void check_stacks(const GradientSink& check, const ConcatCase& c) {
  for (const Layout layout : layouts_of(c.a))
    for (const bool alone : {false, true}) check_stack(check, c, layout, alone);
}

void add_benchmarks(Benchmarks& list) {
  // A layer of densenet121's first block at a quarter of the image's width: 64 channels and 32 more.
  const std::int64_t size = std::max<std::int64_t>(1, list.setting.size / 4);
  const Shape x{list.setting.batch, 32, size, size};
  const CopyCase c{"", x, 96, 0, 64, 32};
  list.add("densenet121.denselayer1", copy_channels(c, list.setting.activation, list.layout_of(x)));
}

}  // namespace

Operation describe_copy_channels() {
  return {
      .name = "copy_channels",
      .checks = {checks_of("copy_channels from one activation to another", all_cases(), check_copy),
                 checks_of("copy_channels refuses what does not fit",
                           std::vector<CopyCase>{{"small", {2, 3, 4, 5}, 6, 0, 0, 3}}, check_refusals)},
      .gradients = {gradients_of("gradcheck concat_channels",
                                 std::vector<ConcatCase>{{"blocks", {2, 16, 3, 5}, {2, 32, 3, 5}},
                                                         {"odd", {2, 3, 4, 3}, {2, 5, 4, 3}},
                                                         {"one_of_blocks", {1, 16, 3, 3}, {1, 3, 3, 3}},
                                                         {"one_pixel", {3, 4, 1, 1}, {3, 2, 1, 1}}},
                                 check_gradients),
                    gradients_of("gradcheck channel_stack",
                                 std::vector<ConcatCase>{{"stack_of_blocks", {2, 16, 3, 5}, {2, 32, 3, 5}},
                                                         {"stack_of_odd", {2, 3, 4, 3}, {2, 5, 4, 3}},
                                                         {"stack_of_one_pixel", {5, 4, 1, 1}, {5, 2, 1, 1}}},
                                 check_stacks)},
      .benchmarks = add_benchmarks};
}

}  // namespace xr::tests
