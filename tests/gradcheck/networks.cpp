// Both networks end to end against the float64 oracle: the loss, the running statistics, and the gradient of
// every parameter and of the images; and the oracle's gradients against central differences of its loss.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <span>

#include "engine/ops/cross_entropy.h"
#include "kernels/common/random.h"
#include "model/model.h"
#include "tests/gradcheck/check.h"
#include "tests/gradcheck/report.h"
#include "tests/ops/call.h"
#include "tests/ops/configured.h"
#include "tests/reference/gradient_check.h"

namespace xr::gradcheck {

namespace {

using model::ModelSettings;
using Numbers = std::map<std::string, reference::Tensor>;

// In fp32, f32 must decide as the oracle does at every ReLU and every maximum.
constexpr double min_kink_distance = 3e-5;

/// A network in float64: state by PyTorch's names, layers by the same names.
class OracleNetwork {
 public:
  OracleNetwork(const Numbers& state, const ModelSettings& settings) : state_(state), settings_(settings) {
    for (const auto& [name, value] : state)
      if (name.find("running") == std::string::npos) variables_[name] = tape_.leaf(value);
  }

  VariablePointer conv(const std::string& name, const VariablePointer& x, std::int64_t stride,
                       std::int64_t padding) {
    Conv2dParams params;
    params.stride_h = params.stride_w = stride;
    params.padding_h = params.padding_w = padding;
    const auto bias = variables_.find(name + ".bias");
    return tape_.conv2d(params, x, variables_.at(name + ".weight"),
                        bias == variables_.end() ? nullptr : bias->second);
  }
  VariablePointer norm(const std::string& name, const VariablePointer& x) {
    RunningStatistics running{state_.at(name + ".running_mean"), state_.at(name + ".running_var")};
    VariablePointer y = tape_.batch_norm2d({}, x, variables_.at(name + ".weight"),
                                           variables_.at(name + ".bias"), running, true);
    state_[name + ".running_mean"] = running.mean;
    state_[name + ".running_var"] = running.variance;
    return y;
  }
  VariablePointer linear(const std::string& name, const VariablePointer& x) {
    return tape_.linear(x, variables_.at(name + ".weight"), variables_.at(name + ".bias"));
  }
  /// `layer`: the number of initial-weight streams before it (model/initializer.h).
  VariablePointer dropout(const VariablePointer& x, std::uint64_t layer, std::int64_t step) {
    DropoutParams params;
    params.probability = settings_.dropout;
    params.seed = settings_.seed;
    params.stream = stream_of(RandomPurpose::dropout, layer);
    params.offset = static_cast<std::uint64_t>(step) << 32;
    return tape_.dropout(params, x);
  }

  VariablePointer report_cnn(const VariablePointer& images, std::int64_t step) {
    VariablePointer x = tape_.relu(norm("layer1.1", conv("layer1.0", images, 1, settings_.padding)));
    x = tape_.max_pool2d({}, x);
    x = tape_.max_pool2d({}, tape_.relu(norm("layer2.1", conv("layer2.0", x, 1, 0))));
    x = tape_.reshape(x, {x->value.shape[0], x->value.size() / x->value.shape[0]});
    return linear("fc3", linear("fc2", dropout(linear("fc1", x), 6, step)));
  }

  VariablePointer basic_block(const std::string& name, const VariablePointer& x, std::int64_t stride) {
    VariablePointer branch = tape_.relu(norm(name + ".bn1", conv(name + ".conv1", x, stride, 1)));
    branch = norm(name + ".bn2", conv(name + ".conv2", branch, 1, 1));
    const VariablePointer shortcut =
        stride == 1 ? x : norm(name + ".downsample.1", conv(name + ".downsample.0", x, stride, 0));
    return tape_.relu(tape_.add(branch, shortcut));
  }

  VariablePointer xray_resnet(const VariablePointer& images, std::int64_t step) {
    VariablePointer x = tape_.max_pool2d({}, tape_.relu(norm("bn1", conv("conv1", images, 2, 2))));
    for (const std::string stage : {"layer1", "layer2", "layer3", "layer4"}) {
      x = basic_block(stage + ".0", x, stage == "layer1" ? 1 : 2);
      x = basic_block(stage + ".1", x, 1);
    }
    return linear("fc", dropout(tape_.global_avg_pool2d(x), 20, step));
  }

  Tape& tape() { return tape_; }
  [[nodiscard]] const std::map<std::string, VariablePointer>& variables() const { return variables_; }
  [[nodiscard]] const Numbers& state() const { return state_; }

