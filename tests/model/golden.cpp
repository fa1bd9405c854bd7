// report_cnn against PyTorch's: logits, losses, every gradient, and the weights after three steps of Adam.
// The files and what float32 can reach are described in tests/golden/README.md.
#include "tests/engine/golden.h"

#include "engine/core/autograd.h"
#include "engine/ops/cross_entropy.h"
#include "engine/train/optimizer.h"
#include "model/networks/report_cnn.h"

using namespace xr;
using namespace xr::model;
using namespace xr::engine;
using namespace xr::engine::test;

namespace {

// PyTorch's own float32 run is within 4e-6 of the files.
constexpr double relative_tolerance = 1e-5;
// Weights after Adam, absolute: a tenth of a step. Where a gradient is near Adam's epsilon its rounding moves
// the weight by a part of the learning rate.
constexpr double adam_tolerance = 1e-4;
// Batch norm cancels the bias before it: its gradient is nothing but rounding, which Adam turns into steps of
// the learning rate, 1e-3, and the running mean follows.
constexpr double cancelled_gradient = 1e-6, cancelled_adam = 3e-3;

bool is_cancelled_bias(const std::string& name) {
  return name == "layer1.0.bias" || name == "layer2.0.bias";
}

ReportCnnWidths widths_of(const GoldenFile& golden) {
  std::istringstream list(golden.file().metadata().at("widths"));
  ReportCnnWidths widths;
  char comma = 0;
  list >> widths.layer1 >> comma >> widths.layer2 >> comma >> widths.fc1 >> comma >> widths.fc2;
  return widths;
}

ModelSettings settings_of(const GoldenFile& golden) {
  ModelSettings settings;
  settings.name = "report_cnn";
  settings.channels = golden.number("channels");
  settings.image_size = golden.number("image_size");
  settings.classes = golden.number("classes");
  settings.padding = golden.number("padding");
  settings.dropout = 0.0f;
  return settings;
}

/// The README's hash: element i of parameter p, in [-bound, bound).
float hashed_value(std::uint64_t p, std::uint64_t i, double bound) {
  std::uint64_t z = ((p << 32) + i + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  z ^= z >> 31;
  return static_cast<float>(bound * (2.0 * (static_cast<double>(z >> 40) / 16777216.0) - 1.0));
}

void set_hashed_weights(const Module& network) {
  std::vector<NamedTensor> parameters = network.parameters();
  double bound = 0;
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    const bool norm = parameters[p].name.find(".1.") != std::string::npos;
    const bool weight = parameters[p].name.ends_with("weight");
    Tensor& tensor = parameters[p].tensor;
    const std::int64_t fan_in = tensor.numel() / tensor.dim(0);
    if (weight && !norm) bound = 1.0 / std::sqrt(static_cast<double>(fan_in));
    std::vector<float> numbers(static_cast<std::size_t>(tensor.numel()));
    for (std::size_t i = 0; i < numbers.size(); ++i)
      numbers[i] = hashed_value(p, i, norm ? 0.25 : bound) + (norm && weight ? 1.0f : 0.0f);
    tensor.copy_from_host(numbers);
  }
}

void set_state(const Module& network, const GoldenFile& golden, const std::string& prefix) {
  for (const NamedTensor& entry : network.state()) golden.file().load_into(prefix + entry.name, entry.tensor);
}

/// All elements, or every s-th where the golden file holds a sample of a large tensor.
std::vector<float> like_golden(const Tensor& tensor, const Tensor& golden) {
  std::vector<float> all = tensor.to_host();
  if (golden.numel() == tensor.numel()) return all;
  std::size_t stride = (all.size() + 1023) / 1024;
  stride += stride % 2 == 0;
  std::vector<float> sample;
  for (std::size_t i = 0; i < all.size(); i += stride) sample.push_back(all[i]);
  return sample;
}

double largest_difference(const std::vector<float>& actual, const std::vector<float>& expected) {
  if (actual.size() != expected.size()) return HUGE_VAL;
  double largest = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double difference = std::abs(static_cast<double>(actual[i]) - static_cast<double>(expected[i]));
    if (!(difference <= largest)) largest = difference;  // keeps NaN
  }
  return largest;
}

void check_gradients(const Module& network, const GoldenFile& golden) {
  for (const NamedTensor& parameter : network.parameters()) {
    CAPTURE(parameter.name);
    const Tensor expected = golden["gradient." + parameter.name];
    const std::vector<float> actual = like_golden(parameter.tensor.grad(), expected);
    if (is_cancelled_bias(parameter.name))
      CHECK(largest_difference(actual, expected.to_host()) <= cancelled_gradient);
    else
      CHECK(relative_error(actual, expected.to_host()) <= relative_tolerance);
  }
}

void check_trained_state(const Module& network, const GoldenFile& golden) {
  for (const NamedTensor& entry : network.state()) {
    CAPTURE(entry.name);
    const Tensor expected = golden["adam." + entry.name];
    if (expected.dtype() == DType::i64) {
      CHECK(entry.tensor.to_host_i64() == expected.to_host_i64());
      continue;
    }
    if (entry.name.ends_with("running_var")) {  // which a bias does not move
      CHECK(relative_error(entry.tensor, expected) <= relative_tolerance);
      continue;
    }
    const bool cancelled = is_cancelled_bias(entry.name) || entry.name.ends_with("running_mean");
    CHECK(largest_difference(like_golden(entry.tensor, expected), expected.to_host()) <=
          (cancelled ? cancelled_adam : adam_tolerance));
  }
}

Tensor evaluate(Module& network, const Tensor& images) {
  const NoGradGuard no_grad;
  network.set_training(false);
  Tensor logits = network(images);
  network.set_training(true);
  return logits;
}

void check_against_golden(const std::string& name) {
  CAPTURE(name);
  const GoldenFile golden(name);
  ReportCnn network(settings_of(golden), {}, widths_of(golden));
  if (golden.contains("initial.fc1.weight"))
    set_state(network, golden, "initial.");
  else
    set_hashed_weights(network);
  const Tensor images = golden["input"], targets = golden["labels"];
  CHECK(relative_error(evaluate(network, images), golden["initial_eval_logits"]) <= relative_tolerance);

  ParameterArena arena(network.parameters());
  Adam adam(arena, {.learning_rate = 1e-3f});
  std::vector<float> losses;
  for (int step = 0; step < 3; ++step) {
    const Tensor logits = network(images);
    const Tensor loss = cross_entropy(logits, targets);
    arena.zero_grad();
    loss.backward();
    losses.push_back(loss.item());
    if (step == 0) {
      CHECK(relative_error(logits, golden["logits"]) <= relative_tolerance);
      check_gradients(network, golden);
    }
    adam.step();
  }
  CHECK(relative_error(losses, golden["losses"].to_host()) <= relative_tolerance);
  check_trained_state(network, golden);
  if (!golden.contains("eval_logits")) return;
  set_state(network, golden, "adam.");
  CHECK(relative_error(evaluate(network, images), golden["eval_logits"]) <= relative_tolerance);
}

}  // namespace

TEST_CASE("report_cnn gives PyTorch's numbers with 1 channel and padding 2") {
  check_against_golden("report_cnn_c1_p2");
}

TEST_CASE("report_cnn gives PyTorch's numbers with 3 channels and padding 1") {
  check_against_golden("report_cnn_c3_p1");
}

TEST_CASE("report_cnn of the report's widths gives PyTorch's numbers") {
  check_against_golden("report_cnn_full");
}
