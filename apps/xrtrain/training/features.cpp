#include "apps/xrtrain/training/features.h"

#include <algorithm>

#include "apps/xrtrain/interrupt.h"
#include "apps/xrtrain/options/option_table.h"
#include "apps/xrtrain/run/image_cache_folder.h"
#include "apps/xrtrain/training/feature_file.h"
#include "data/content_hash.h"
#include "engine/ops/cast.h"
#include "model/features.h"

namespace xr::apps {

namespace {

class FeatureBatches final : public BatchSource {
 public:
  FeatureBatches(const data::ImageSet& images, std::shared_ptr<const Features> features,
                 const data::LoaderSettings& settings, const kernels::Device& device)
      : set_(images), features_(std::move(features)), settings_(settings), device_(device) {
    data::check_loader(images, settings);
  }

  std::size_t batch_count() const override { return data::batch_count(set_, settings_); }
  void start_epoch(std::uint64_t epoch, std::size_t first_batch) override {
    order_ = data::epoch_order(set_.count(), settings_, epoch);
    next_ = std::min(order_.size(), first_batch * static_cast<std::size_t>(settings_.batch_size));
  }
  bool load_next() override {
    const std::size_t end = std::min(order_.size(), next_ + static_cast<std::size_t>(settings_.batch_size));
    if (next_ == end) return false;
    const auto width = static_cast<std::size_t>(features_->width);
    std::vector<float> values;
    classes_.clear();
    targets_.clear();
    for (; next_ < end; ++next_) {
      const std::size_t image = order_[next_];
      const auto row = features_->values.begin() + static_cast<std::ptrdiff_t>(image * width);
      values.insert(values.end(), row, row + static_cast<std::ptrdiff_t>(width));
      classes_.push_back(set_.labels[image]);
      const std::span<const float> targets = set_.targets_of(image);
      targets_.insert(targets_.end(), targets.begin(), targets.end());
    }
    const auto count = static_cast<std::int64_t>(classes_.size());
    batch_ = engine::cast(
        engine::Tensor::from_host(std::span<const float>(values), {count, features_->width}, device_),
        features_->dtype);
    labels_ =
        targets_.empty()
            ? engine::Tensor::from_host(std::span<const std::int64_t>(classes_), {count}, device_)
            : engine::Tensor::from_host(std::span<const float>(targets_),
                                        {count, static_cast<std::int64_t>(targets_.size()) / count}, device_);
    return true;
  }
  void make_images() override {}
  const engine::Tensor& images() const override { return batch_; }
  std::size_t modules_done() const override { return features_->modules; }
  const engine::Tensor& labels() const override { return labels_; }
  data::Truth truth() const override { return {classes_, targets_}; }

