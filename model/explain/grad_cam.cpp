#include "model/explain/grad_cam.h"

#include <fmt/format.h>

#include "engine/core/autograd.h"
#include "engine/ops/cast.h"
#include "model/layers/conv2d.h"

namespace xr::model::explain {

namespace {

using engine::Tensor;

/// While one lives, the parameters need no gradient, and the output of a layer is a leaf that does: backward
/// then runs from the logits to that layer and no further.
class Cut {
 public:
  Cut(model::Module& network, model::Module& layer) : layer_(layer) {
    for (const engine::NamedTensor& parameter : network.parameters()) {
      if (!parameter.tensor.requires_grad()) continue;
      parameters_.push_back(parameter.tensor);
      parameters_.back().set_requires_grad(false);
    }
    layer_.observe([this](const Tensor& output) {
      activation_ = output.detach();
      activation_.set_requires_grad(true);
      return activation_;
    });
  }
  ~Cut() {
    layer_.observe({});
    for (Tensor& parameter : parameters_) parameter.set_requires_grad(true);
  }
  Cut(const Cut&) = delete;
  Cut& operator=(const Cut&) = delete;
  [[nodiscard]] const Tensor& activation() const { return activation_; }

 private:
  model::Module& layer_;
  std::vector<Tensor> parameters_;
  Tensor activation_;
};

Map weighted_sum(std::span<const float> activation, std::span<const float> gradient, std::int64_t channels,
                 int height, int width) {
  const std::size_t area = static_cast<std::size_t>(height) * width;
  std::vector<double> sum(area, 0.0);
  for (std::size_t k = 0; k < static_cast<std::size_t>(channels); ++k) {
    double weight = 0.0;
    for (std::size_t i = 0; i < area; ++i) weight += gradient[k * area + i];
    weight /= static_cast<double>(area);
    for (std::size_t i = 0; i < area; ++i) sum[i] += weight * activation[k * area + i];
  }
  Map map{height, width, {}};
  for (const double value : sum) map.values.push_back(static_cast<float>(value > 0.0 ? value : 0.0));
  return map;
}

}  // namespace

std::vector<std::string> convolution_layers(const model::Module& network) {
  std::vector<std::string> names;
  for (const model::NamedModule& candidate : network.modules())
    if (dynamic_cast<const model::Conv2d*>(candidate.module) != nullptr) names.push_back(candidate.name);
  return names;
}

std::string last_feature_layer(model::Module& network, const engine::Shape& image,
                               const engine::Device& device) {
  const engine::NoGradGuard no_grad;
  network.set_training(false);
  std::string last;
  const std::vector<model::NamedModule> modules = network.modules();
  for (const model::NamedModule& candidate : modules) {
    candidate.module->observe([&last, &candidate](const Tensor& output) {
      if (output.rank() == 4) last = candidate.name;
      return output;
    });
  }
  try {
    (void)network(Tensor::zeros(image, {engine::DType::f32, device}));
  } catch (...) {
    for (const model::NamedModule& candidate : modules) candidate.module->observe({});
    throw;
  }
  for (const model::NamedModule& candidate : modules) candidate.module->observe({});
  XR_CHECK(!last.empty(), "the network has no layer with positions to explain");
  return last;
}

std::vector<Map> grad_cam(model::Module& network, const Tensor& images, std::span<const std::int64_t> classes,
                          const std::string& layer) {
  model::Module* module = network.find(layer);
  XR_CHECK(module != nullptr, "the network has no layer '{}': use one of {}", layer,
           fmt::join(convolution_layers(network), ", "));
  XR_CHECK(static_cast<std::int64_t>(classes.size()) == images.dim(0), "{} classes were given for {} images",
           classes.size(), images.dim(0));
  network.set_training(false);
  const Cut cut(network, *module);
  const Tensor logits = engine::cast(network(images), kernels::DType::f32);  // bf16 on some devices
  const Tensor& activation = cut.activation();
  XR_CHECK(activation.defined(), "the layer '{}' takes no part in what the network computes: use one of {}",
           layer, fmt::join(convolution_layers(network), ", "));
  XR_CHECK(activation.rank() == 4,
           "the layer '{}' has an output of shape {}, without positions: use one of {}", layer,
           activation.shape().to_string(), fmt::join(convolution_layers(network), ", "));
  const auto classes_there = static_cast<std::size_t>(logits.dim(1));
  std::vector<float> seed(classes.size() * classes_there, 0.0f);
  for (std::size_t i = 0; i < classes.size(); ++i) {
    XR_CHECK(classes[i] >= 0 && classes[i] < logits.dim(1), "class {} of a network with {}", classes[i],
             classes_there);
    seed[i * classes_there + static_cast<std::size_t>(classes[i])] = 1.0f;
  }
  // Images do not meet in evaluation, so that the row of each gives the gradient of each.
  logits.backward(Tensor::from_host(std::span<const float>(seed), logits.shape(), logits.device()));

  const std::vector<float> values = activation.to_host(), gradients = activation.grad().to_host();
  const std::size_t size = values.size() / classes.size();
  std::vector<Map> maps;
  for (std::size_t i = 0; i < classes.size(); ++i)
    maps.push_back(weighted_sum(std::span(values).subspan(i * size, size),
                                std::span(gradients).subspan(i * size, size), activation.dim(1),
                                static_cast<int>(activation.dim(2)), static_cast<int>(activation.dim(3))));
  return maps;
}

}  // namespace xr::model::explain
