#include "model/model.h"

#include <fmt/format.h>

#include "model/networks/report_cnn.h"
#include "model/networks/xray_resnet.h"

namespace xr::model {

namespace {

struct Network {
  const char* name;
  std::unique_ptr<Module> (*make)(const ModelSettings&);
  std::int64_t (*least_image_size)(const ModelSettings&);
  std::int64_t (*parameters)(const ModelSettings&);
  /// Side of the smallest output that batch norm takes.
  std::int64_t (*least_norm_extent)(const ModelSettings&);
};

std::int64_t report_cnn_least_size(const ModelSettings& settings) {
  std::int64_t size = 1;
  while (ReportCnn::final_extent(size, settings.padding) < 1) ++size;
  return size;
}

std::int64_t report_cnn_parameters(const ModelSettings& s) {
  const std::int64_t extent = ReportCnn::final_extent(s.image_size, s.padding);
  const std::int64_t convolutions = (s.channels * 9 + 1) * 32 + 2 * 32 + (32 * 9 + 1) * 64 + 2 * 64;
  return convolutions + (64 * extent * extent + 1) * 600 + 601 * 120 + 121 * s.classes;
}

std::int64_t xray_resnet_parameters(const ModelSettings& s) {
  std::int64_t count = s.channels * 25 * 32 + 2 * 32 + 257 * s.classes;
  std::int64_t in = 32;
  for (const std::int64_t out : {32, 64, 128, 256}) {
    count += 9 * out * (in + 3 * out) + 4 * 2 * out + (in != out ? in * out + 2 * out : 0);
    in = out;
  }
  return count;
}

std::int64_t report_cnn_norm_extent(const ModelSettings& s) {
  return 2 * ReportCnn::final_extent(s.image_size, s.padding);  // pooling of 2x2 follows
}

std::int64_t xray_resnet_norm_extent(const ModelSettings& s) {
  std::int64_t extent = ((s.image_size + 2 * 2 - 5) / 2 + 1) / 2;
  for (int stage = 2; stage <= 4; ++stage) extent = (extent + 2 - 3) / 2 + 1;
  return extent;
}

const Network networks[] = {
    {"report_cnn",
     [](const ModelSettings& s) -> std::unique_ptr<Module> { return std::make_unique<ReportCnn>(s); },
     report_cnn_least_size, report_cnn_parameters, report_cnn_norm_extent},
    {"xray_resnet",
     [](const ModelSettings& s) -> std::unique_ptr<Module> { return std::make_unique<XrayResnet>(s); },
     // Two halvings before pooling; the stages go on from 1 x 1. A few pixels more, so that there is
     // something to see.
     [](const ModelSettings&) -> std::int64_t { return 16; }, xray_resnet_parameters,
     xray_resnet_norm_extent},
};

const Network& find(const std::string& name) {
  for (const Network& network : networks)
    if (name == network.name) return network;
  throw Error(fmt::format("unknown model '{}': use {}", name, fmt::join(model_names(), " or ")));
}

}  // namespace

std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const Network& network : networks) names.emplace_back(network.name);
  return names;
}

std::int64_t least_image_size(const ModelSettings& settings) {
  return find(settings.name).least_image_size(settings);
}

std::int64_t least_training_batch(const ModelSettings& settings) {
  return find(settings.name).least_norm_extent(settings) > 1 ? 1 : 2;
}

std::int64_t parameter_count(const ModelSettings& settings) {
  return find(settings.name).parameters(settings);
}

std::unique_ptr<Module> make_model(const ModelSettings& settings) {
  const Network& network = find(settings.name);
  XR_CHECK(settings.channels == 1 || settings.channels == 3,
           "the number of channels is {}: use 1 (grey) or 3 (colour)", settings.channels);
  XR_CHECK(settings.classes >= 2, "a classifier needs at least 2 classes, not {}", settings.classes);
  XR_CHECK(settings.padding >= 0 && settings.padding <= 8, "the padding is {}: use 0 to 8", settings.padding);
  XR_CHECK(settings.dropout >= 0.0f && settings.dropout < 1.0f,
           "the dropout is {}: use 0 or more and less than 1", settings.dropout);
  const std::int64_t least = network.least_image_size(settings);
  XR_CHECK(settings.image_size >= least, "an image size of {} is too small for {}: use at least {}",
           settings.image_size, settings.name, least);
  return network.make(settings);
}

}  // namespace xr::model
