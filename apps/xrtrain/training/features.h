// Features of images: what the frozen part of a network makes of them, computed once and kept, so that an epoch trains
// the head alone on them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "apps/xrtrain/console.h"
#include "apps/xrtrain/training/batch_source.h"
#include "apps/xrtrain/training/dataset.h"
#include "model/module.h"

namespace xr::apps {

/// The features of the images of a split, in the order of the set.
struct Features {
  std::size_t modules = 0;                   ///< leading modules of the network that made them
  std::int64_t width = 0;                    ///< numbers of an image
  engine::DType dtype = engine::DType::f32;  ///< that the head takes
  std::vector<float> values;                 ///< images x width
};

/// Why the features of a run with a frozen backbone cannot be computed once; empty if they can. They can where every
/// epoch has the same ones: without augmentation, with a head that takes vectors, and dropouts in the head alone.
[[nodiscard]] std::string why_not_cached(const TrainOptions& options, const model::Module& network);

/// Computes features, or takes them from a file of the cache. The values are those that the network computes in
/// training: equal to the bit on the CPU, where the result of an image does not depend on the others of its batch.
class FeatureExtractor {
 public:
  /// `network`, options and console outlive it. With options.cache features are kept for the next run, by the content
  /// of image, weights and settings.
  FeatureExtractor(model::Module& network, const model::ModelSettings& settings, const TrainOptions& options,
                   Console& console);

  /// Of all images, as the network's weights are now. `split` is a name for people, `settings` say what is made of the
  /// bytes of an image, and how many images are computed at a time. Throws Interrupted after a signal.
  [[nodiscard]] std::shared_ptr<const Features> extract(const char* split, const data::ImageSet& images,
                                                        const data::LoaderSettings& settings);

 private:
  model::Module& network_;
  model::ModelSettings settings_;
  std::size_t modules_;
  const TrainOptions& options_;
  Console& console_;
};

/// Freezes all but the head. The extractor of what is frozen, or null, and a line that says why, where features cannot
/// be computed once.
[[nodiscard]] std::unique_ptr<FeatureExtractor> freeze_backbone(model::Module& network,
                                                                const model::ModelSettings& settings,
                                                                const TrainOptions& options,
                                                                Console& console);

/// Batches with features in the place of images, in the order that the settings give the images.
[[nodiscard]] std::unique_ptr<BatchSource> make_feature_batches(const data::ImageSet& images,
                                                                std::shared_ptr<const Features> features,
                                                                const data::LoaderSettings& settings,
                                                                const kernels::Device& device);

}  // namespace xr::apps
