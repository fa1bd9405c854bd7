// Predictions for single images, with the numbers of `xrtrain predict`, and their maps.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apps/xrtrain/commands/predict_images.h"
#include "apps/xrtrain/explain/explanation.h"
#include "apps/xrtrain/run/checkpoint.h"

namespace xr::apps::serve {

struct ImagePrediction {
  std::vector<double> probabilities;          ///< of each class or label
  std::size_t best = 0;                       ///< of largest probability
  std::vector<const PredictNote*> notes;      ///< on how it was read
  std::string map_png;                        ///< the image beside its Grad-CAM map for `best`
  std::vector<explain::MapWarning> warnings;  ///< about the map
};

/// Used by one thread.
class ImagePredictor {
 public:
  /// Throws DataError.
  ImagePredictor(const std::filesystem::path& checkpoint, const kernels::Device& device);

  /// Of a file's content. Throws Error with the codes of data::decode_with_notes, and image_damaged for an image of one
  /// grey level.
  [[nodiscard]] ImagePrediction predict(std::span<const std::byte> file);
  /// The map of an image for a class, as a PNG. Throws Error.
  [[nodiscard]] std::string map_png(std::span<const std::byte> file, std::size_t class_index);

 private:
  [[nodiscard]] PredictImage read(std::span<const std::byte> file) const;
  [[nodiscard]] explain::Explanation explain_image(const data::Batch& batch, std::size_t class_index);

  kernels::Device device_;
  /// With batch norms folded into convolutions, as predict has it, and as it was trained, for maps.
  LoadedCheckpoint folded_, whole_;
  std::string layer_;
};

}  // namespace xr::apps::serve
