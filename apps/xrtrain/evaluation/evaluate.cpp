#include "apps/xrtrain/evaluation/evaluate.h"

#include <algorithm>

#include "apps/statistics/label_metrics.h"

#include "apps/xrtrain/interrupt.h"
#include "engine/core/autograd.h"
#include "model/feature_extractor.h"

namespace xr::apps {

namespace {

data::LoaderSettings loader_settings(const Preprocessing& preprocessing, std::int64_t image_size,
                                     std::int64_t batch_size, std::int64_t workers) {
  data::LoaderSettings settings;
  settings.batch_size = static_cast<int>(batch_size);
  settings.augment = preprocessing.evaluation_augment;
  settings.image_size = static_cast<int>(image_size);
  settings.workers = static_cast<int>(workers);
  return settings;
}

std::shared_ptr<const SplitImages> list_images(const data::ImageSet& images) {
  auto list = std::make_shared<SplitImages>();
  for (const data::Sample& sample : images.samples) {
    list->paths.push_back(sample.path);
    list->patients.push_back(sample.group);
  }
  for (const std::uint64_t fingerprint : images.fingerprints)
    list->fingerprints.push_back(
        fmt::format("{}-{:016x}", images.channels == 1 ? "grey" : "colour", fingerprint));
  list->labels = images.labels;
  list->targets = images.targets;
  return list;
}

void add_classes(std::span<const float> logits, std::span<const std::int64_t> labels, Evaluation& result,
                 std::vector<double>* class_probabilities) {
  const std::size_t classes = result.count.size();
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::span<const float> row = logits.subspan(i * classes, classes);
    const auto label = static_cast<std::size_t>(labels[i]);
    ++result.count[label];
    if (predicted_class(row) == label) ++result.correct[label];
    result.loss_sum += cross_entropy_of(row, label);
    if (class_probabilities == nullptr) continue;
    const std::vector<double> of_image = probabilities(row);
    class_probabilities->insert(class_probabilities->end(), of_image.begin(), of_image.end());
  }
}

void add_labels(std::span<const float> logits, std::span<const float> targets, Evaluation& result,
                std::vector<double>& label_probabilities) {
  const std::size_t labels = result.count.size();
  for (std::size_t i = 0; i < targets.size(); ++i) {
    label_probabilities.push_back(sigmoid(logits[i]));
    if (!data::is_known(targets[i])) continue;
    ++result.count[i % labels];
    if ((logits[i] >= 0.0f) == (targets[i] >= 0.5f)) ++result.correct[i % labels];
    result.loss_sum += binary_cross_entropy_of(logits[i], targets[i]);
  }
}

}  // namespace

EvaluationSplit::EvaluationSplit(std::string name, data::ImageSet images, const Preprocessing& preprocessing,
                                 std::int64_t image_size, std::int64_t batch_size, std::int64_t workers,
                                 std::size_t classes, const kernels::Device& device)
    : name_(std::move(name)),
      images_(std::move(images)),
      listed_(list_images(images_)),
      classes_(classes),
      loading_(loader_settings(preprocessing, image_size, batch_size, workers)),
      device_(device),
      batches_(BatchSource::make(images_, loading_, device)) {}

void EvaluationSplit::use_features(FeatureExtractor& extractor) {
  if (batches_->modules_done() > 0) return;
  batches_ =
      make_feature_batches(images_, extractor.extract(name_.c_str(), images_, loading_), loading_, device_);
}

void EvaluationSplit::use_images() {
  if (batches_->modules_done() > 0) batches_ = BatchSource::make(images_, loading_, device_);
}

Evaluation EvaluationSplit::run(model::Module& network, Console& console,
                                std::vector<double>* class_probabilities) {
  const engine::NoGradGuard no_grad;
  network.set_training(false);
  Evaluation result;
  result.count.resize(classes_);
  result.correct.resize(classes_);
  std::vector<double> label_probabilities;
  std::size_t done = 0;
  batches_->start_epoch(0);
  while (batches_->load_next()) {
    batches_->make_images();
    const model::FromFeatures from(network, batches_->modules_done());
    const std::vector<float> logits = network(batches_->images()).to_host();
    const data::Truth truth = batches_->truth();
    if (truth.targets.empty())
      add_classes(logits, truth.classes, result, class_probabilities);
    else
      add_labels(logits, truth.targets, result, label_probabilities);
    done += truth.images();
    console.progress(name_ == "test" ? "Test" : "Validation", done, images_.count());
    if (interrupted()) throw Interrupted("interrupted while evaluating");
  }
  if (images_.task() == data::Task::multi_label) {
    result.mean_auroc = statistics::mean_auroc({classes_, label_probabilities, images_.targets});
    if (class_probabilities != nullptr) *class_probabilities = std::move(label_probabilities);
  }
  return result;
}

}  // namespace xr::apps