 private:
  const data::ImageSet& set_;
  std::shared_ptr<const Features> features_;
  data::LoaderSettings settings_;
  kernels::Device device_;
  std::vector<std::size_t> order_;
  std::size_t next_ = 0;
  engine::Tensor batch_, labels_;
  std::vector<std::int64_t> classes_;
  std::vector<float> targets_;
};

/// The images at these positions, without their labels' targets.
data::ImageSet images_at(const data::ImageSet& images, const std::vector<std::size_t>& positions) {
  data::ImageSet part;
  part.channels = images.channels;
  part.size = images.size;
  for (const std::size_t i : positions) {
    part.rows.push_back(images.image(i).data());
    part.labels.push_back(0);
  }
  return part;
}

std::vector<std::uint64_t> hashes_of(const data::ImageSet& images) {
  std::vector<std::uint64_t> hashes;
  for (std::size_t i = 0; i < images.count(); ++i)
    hashes.push_back(data::content_hash(std::as_bytes(images.image(i))));
  return hashes;
}

}  // namespace

std::string why_not_cached(const TrainOptions& options, const model::Module& network) {
  if (!options.cache_features) return "--no-cache-features";
  if (options.augment != Augmentation::none)
    return fmt::format("every epoch sees other images with --augment {}; use --augment none",
                       option_text(options, "augment"));
  const std::size_t modules = model::feature_module_count(network);
  const engine::Shape images{2, options.channels, options.image_size, options.image_size};
  if (modules == 0 || model::feature_shape(network, modules, images).rank() != 2)
    return fmt::format("the head of {} takes maps instead of vectors", options.model);
  return {};
}

FeatureExtractor::FeatureExtractor(model::Module& network, const model::ModelSettings& settings,
                                   const TrainOptions& options, Console& console)
    : network_(network),
      settings_(settings),
      modules_(model::feature_module_count(network)),
      options_(options),
      console_(console) {}

std::shared_ptr<const Features> FeatureExtractor::extract(const char* split, const data::ImageSet& images,
                                                          const data::LoaderSettings& settings) {
  auto features = std::make_shared<Features>();
  features->modules = modules_;
  const engine::Shape shape = model::feature_shape(
      network_, modules_, {2, settings_.channels, settings.image_size, settings.image_size});
  features->width = shape[1];
  const auto width = static_cast<std::size_t>(features->width);
  features->values.resize(images.count() * width);

  const std::filesystem::path folder = options_.cache ? image_cache_folder() : std::filesystem::path();
  const std::string key =
      feature_key(network_, modules_, settings_, settings,
                  option_text(options_, "precision") + " " + option_text(options_, "kernels"));
  const std::vector<std::uint64_t> hashes = hashes_of(images);
  FeatureFile file = read_feature_file(folder, key, features->width);
  features->dtype = file.dtype;
  std::vector<std::size_t> missing;
  for (std::size_t i = 0; i < images.count(); ++i) {
    const auto row = file.rows.find(hashes[i]);
    if (row == file.rows.end())
      missing.push_back(i);
    else
      std::ranges::copy(row->second, features->values.begin() + static_cast<std::ptrdiff_t>(i * width));
  }
  if (!missing.empty()) {
    const data::ImageSet part = images_at(images, missing);
    data::LoaderSettings in_order = settings;
    in_order.shuffle = false;
    const auto batches = BatchSource::make(part, in_order, settings_.device);
    batches->start_epoch(0);
    for (std::size_t done = 0; batches->load_next();) {
      batches->make_images();
      const engine::Tensor result = model::compute_features(network_, modules_, batches->images());
      features->dtype = file.dtype = result.dtype();
      const std::vector<float> values = engine::cast(result, engine::DType::f32).to_host();
      for (std::size_t row = 0; row < batches->truth().images(); ++row, ++done) {
        const std::size_t image = missing[done];
        const auto begin = values.begin() + static_cast<std::ptrdiff_t>(row * width);
        std::copy_n(begin, width, features->values.begin() + static_cast<std::ptrdiff_t>(image * width));
        file.rows[hashes[image]].assign(begin, begin + static_cast<std::ptrdiff_t>(width));
      }
      console_.progress("Computing features", done, missing.size());
      if (interrupted()) throw Interrupted("interrupted while computing features");
    }
    write_feature_file(folder, key, features->width, file);
  }
  console_.line(fmt::format("Features of {} {} images: {} computed, {} from the cache", images.count(), split,
                            missing.size(), images.count() - missing.size()));
  return features;
}

std::unique_ptr<FeatureExtractor> freeze_backbone(model::Module& network,
                                                  const model::ModelSettings& settings,
                                                  const TrainOptions& options, Console& console) {
  network.freeze_except(model::head_parameters(settings));
  const std::string why = why_not_cached(options, network);
  if (why.empty()) return std::make_unique<FeatureExtractor>(network, settings, options, console);
  console.line(fmt::format("Features of the frozen backbone are computed in every epoch: {}", why));
  return nullptr;
}

std::unique_ptr<BatchSource> make_feature_batches(const data::ImageSet& images,
                                                  std::shared_ptr<const Features> features,
                                                  const data::LoaderSettings& settings,
                                                  const kernels::Device& device) {
  return std::make_unique<FeatureBatches>(images, std::move(features), settings, device);
}

}  // namespace xr::apps