 private:
  Numbers state_;
  ModelSettings settings_;
  Tape tape_;
  std::map<std::string, VariablePointer> variables_;
};

struct NetworkCase {
  std::string description;
  ModelSettings settings;
  std::int64_t batch = 5;
  std::int64_t step = 3;  ///< of the dropout
  Arithmetic arithmetic = Arithmetic::report_cnn;
  CrossEntropyParams loss;
  bool with_slopes = true;  ///< whether the oracle's gradients are held against central differences
  bool on_executor = true;
};

/// What one step of training is computed from: the state, the images (name "images") and the rest.
class NetworkCheck {
 public:
  explicit NetworkCheck(NetworkCase test) : test_(std::move(test)) {
    const std::int64_t size = test_.settings.image_size;
    numbers_ = initial_state();
    numbers_["images"] = reference::random_normal({test_.batch, test_.settings.channels, size, size}, 77);
    for (std::int64_t i = 0; i < test_.batch; ++i) labels_.push_back(i * i % test_.settings.classes);
    weights_ = reference::Tensor({test_.settings.classes}, 1.0);
    weights_[0] = 1.75;
  }

  void run() {
    solve();
    INFO(test_.description << ": kink distance " << kink_distance_);
    REQUIRE(kink_distance_ >= min_kink_distance);
    if (test_.with_slopes) check_slopes();
    for (kernels::Backend* backend : tests::test_backends()) {
      if (backend->name() == "simt" && !test_.on_executor) continue;
      for (const Precision precision : precisions_of(*backend)) {
        const tests::Configured configured(*backend, with_precision(*backend, precision));
        check_engine(kernels::Device::parse(backend->name()), precision);
      }
    }
  }

 private:
  /// The network's own initial weights, batch norms moved away from 1 and 0.
  [[nodiscard]] Numbers initial_state() const {
    Numbers numbers;
    std::uint64_t stream = 1;
    for (const engine::NamedTensor& entry : model::make_model(test_.settings)->state()) {
      if (entry.tensor.dtype() != kernels::DType::f32) continue;
      const std::vector<float> values = entry.tensor.to_host();
      reference::Tensor& tensor = numbers[entry.name];
      tensor = reference::Tensor(entry.tensor.shape(), std::vector<double>(values.begin(), values.end()));
      const bool of_norm = tensor.shape.rank() == 1 && std::abs(tensor[0]) == std::round(tensor[0]);
      if (!of_norm) continue;  // weights and biases of convolutions and linear layers
      const reference::Tensor noise = reference::random_normal(tensor.shape, 1000 + stream++, 0, 0.2);
      for (std::int64_t i = 0; i < tensor.size(); ++i) tensor[i] += noise[i];
      tensor = tests::to_single(std::move(tensor));
    }
    return numbers;
  }

  /// The oracle's network and loss on these numbers.
  struct Run {
    OracleNetwork network;
    VariablePointer loss;
  };
  [[nodiscard]] std::unique_ptr<Run> run_oracle(const Numbers& numbers) const {
    auto run = std::make_unique<Run>(Run{OracleNetwork(numbers, test_.settings), nullptr});
    OracleNetwork& network = run->network;
    const VariablePointer images = network.variables().at("images");
    const VariablePointer logits = test_.settings.name == "report_cnn"
                                       ? network.report_cnn(images, test_.step)
                                       : network.xray_resnet(images, test_.step);
    run->loss = network.tape().cross_entropy(test_.loss, logits, labels_, &weights_);
    return run;
  }

  void solve() {
    const auto run = run_oracle(numbers_);
    run->network.tape().backward(run->loss, reference::Tensor(Shape{}, 1.0));
    loss_ = run->loss->value[0];
    kink_distance_ = run->network.tape().kink_distance();
    after_ = run->network.state();
    for (const auto& [name, variable] : run->network.variables()) gradients_[name] = variable->gradient;
  }

  /// One random direction for each part of the network ("layer1", "images", ...), as large as the weights.
  void check_slopes() const {
    std::map<std::string, std::vector<std::string>> parts;
    for (const auto& [name, gradient] : gradients_) {
      const bool by_tensor = gradients_.size() < 30;  // the small network affords one for each tensor
      parts[by_tensor ? name : name.substr(0, name.find('.'))].push_back(name);
    }
    for (const auto& [part, names] : parts) {
      Numbers directions;
      double slope = 0, size = 0;
      std::uint64_t stream = 2000;
      for (const std::string& name : names) {
        const double scale = reference::root_mean_square(numbers_.at(name));
        directions[name] = reference::random_normal(numbers_.at(name).shape, stream++, 0, scale);
        const reference::Tensor& gradient = gradients_.at(name);
        for (std::int64_t i = 0; i < gradient.size(); ++i) slope += gradient[i] * directions[name][i];
        size = std::hypot(size, scale * norm_of(gradient));
      }
      const auto evaluate = [&](double step) -> Evaluation {
        Numbers moved = numbers_;
        for (const auto& [name, direction] : directions)
          for (std::int64_t i = 0; i < direction.size(); ++i) moved[name][i] += step * direction[i];
        const auto run = run_oracle(moved);
        return {run->loss->value[0], run->network.tape().pattern()};
      };
      check_slope(test_.description + ", " + part, evaluate, slope, size);
    }
  }

