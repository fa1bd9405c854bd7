// Running a network over images without changing it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apps/xrtrain/console.h"
#include "apps/xrtrain/evaluation/metrics.h"
#include "apps/xrtrain/evaluation/predictions.h"
#include "apps/xrtrain/evaluation/shared_batches.h"
#include "apps/xrtrain/training/batch_source.h"
#include "apps/xrtrain/training/dataset.h"
#include "apps/xrtrain/training/features.h"
#include "model/module.h"

namespace xr::apps {

/// Images at a time after a training with batches of `training_batch`, and in each later evaluation of the run: sums are
/// rounded as the shape of a batch has it, so that another size gives other last digits.
[[nodiscard]] constexpr std::int64_t evaluation_batch(std::int64_t training_batch) {
  return std::max<std::int64_t>(training_batch, 32);
}

/// The images of one split, ready to be evaluated on again and again.
class EvaluationSplit {
 public:
  /// `name`: "validation" or "test". For networks on `device`. `views` of each image (views.h) are averaged. The ranks of
  /// `communicator` (null: this process alone) compute the batches together: each has a split of the same images, calls
  /// the same functions, and gets all results.
  EvaluationSplit(std::string name, std::shared_ptr<const data::ImageSet> images,
                  const Preprocessing& preprocessing, std::int64_t image_size, std::int64_t batch_size,
                  std::int64_t workers, std::size_t classes, const kernels::Device& device,
                  std::int64_t views = 1, engine::Communicator* communicator = nullptr);
  EvaluationSplit(std::string name, data::ImageSet images, const Preprocessing& preprocessing,
                  std::int64_t image_size, std::int64_t batch_size, std::int64_t workers, std::size_t classes,
                  const kernels::Device& device, std::int64_t views = 1,
                  engine::Communicator* communicator = nullptr);
  EvaluationSplit(const EvaluationSplit&) = delete;
  EvaluationSplit& operator=(const EvaluationSplit&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const data::ImageSet& images() const { return *images_; }

  /// Paths and labels, in the order of the probabilities.
  [[nodiscard]] std::shared_ptr<const SplitImages> listed() const { return listed_; }

  /// From now on `run` takes features of the images, which are computed now. Throws Interrupted after a signal. Not with
  /// several views.
  void use_features(FeatureExtractor& extractor);
  /// From now on `run` takes the images.
  void use_images();

  /// Sets the network to evaluation; the caller sets it back. `class_probabilities`, if given, gets images x
  /// classes. Throws Interrupted after a signal.
  [[nodiscard]] Evaluation run(model::Module& network, Console& console,
                               std::vector<double>* class_probabilities = nullptr);

  /// images x classes: of each image the mean over its views of softmax(logits / temperature), of several labels of
  /// the sigmoid. Otherwise as run().
  [[nodiscard]] std::vector<double> mean_probabilities(model::Module& network, double temperature,
                                                       Console& console);

 private:
  [[nodiscard]] std::unique_ptr<BatchSource> image_batches() const;
  /// Calls `use` with the logits and the truth of the images of a view, some or all of them at a time.
  void feed(model::Module& network, std::int64_t view, Console& console,
            const std::function<void(std::span<const float> logits, const data::Truth& truth)>& use);

  std::string name_;
  std::shared_ptr<const data::ImageSet> images_;
  std::shared_ptr<const SplitImages> listed_;
  std::size_t classes_;
  std::int64_t views_;
  data::LoaderSettings loading_;
  kernels::Device device_;
  SharedBatches shared_;
  std::unique_ptr<BatchSource> batches_;       // of this rank; null where it has none
  std::unique_ptr<BatchSource> view_batches_;  // of all views but the first; or none
  bool uses_features_ = false;
};

/// Results of probabilities, images x classes: right is the class of largest probability (of a label, the side of
/// 0.5), the loss is the mean of -log of the truth's probability, which is at least the smallest double.
[[nodiscard]] Evaluation evaluation_of(const SplitImages& images, std::span<const double> probabilities,
                                       std::size_t classes);

/// What one checkpoint reached on one split.
struct CheckpointResult {
  std::int64_t epoch = 0;
  std::string split;
  Evaluation evaluation;
  SplitPredictions predictions;

  /// Whether the images have labels instead of a class.
  [[nodiscard]] bool has_labels() const { return !predictions.images->targets.empty(); }
};

}  // namespace xr::apps
