#include "apps/xrtrain/serve/image_predictor.h"

#include <algorithm>

#include "apps/xrtrain/evaluation/metrics.h"
#include "apps/xrtrain/training/batch_source.h"
#include "data/dataset/stored_image.h"
#include "engine/core/autograd.h"
#include "kernels/common/error_codes.h"
#include "model/explain/grad_cam.h"
#include "model/fold_batch_norms.h"

namespace xr::apps::serve {

namespace {

std::string png_of(const explain::Explanation& explanation) {
  const std::vector<std::byte> png = data::encode_png(explain::picture_of(explanation));
  return {reinterpret_cast<const char*>(png.data()), png.size()};
}

}  // namespace

ImagePredictor::ImagePredictor(const std::filesystem::path& checkpoint, const kernels::Device& device)
    : device_(device),
      folded_(load_checkpoint(checkpoint, device)),
      whole_(load_checkpoint(checkpoint, device)) {
  const model::ModelSettings& settings = folded_.info.model;
  folded_.network->set_training(false);
  whole_.network->set_training(false);
  model::fold_batch_norms(*folded_.network, {settings.channels, settings.image_size, settings.image_size});
  layer_ = model::explain::last_feature_layer(
      *whole_.network, {1, settings.channels, settings.image_size, settings.image_size}, device);
}

PredictImage ImagePredictor::read(std::span<const std::byte> file) const {
  const data::StoredFormat& format = folded_.info.format;
  const data::DecodedImage decoded = data::decode_with_notes(file, format.channels, {}, format.depths);
  if (const std::string reason = data::blank_reason(decoded.notes); !reason.empty())
    throw Error(error_code::image_damaged, fmt::format("the image cannot be predicted: {}", reason));
  return {{}, data::stored_pixels(decoded.image, format), predict_notes(decoded.notes)};
}

ImagePrediction ImagePredictor::predict(std::span<const std::byte> file) {
  const PredictImage image = read(file);
  const data::Batch batch = make_batch(std::span(&image, 1), folded_.info);
  std::vector<float> logits;
  {
    const engine::NoGradGuard no_grad;
    logits = (*folded_.network)(to_tensor(batch, device_)).to_host();
  }
  ImagePrediction result;
  if (folded_.info.task == data::Task::multi_label)
    for (const float logit : logits) result.probabilities.push_back(sigmoid(logit, 1.0));
  else
    result.probabilities = probabilities(logits, 1.0);
  result.best =
      static_cast<std::size_t>(std::ranges::max_element(result.probabilities) - result.probabilities.begin());
  result.notes = image.notes;
  const explain::Explanation explanation = explain_image(batch, result.best);
  result.map_png = png_of(explanation);
  result.warnings = explain::warnings_about(explanation);
  return result;
}

std::string ImagePredictor::map_png(std::span<const std::byte> file, std::size_t class_index) {
  const PredictImage image = read(file);
  return png_of(explain_image(make_batch(std::span(&image, 1), whole_.info), class_index));
}

explain::Explanation ImagePredictor::explain_image(const data::Batch& batch, std::size_t class_index) {
  const std::int64_t wanted[] = {static_cast<std::int64_t>(class_index)};
  return explain::explain(*whole_.network, whole_.info, batch, wanted, {layer_}, device_).front();
}

}  // namespace xr::apps::serve
