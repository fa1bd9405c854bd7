// Every operation against PyTorch's results (tests/golden/README.md).
#include "engine/ops/avg_pool2d.h"
#include "engine/ops/batch_norm2d.h"
#include "engine/ops/conv2d.h"
#include "engine/ops/cross_entropy.h"
#include "engine/ops/log_softmax.h"
#include "engine/ops/max_pool2d.h"
#include "engine/ops/softmax.h"
#include "tests/engine/golden.h"

using namespace xr;
using namespace xr::engine;
using namespace xr::engine::test;

namespace {

// Of the relative norm: both sides are rounded to f32 (6e-8), and sums have some 100 terms.
constexpr double tolerance = 1e-6;

const GoldenFile& golden() {
  static const GoldenFile file("operations");
  return file;
}

/// Runs the backward of `output` from the case's upstream gradient; compares output and gradients.
void check_case(const std::string& name, const Tensor& output, const std::map<std::string, Tensor>& inputs) {
  CAPTURE(name);
  CHECK(relative_error(output, golden()[name + ".output"]) <= tolerance);
  output.backward(golden()[name + ".upstream"]);
  for (const auto& [input, tensor] : inputs) {
    CAPTURE(input);
    REQUIRE(tensor.grad().defined());
    CHECK(relative_error(tensor.grad(), golden()[fmt::format("{}.gradient.{}", name, input)]) <= tolerance);
  }
}

Tensor leaf_of(const std::string& name) {
  return golden()[name].set_requires_grad(true);
}

kernels::Pool2dParams pool_params(const std::string& name) {
  std::map<std::string, double> options = golden().options(name);
  kernels::Pool2dParams params;
  params.kernel_h = params.kernel_w = static_cast<std::int64_t>(options.at("kernel_size"));
  params.stride_h = params.stride_w = static_cast<std::int64_t>(options.at("stride"));
  params.padding_h = params.padding_w = static_cast<std::int64_t>(options.at("padding"));
  if (options.contains("count_include_pad")) params.count_include_pad = options["count_include_pad"] != 0.0;
  return params;
}

}  // namespace

TEST_CASE("conv2d gives PyTorch's results") {
  for (const std::string name :
       {"conv2d.padding2", "conv2d.padding2_c1", "conv2d.stride2", "conv2d.dilation2", "conv2d.groups2"}) {
    const std::map<std::string, double> options = golden().options(name);
    const auto integer = [&](const char* key) { return static_cast<std::int64_t>(options.at(key)); };
    Conv2dParams params;
    params.stride_h = params.stride_w = integer("stride");
    params.padding_h = params.padding_w = integer("padding");
    params.dilation_h = params.dilation_w = integer("dilation");
    params.groups = integer("groups");
    const Tensor input = leaf_of(name + ".input"), weight = leaf_of(name + ".weight"),
                 bias = leaf_of(name + ".bias");
    check_case(name, conv2d(input, weight, bias, params),
               {{"input", input}, {"weight", weight}, {"bias", bias}});
  }
}

TEST_CASE("batch_norm2d gives PyTorch's results and running statistics") {
  BatchNorm2dState state;
  state.running_mean = golden()["batch_norm2d.initial.running_mean"];
  state.running_var = golden()["batch_norm2d.initial.running_var"];
  for (const std::string call : {"train1", "train2", "eval"}) {
    const std::string name = "batch_norm2d." + call;
    const Tensor input = leaf_of(name + ".input");
    state.gamma = leaf_of(name + ".weight");
    state.beta = leaf_of(name + ".bias");
    check_case(name, batch_norm2d(input, state, call != "eval"),
               {{"input", input}, {"weight", state.gamma}, {"bias", state.beta}});
    CHECK(relative_error(state.running_mean, golden()[name + ".running_mean"]) <= tolerance);
    CHECK(relative_error(state.running_var, golden()[name + ".running_var"]) <= tolerance);
  }
}

TEST_CASE("pooling gives PyTorch's results with ties and padding") {
  for (const std::string name : {"avg_pool2d.padding_included", "avg_pool2d.padding_excluded"}) {
    const Tensor input = leaf_of(name + ".input");
    check_case(name, avg_pool2d(input, pool_params(name)), {{"input", input}});
  }
  for (const std::string name : {"max_pool2d.overlap_padding", "max_pool2d.overlap", "max_pool2d.floor"}) {
    const Tensor input = leaf_of(name + ".input");
    check_case(name, max_pool2d(input, pool_params(name)), {{"input", input}});
  }
}

TEST_CASE("softmax and log_softmax give PyTorch's results") {
  const Tensor a = leaf_of("softmax.input"), b = leaf_of("log_softmax.input");
  check_case("softmax", softmax(a), {{"input", a}});
  check_case("log_softmax", log_softmax(b), {{"input", b}});
}

TEST_CASE("cross_entropy gives PyTorch's results") {
  for (const std::string name : {"plain", "weighted", "smoothed", "weighted_smoothed", "large"}) {
    const std::string prefix = "cross_entropy." + name;
    CAPTURE(name);
    const std::map<std::string, double> options = golden().options(prefix);
    CrossEntropyParams params;
    params.label_smoothing = static_cast<float>(options.at("label_smoothing"));
    const Tensor weights =
        options.at("class_weights") != 0.0 ? golden()["cross_entropy.class_weights"] : Tensor{};
    const Tensor logits = leaf_of(prefix + ".logits");
    const Tensor loss = cross_entropy(logits, golden()["cross_entropy.labels"], weights, params);
    loss.backward();
    CHECK(relative_error(loss.to_host(), golden()[prefix + ".loss"].to_host()) <= tolerance);
    CHECK(relative_error(logits.grad(), golden()[prefix + ".gradient.logits"]) <= tolerance);
  }
}
