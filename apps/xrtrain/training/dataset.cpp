#include "apps/xrtrain/training/dataset.h"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <functional>

#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/interrupt.h"
#include "apps/xrtrain/options/data_folders.h"
#include "apps/xrtrain/run/image_cache_folder.h"
#include "apps/xrtrain/warning_id.h"
#include "data/content_hash.h"
#include "data/dataset/folds.h"
#include "engine/io/file.h"

namespace xr::apps {

namespace {

/// What goes wrong with the data is a DataError; an error of another rank stays what it is.
data::ImageSet load_or_throw(const std::function<data::ImageSet()>& load) {
  try {
    return load();
  } catch (const Error& error) {
    if (error.code() == engine::rank_failed || error.code() == engine::rank_silent) throw;
    throw DataError(error.code(), error.what(), error.where());
  } catch (const std::filesystem::filesystem_error& error) {
    throw DataError(error.what());
  }
}

}  // namespace

const std::vector<std::string>& mask_names() {
  static const std::vector<std::string> names = {"none", "middle", "border"};
  return names;
}

data::Mask mask_named(const std::string& name) {
  const auto found = std::find(mask_names().begin(), mask_names().end(), name);
  XR_CHECK(found != mask_names().end(), "the mask '{}' is not one of {}", text::one_line(name),
           fmt::join(mask_names(), ", "));
  return static_cast<data::Mask>(found - mask_names().begin());
}

Preprocessing make_preprocessing(const TrainOptions& options) {
  const int size = static_cast<int>(options.image_size), channels = static_cast<int>(options.channels);
  Preprocessing result;
  if (options.augment == Augmentation::report) {
    // Training images: resized to 256 x 256, random crops to 224. Test images: short side to 224, centre
    // crop.
    const int stored = static_cast<int>(std::lround(size * 256.0 / 224.0));
    result.train = {data::StoredShape::square, stored, channels};
    result.evaluation = {data::StoredShape::short_side, size, channels};
    result.train_augment = data::AugmentSettings::report();
  } else {
    result.train = result.evaluation = {data::StoredShape::square, size, channels};
    result.train_augment =
        options.augment == Augmentation::mild ? data::AugmentSettings::mild() : data::AugmentSettings::none();
  }
  result.evaluation_augment = data::AugmentSettings::none();
  result.train.mask = result.evaluation.mask = options.mask;
  return result;
}

void set_normalization(Preprocessing& preprocessing, const PixelStatistics& statistics) {
  for (data::AugmentSettings* augment : {&preprocessing.train_augment, &preprocessing.evaluation_augment}) {
    augment->mean = statistics.mean;
    augment->deviation = statistics.deviation;
  }
}

PixelStatistics pixel_statistics(const data::ImageSet& images) {
  PixelStatistics result;
  const data::PixelSummary summary = images.summary ? *images.summary : data::summarize(images);
  const auto count = static_cast<double>(images.count() * images.size * images.size);
  for (std::size_t c = 0; c < static_cast<std::size_t>(images.channels); ++c) {
    const double mean = static_cast<double>(summary.sums[c]) / count;
    const double variance = static_cast<double>(summary.squares[c]) / count - mean * mean;
    result.mean[c] = static_cast<float>(mean / 255.0);
    // An image set of one grey level has nothing to scale.
    result.deviation[c] = variance > 0.01 ? static_cast<float>(std::sqrt(variance) / 255.0) : 1.0f;
  }
  return result;
}

std::string identity_of(const data::ImageSet& images) {
  std::uint64_t hash = images.summary ? images.summary->hash : data::summarize(images).hash;
  hash = data::content_hash(std::as_bytes(std::span(images.labels)), hash);
  if (!images.targets.empty()) hash = data::content_hash(std::as_bytes(std::span(images.targets)), hash);
  for (const data::Sample& sample : images.samples)
    hash = data::content_hash(std::as_bytes(std::span(sample.path)), hash);
  return fmt::format("{} images {:016x}", images.count(), hash);
}

std::vector<float> balanced_class_weights(const data::ImageSet& images, std::size_t classes) {
  std::vector<std::int64_t> counts(classes);
  for (const std::int64_t label : images.labels) ++counts[static_cast<std::size_t>(label)];
  std::vector<float> weights;
  for (const std::int64_t count : counts)
    weights.push_back(static_cast<float>(static_cast<double>(images.count()) /
                                         (static_cast<double>(classes) * static_cast<double>(count))));
  return weights;
}

std::vector<float> balanced_label_weights(const data::ImageSet& images, std::size_t labels) {
  std::vector<float> weights;
  for (const LabelCount& count : count_labels(images, labels))
    weights.push_back(count.positive == 0
                          ? 1.0f
                          : std::min(max_label_weight, static_cast<float>(count.known - count.positive) /
                                                           static_cast<float>(count.positive)));
  return weights;
}

std::vector<LabelCount> count_labels(const data::ImageSet& images, std::size_t labels) {
  std::vector<LabelCount> counts(labels);
  for (std::size_t i = 0; i < images.targets.size(); ++i) {
    if (!data::is_known(images.targets[i])) continue;
    ++counts[i % labels].known;
    if (images.targets[i] > 0.5f) ++counts[i % labels].positive;
  }
  return counts;
}

data::Dataset find_dataset(const TrainOptions& options, Console& console) {
  data::Dataset dataset = errors_as<DataError>([&] {
    data::SplitSettings settings;
    const bool folds = !options.fold.empty();
    settings.validation_fraction = folds ? 0.0 : options.val_fraction;
    settings.seed = static_cast<std::uint64_t>(options.seed);
    settings.groups = {options.groups, options.group_regex};
    settings.split_by_group = options.split_by_group;
    settings.skip_folders = skip_folders_of(options.skip_folders);
    settings.labels = label_settings(options);
    settings.scan_progress = listing_progress(console);
    if (folds) settings.min_patients_of_class = static_cast<std::size_t>(fold_settings(options).folds) + 1;
    data::Dataset whole = data::read_image_folder(options.data, settings);
    return folds ? data::take_fold(whole, fold_settings(options)) : whole;
  });
  check_class_names(dataset.class_names);
  return dataset;
}

void check_class_names(const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (!text::is_utf8(name))
      throw DataError(fmt::format("the class folder {} has a name that is not UTF-8: rename it",
                                  engine::quote_name(name)));
}

data::Progress listing_progress(Console& console) {
  return [&console](std::size_t done, std::size_t total) { console.progress("Listing files", done, total); };
}

void require_same_samples(Ranks& ranks, const std::vector<data::Sample>& samples) {
  if (!ranks.are_several()) return;
  std::vector<SharedFact> facts;  // of each image: the first that differs is named
  std::uint64_t hash = 0;
  for (const data::Sample& sample : samples) {
    facts.emplace_back("images", fmt::format("{}, class {}", sample.path, sample.class_index));
    for (const float target : sample.targets) facts.back().second += fmt::format(" {:g}", target);
    hash = data::content_hash(std::as_bytes(std::span(facts.back().second)), hash);
  }
  std::vector<std::uint64_t> hashes(static_cast<std::size_t>(ranks.size()));
  ranks.communicator()->all_gather(std::as_bytes(std::span(&hash, 1)),
                                   std::as_writable_bytes(std::span(hashes)));
  if (std::ranges::all_of(hashes, [&](std::uint64_t other) { return other == hash; })) return;
  facts.emplace_back("images", fmt::format("{} files", samples.size()));
  ranks.require_same(facts);
}

data::ImageSet load_split(const data::Dataset& dataset, const std::vector<data::Sample>& samples,
                          const data::StoredFormat& format, const DecodeOptions& options, Console& console) {
  const bool are_shared = options.ranks != nullptr && options.ranks->are_several();
  if (are_shared) require_same_samples(*options.ranks, samples);
  if (samples.empty()) return {};
  data::LoadSettings settings;
  settings.format = format;
  settings.workers = static_cast<int>(options.workers);
  if (are_shared) {
    settings.ranks = options.ranks->communicator();
    settings.workers = options.ranks->own_workers(settings.workers);
  }
  settings.strict = options.strict;
  settings.require_classes = options.require_classes;
  if (options.cache) settings.cache_directory = image_cache_folder();
  settings.progress = [&](std::size_t done, std::size_t total) {
    console.progress("Decoding images", done, total);
    if (interrupted()) throw Interrupted("interrupted while decoding images");
  };
  settings.cache_progress = [&](std::size_t done, std::size_t total) {
    console.progress("Reading the cache", done, total);
    if (interrupted()) throw Interrupted("interrupted while reading the cache");
  };
  data::ImageSet images = load_or_throw(
      [&] { return data::load_images(dataset.directory, samples, dataset.class_names, settings); });
  if (images.decoded > 0 && are_shared)
    console.detail(fmt::format("Files decoded by each rank: {}; images received by rank 0: {}",
                               fmt::join(images.decoded_by, ", "), text::size_text(images.received_bytes)));
  for (const std::string& warning : images.warnings)
    console.warn(warning_id::cache_not_written,
                 warning + "; name another folder in XRTRAIN_CACHE, or use --no-cache");
  return images;
}

LoadedSplits load_splits(const data::Dataset& dataset, const Preprocessing& preprocessing,
                         DecodeOptions options, Console& console) {
  LoadedSplits splits;
  std::vector<data::LoadedPart> parts;  // of one set of images
  const auto load = [&](const std::vector<data::Sample>& samples, const data::StoredFormat& format,
                        bool split_off, data::ImageSet& into) {
    options.require_classes = !split_off;
    into = load_split(dataset, samples, format, options, console);
    if (split_off) parts.push_back({samples, &into});
  };
  const bool splits_off = dataset.test_split_by_program || dataset.validation_split_by_program;
  load(dataset.train, preprocessing.train, splits_off, splits.train);
  load(dataset.validation, preprocessing.evaluation, dataset.validation_split_by_program, splits.validation);
  load(dataset.test, preprocessing.evaluation, dataset.test_split_by_program, splits.test);
  errors_as<DataError>([&] { data::require_classes(parts, dataset.class_names); });
  return splits;
}

std::string class_counts_text(const data::ImageSet& images, const std::vector<std::string>& class_names) {
  if (images.task() == data::Task::multi_label) {
    std::string text;
    for (std::size_t l = 0; const LabelCount& count : count_labels(images, class_names.size())) {
      text +=
          fmt::format("{}{} {}", text.empty() ? "" : ", ", count.positive, text::one_line(class_names[l++]));
      if (count.known < static_cast<std::int64_t>(images.count()))
        text += fmt::format(" (of {} known)", count.known);
    }
    return text;
  }
  const std::vector<std::int64_t>& labels = images.labels;
  std::vector<std::int64_t> counts(class_names.size());
  for (const std::int64_t label : labels) ++counts[static_cast<std::size_t>(label)];
  std::string text;
  for (std::size_t c = 0; c < counts.size(); ++c)
    text += fmt::format("{}{} {}", c == 0 ? "" : ", ", counts[c], text::one_line(class_names[c]));
  return text;
}

}  // namespace xr::apps
