#include "model/model.h"

#include <fmt/format.h>

#include "kernels/common/error_codes.h"
#include "model/initializer.h"
#include "model/networks/darkcovidnet.h"
#include "model/networks/densenet.h"
#include "model/networks/efficientnet_lite.h"
#include "model/networks/report_cnn.h"
#include "model/networks/resnet.h"
#include "model/networks/xray_resnet.h"

namespace xr::model {

namespace {

template <class Network>
std::unique_ptr<Module> make(const ModelSettings& settings, const Initializer& initializer) {
  return std::make_unique<Network>(settings, initializer);
}

template <const ResnetDepth& Depth>
std::unique_ptr<Module> make_resnet(const ModelSettings& settings, const Initializer& initializer) {
  return std::make_unique<Resnet>(settings, initializer, Depth);
}

struct Network {
  const char* name;
  std::unique_ptr<Module> (*make)(const ModelSettings&, const Initializer&);
  /// Smaller images are refused even if every layer has an output: there would be nothing to see.
  std::int64_t min_useful_size;
};

const Network networks[] = {
    {"report_cnn", make<ReportCnn>, 1},
    {"xray_resnet", make<XrayResnet>, 16},
    {"resnet18", make_resnet<resnet18>, 32},
    {"resnet34", make_resnet<resnet34>, 32},
    {"resnet50", make_resnet<resnet50>, 32},
    {"densenet121", make<Densenet121>, 32},
    {"efficientnet_lite0", make<EfficientnetLite0>, 32},
    {"darkcovidnet", make<Darkcovidnet>, 32},
};

const Network& find(const std::string& name) {
  for (const Network& network : networks)
    if (name == network.name) return network;
  throw Error(fmt::format("unknown model '{}': use {}", name, fmt::join(model_names(), ", ")));
}

/// Whether a batch of so many images of the settings' size goes through; false with an Error of that code.
bool accepts(const ModelSettings& settings, std::int64_t batch, const ErrorCode& otherwise) {
  try {
    (void)make_model_shapes(settings)->output_shape(
        {batch, settings.channels, settings.image_size, settings.image_size});
    return true;
  } catch (const Error& error) {
    if (error.code() != otherwise) throw;
    return false;
  }
}

}  // namespace

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const Network& network : networks) names.emplace_back(network.name);
  return names;
}

std::int64_t min_image_size(const ModelSettings& settings) {
  ModelSettings smallest = settings;
  smallest.image_size = find(settings.name).min_useful_size;
  while (!accepts(smallest, 2, error_code::image_too_small)) ++smallest.image_size;
  return smallest.image_size;
}

std::int64_t min_training_batch(const ModelSettings& settings) {
  return accepts(settings, 1, error_code::batch_too_small) ? 1 : 2;
}

std::vector<NamedShape> parameter_shapes(const ModelSettings& settings) {
  return make_model_shapes(settings)->parameter_shapes();
}

std::set<std::string> head_parameters(const ModelSettings& settings) {
  ModelSettings other = settings;
  ++other.classes;
  const std::vector<NamedShape> left = parameter_shapes(settings), right = parameter_shapes(other);
  std::set<std::string> names;
  for (std::size_t i = 0; i < left.size(); ++i)
    if (left[i].shape != right[i].shape) names.insert(left[i].name);
  return names;
}

std::int64_t parameter_count(const ModelSettings& settings) {
  return make_model_shapes(settings)->parameter_count();
}

std::unique_ptr<Module> make_model_shapes(const ModelSettings& settings) {
  return find(settings.name).make(settings, {.shapes_only = true});
}

std::unique_ptr<Module> make_model(const ModelSettings& settings) {
  const Network& network = find(settings.name);
  XR_CHECK(settings.channels == 1 || settings.channels == 3,
           "the number of channels is {}: use 1 (grey) or 3 (colour)", settings.channels);
  XR_CHECK(settings.classes >= 2, "a classifier needs at least 2 classes, not {}", settings.classes);
  XR_CHECK(settings.padding >= 0 && settings.padding <= 8, "the padding is {}: use 0 to 8", settings.padding);
  XR_CHECK(settings.dropout >= 0.0f && settings.dropout < 1.0f,
           "the dropout is {}: use 0 or more and less than 1", settings.dropout);
  const std::int64_t least = min_image_size(settings);
  XR_CHECK_CODE(settings.image_size >= least, error_code::image_too_small,
                "an image size of {} is too small for {}: use at least {}", settings.image_size,
                settings.name, least);
  return network.make(settings, {.seed = settings.seed, .device = settings.device});
}

}  // namespace xr::model
