#include "apps/xrtrain/evaluation/evaluate.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "apps/statistics/label_metrics.h"

#include "apps/xrtrain/evaluation/views.h"
#include "apps/xrtrain/interrupt.h"
#include "engine/core/autograd.h"
#include "model/features.h"

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

data::LoaderSettings view_loader_settings(data::LoaderSettings settings) {
  settings.augment = view_settings(settings.augment, 1);
  settings.one_draw = true;
  settings.seed = view_seed;
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

double loss_of(double probability) {
  return -std::log(std::max(probability, std::numeric_limits<double>::min()));
}

}  // namespace

Evaluation evaluation_of(const SplitImages& images, std::span<const double> probabilities,
                         std::size_t classes) {
  Evaluation result;
  result.count.resize(classes);
  result.correct.resize(classes);
  for (std::size_t i = 0; i < images.targets.size(); ++i) {
    if (!data::is_known(images.targets[i])) continue;
    const bool positive = images.targets[i] >= 0.5f;
    ++result.count[i % classes];
    if ((probabilities[i] >= 0.5) == positive) ++result.correct[i % classes];
    result.loss_sum += loss_of(positive ? probabilities[i] : 1.0 - probabilities[i]);
  }
  if (!images.targets.empty()) {
    result.mean_auroc = statistics::mean_auroc({classes, probabilities, images.targets});
    return result;
  }
  for (std::size_t i = 0; i < images.labels.size(); ++i) {
    const std::span<const double> row = probabilities.subspan(i * classes, classes);
    const auto label = static_cast<std::size_t>(images.labels[i]);
    ++result.count[label];
    if (static_cast<std::size_t>(std::ranges::max_element(row) - row.begin()) == label)
      ++result.correct[label];
    result.loss_sum += loss_of(row[label]);
  }
  return result;
}

EvaluationSplit::EvaluationSplit(std::string name, std::shared_ptr<const data::ImageSet> images,
                                 const Preprocessing& preprocessing, std::int64_t image_size,
                                 std::int64_t batch_size, std::int64_t workers, std::size_t classes,
                                 const kernels::Device& device, std::int64_t views,
                                 engine::Communicator* communicator)
    : name_(std::move(name)),
      images_(std::move(images)),
      listed_(list_images(*images_)),
      classes_(classes),
      views_(views),
      loading_(loader_settings(preprocessing, image_size, batch_size, workers)),
      device_(device),
      shared_(*images_, batch_size, communicator),
      batches_(image_batches()) {
  if (views_ > 1 && batches_)
    view_batches_ = BatchSource::make(shared_.own(), view_loader_settings(loading_), device);
}

EvaluationSplit::EvaluationSplit(std::string name, data::ImageSet images, const Preprocessing& preprocessing,
                                 std::int64_t image_size, std::int64_t batch_size, std::int64_t workers,
                                 std::size_t classes, const kernels::Device& device, std::int64_t views,
                                 engine::Communicator* communicator)
    : EvaluationSplit(std::move(name), std::make_shared<const data::ImageSet>(std::move(images)),
                      preprocessing, image_size, batch_size, workers, classes, device, views, communicator) {}

std::unique_ptr<BatchSource> EvaluationSplit::image_batches() const {
  if (shared_.are_shared() && shared_.own().count() == 0) return nullptr;
  return BatchSource::make(shared_.own(), loading_, device_);
}

// Features of all images are computed by every rank: how they are cut into batches depends on what is in its cache.
void EvaluationSplit::use_features(FeatureExtractor& extractor) {
  if (uses_features_) return;
  uses_features_ = true;
  const std::shared_ptr<const Features> features = extractor.extract(name_.c_str(), *images_, loading_);
  if (batches_) batches_ = make_feature_batches(shared_.own(), shared_.own_part(features), loading_, device_);
}

void EvaluationSplit::use_images() {
  if (uses_features_) batches_ = image_batches();
  uses_features_ = false;
}

void EvaluationSplit::feed(
    model::Module& network, std::int64_t view, Console& console,
    const std::function<void(std::span<const float> logits, const data::Truth& truth)>& use) {
  const engine::NoGradGuard no_grad;
  network.set_training(false);
  BatchSource* const batches = view == 0 ? batches_.get() : view_batches_.get();
  const std::size_t count = images_->count(), before = static_cast<std::size_t>(view) * count;
  std::size_t done = 0;
  std::vector<float> own;  // logits of this rank, where there are several
  if (batches != nullptr) batches->start_epoch(static_cast<std::uint64_t>(view));
  while (batches != nullptr && batches->load_next()) {
    batches->make_images();
    const model::FromFeatures from(network, batches->modules_done());
    const std::vector<float> logits = network(batches->images()).to_host();
    const data::Truth truth = batches->truth();
    if (shared_.are_shared())
      own.insert(own.end(), logits.begin(), logits.end());
    else
      use(logits, truth);
    done = std::min(count, done + truth.images() * static_cast<std::size_t>(shared_.ranks()));
    console.progress(name_ == "test" ? "Test" : "Validation", before + done,
                     static_cast<std::size_t>(views_) * count);
    if (interrupted()) throw Interrupted("interrupted while evaluating");
  }
  if (shared_.are_shared()) use(shared_.gather(own, classes_), {images_->labels, images_->targets});
}

std::vector<double> EvaluationSplit::mean_probabilities(model::Module& network, double temperature,
                                                        Console& console) {
  const bool labels = images_->task() == data::Task::multi_label;
  std::vector<double> sums(images_->count() * classes_);
  for (std::int64_t view = 0; view < views_; ++view) {
    std::size_t next = 0;  // the images come in the order of the set
    feed(network, view, console, [&](std::span<const float> logits, const data::Truth& /*truth*/) {
      for (std::size_t i = 0; labels && i < logits.size(); ++i)
        sums[next++] += sigmoid(logits[i], temperature);
      for (std::size_t i = 0; !labels && i < logits.size(); i += classes_)
        for (const double p : probabilities(logits.subspan(i, classes_), temperature)) sums[next++] += p;
    });
  }
  for (double& value : sums) value /= static_cast<double>(views_);
  return sums;
}

Evaluation EvaluationSplit::run(model::Module& network, Console& console,
                                std::vector<double>* class_probabilities) {
  if (views_ > 1) {
    std::vector<double> mean = mean_probabilities(network, 1.0, console);
    Evaluation result = evaluation_of(*listed_, mean, classes_);
    if (class_probabilities != nullptr) *class_probabilities = std::move(mean);
    return result;
  }
  Evaluation result;
  result.count.resize(classes_);
  result.correct.resize(classes_);
  std::vector<double> label_probabilities;
  feed(network, 0, console, [&](std::span<const float> logits, const data::Truth& truth) {
    if (truth.targets.empty())
      add_classes(logits, truth.classes, result, class_probabilities);
    else
      add_labels(logits, truth.targets, result, label_probabilities);
  });
  if (images_->task() == data::Task::multi_label) {
    result.mean_auroc = statistics::mean_auroc({classes_, label_probabilities, images_->targets});
    if (class_probabilities != nullptr) *class_probabilities = std::move(label_probabilities);
  }
  return result;
}

}  // namespace xr::apps