  /// Batch norm cancels the bias of the convolution before it: the gradient is zero but for rounding, which
  /// is relative to that of the bias of the batch norm behind it.
  [[nodiscard]] double min_norm(const std::string& name) const {
    if (name != "layer1.0.bias" && name != "layer2.0.bias") return 0;
    return norm_of(gradients_.at(name.substr(0, 7) + "1.bias"));
  }

  void check_engine(const kernels::Device& device, Precision precision) const {
    const Checked checked{device.to_string(), "network " + test_.settings.name, tests::name_of(precision)};
    count_case(checked, numbers_.at("images").shape.to_string());
    const double tolerance = norm_tolerance_of(test_.arithmetic, precision);
    ModelSettings settings = test_.settings;
    settings.device = device;
    const auto network = model::make_model(settings);
    network->set_step(test_.step);
    for (engine::NamedTensor entry : network->state()) {
      if (entry.tensor.dtype() != kernels::DType::f32) continue;
      const reference::Tensor& value = numbers_.at(entry.name);
      entry.tensor.copy_from_host(std::vector<float>(value.values.begin(), value.values.end()));
    }
    const engine::Tensor images = leaf_on(device, numbers_.at("images"), Layout::contiguous);
    const engine::Tensor targets = engine::Tensor::from_host(
        std::span<const std::int64_t>(labels_), {static_cast<std::int64_t>(labels_.size())}, device);
    const engine::Tensor weights = leaf_on(device, weights_, Layout::contiguous).detach();
    const engine::Tensor loss = engine::cross_entropy((*network)(images), targets, weights, test_.loss);
    loss.backward();
    const auto check = [&](const std::string& what, double error) {
      check_error(checked, test_.description + ", " + what, error, tolerance);
    };
    const Checked forward{checked.backend, "forward of " + test_.settings.name, checked.precision};
    const auto check_forward = [&](const std::string& what, double error) {
      check_error(forward, test_.description + ", " + what, error,
                  norm_tolerance_of(Arithmetic::network_forward, precision));
    };
    count_case(forward, numbers_.at("images").shape.to_string());
    check_forward("loss", error_of(loss, reference::Tensor(Shape{}, loss_)));
    check("d images", error_of(images.grad(), gradients_.at("images")));
    for (const engine::NamedTensor& parameter : network->parameters())
      check("d " + parameter.name,
            error_of(parameter.tensor.grad(), gradients_.at(parameter.name), min_norm(parameter.name)));
    for (const engine::NamedTensor& entry : network->state())
      if (entry.name.find("running") != std::string::npos)
        check_forward(entry.name, error_of(entry.tensor, after_.at(entry.name)));
  }

  NetworkCase test_;
  Numbers numbers_;
  std::vector<std::int64_t> labels_;
  reference::Tensor weights_;
  // The oracle's results.
  double loss_ = 0, kink_distance_ = 0;
  Numbers after_, gradients_;
};

}  // namespace

// The seeds are those of 1 to 12 whose numbers lie farthest from a kink.
TEST_CASE("gradcheck report_cnn end to end") {
  struct Setting {
    std::int64_t channels, padding;
    std::uint64_t seed;
  };
  for (const auto& [channels, padding, seed] : {Setting{1, 2, 1}, {3, 1, 7}, {3, 2, 5}, {1, 0, 7}}) {
    NetworkCase test;
    test.settings.name = "report_cnn";
    test.settings.channels = channels;
    test.settings.padding = padding;
    test.settings.image_size = 14;
    test.settings.classes = 3;
    test.settings.seed = seed;
    test.description = fmt::format("{} channel(s), padding {}", channels, padding);
    test.arithmetic = Arithmetic::report_cnn;
    NetworkCheck(test).run();
  }
}

TEST_CASE("gradcheck xray_resnet end to end") {
  for (const int channels : {1, 3}) {
    NetworkCase test;
    test.settings.name = "xray_resnet";
    test.settings.channels = channels;
    test.settings.image_size = channels == 1 ? 16 : 19;
    test.settings.seed = channels == 1 ? 1 : 6;
    test.batch = 8;
    test.with_slopes = channels == 1;  // they take two seconds
    test.description = fmt::format("{} channel(s)", channels);
    test.arithmetic = Arithmetic::xray_resnet;
    test.loss.label_smoothing = 0.1f;
#if defined(XR_SANITIZED)
    test.on_executor = false;  // a quarter of an hour there; the sanitizers see report_cnn on it
#endif
    NetworkCheck(test).run();
  }
}

}  // namespace xr::gradcheck
