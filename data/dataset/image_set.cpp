#include "data/dataset/image_set.h"

#include "data/dataset/image_loading.h"
#include "data/dataset/npz_dataset.h"
#include "data/dataset/stored_image.h"
#include "engine/io/file.h"
#include "kernels/common/error.h"
#include "kernels/common/error_codes.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string_view>

namespace xr::data {

namespace fs = std::filesystem;

namespace {

/// Images of each class in a part, and those that could be decoded. With several labels all images are one class.
struct ClassCounts {
  std::vector<std::size_t> before, after;
  std::vector<const SkippedFile*> first;  ///< that cannot be decoded
};

ClassCounts count_classes(const LoadedPart& part, std::size_t classes) {
  const bool labels = !part.samples.empty() && !part.samples.front().targets.empty();
  const auto class_of = [&](const Sample& sample) {
    return labels ? std::size_t{0} : static_cast<std::size_t>(sample.class_index);
  };
  ClassCounts counts{std::vector<std::size_t>(classes), std::vector<std::size_t>(classes),
                     std::vector<const SkippedFile*>(classes)};
  for (const Sample& sample : part.samples) ++counts.before[class_of(sample)];
  for (const Sample& sample : part.set->samples) ++counts.after[class_of(sample)];
  std::map<std::string_view, std::size_t> class_by_path;
  if (!part.set->skipped.empty())
    for (const Sample& sample : part.samples) class_by_path[sample.path] = class_of(sample);
  for (const SkippedFile& file : part.set->skipped)
    if (const auto found = class_by_path.find(file.path); found != class_by_path.end())
      if (const SkippedFile*& first = counts.first[found->second]; first == nullptr) first = &file;
  return counts;
}

/// Of a file of MedMNIST's: small images, which come as fast from it as from a cache.
ImageSet load_archive(const fs::path& file, std::span<const Sample> samples, const LoadSettings& settings) {
  ImageSet set;
  set.channels = settings.format.channels;
  set.size = settings.format.size;
  const std::size_t bytes = slot_bytes(settings.format);
  const std::shared_ptr<std::uint8_t[]> block(new std::uint8_t[samples.size() * bytes]);
  set.holders = {block};
  set.fingerprints.resize(samples.size());
  for_each_npz_image(file, samples, settings.workers, settings.progress, [&](std::size_t i, Image&& image) {
    const Image decoded = with_channels(std::move(image), settings.format.channels);
    set.fingerprints[i] = fingerprint_of(decoded);
    std::uint8_t* const slot = block.get() + i * bytes;
    std::ranges::copy(stored_pixels(decoded, settings.format), slot);
    write_facts({slot, bytes}, print_of(decoded), marks_of(decoded));
  });
  for (std::size_t i = 0; i < samples.size(); ++i) {
    set.rows.push_back(block.get() + i * bytes);
    set.facts.push_back(set.rows[i] + set.image_bytes());
    set.add_sample(samples[i]);
  }
  set.decoded = samples.size();
  return set;
}

}  // namespace

void require_classes(std::span<const LoadedPart> parts, const std::vector<std::string>& class_names) {
  const std::size_t classes = class_names.size();
  const bool labels = std::ranges::any_of(parts, [](const LoadedPart& part) {
    return !part.samples.empty() && !part.samples.front().targets.empty();
  });
  ClassCounts all{std::vector<std::size_t>(classes), std::vector<std::size_t>(classes),
                  std::vector<const SkippedFile*>(classes)};
  for (const LoadedPart& part : parts) {
    const ClassCounts counts = count_classes(part, classes);
    for (std::size_t c = 0; c < classes; ++c) {
      if (counts.before[c] > 0 && counts.after[c] == 0 && !labels)
        throw Error(
            error_code::class_unreadable,
            fmt::format("class {} is left empty: none of its {} image(s) can be decoded; the first: {}",
                        engine::quote_name(class_names[c]), counts.before[c], counts.first[c]->reason));
      all.before[c] += counts.before[c];
      all.after[c] += counts.after[c];
      if (all.first[c] == nullptr) all.first[c] = counts.first[c];
    }
  }
  for (std::size_t c = 0; c < classes; ++c) {
    if (all.before[c] == 0 || (2 * all.after[c] >= all.before[c] && all.after[c] > 0)) continue;
    const std::string lost = fmt::format("{} of {}", all.before[c] - all.after[c], all.before[c]);
    throw Error(error_code::class_unreadable,
                labels
                    ? fmt::format("{} image(s) cannot be decoded; the first: {}", lost, all.first[c]->reason)
                    : fmt::format("class {} loses most of its files: {} cannot be decoded; the first: {}",
                                  engine::quote_name(class_names[c]), lost, all.first[c]->reason));
  }
}

void ImageSet::add_sample(const Sample& sample) {
  labels.push_back(sample.class_index);
  targets.insert(targets.end(), sample.targets.begin(), sample.targets.end());
  samples.push_back(sample);
}

PicturePrint ImageSet::print(std::size_t index) const {
  XR_CHECK(index < facts.size(), "image {} was not loaded: it has no print", index);
  return read_print(std::span<const std::uint8_t, picture_print_bytes>(facts[index], picture_print_bytes));
}

PictureMarks ImageSet::marks(std::size_t index) const {
  XR_CHECK(index < facts.size(), "image {} was not loaded: it has no marks", index);
  return read_marks(std::span<const std::uint8_t, picture_marks_bytes>(facts[index] + picture_print_bytes,
                                                                       picture_marks_bytes));
}

void apply_mask(std::span<std::uint8_t> image, const StoredFormat& format) {
  if (format.mask == Mask::none) return;
  const int margin = format.size * 3 / 16;
  for (int c = 0; c < format.channels; ++c)
    for (int y = 0; y < format.size; ++y)
      for (int x = 0; x < format.size; ++x) {
        const bool in_middle = std::min({x, y, format.size - 1 - x, format.size - 1 - y}) >= margin;
        if (in_middle == (format.mask == Mask::middle))
          image[(static_cast<std::size_t>(c) * format.size + y) * format.size + x] = 0;
      }
}

std::vector<std::uint8_t> load_image(const fs::path& path, const StoredFormat& format,
                                     const DecodeLimits& limits, std::uint64_t* fingerprint,
                                     ImageNotes* notes) {
  DecodedImage decoded = read_with_notes(path, format.channels, limits, format.depths);
  if (fingerprint != nullptr) *fingerprint = fingerprint_of(decoded.image);
  if (notes != nullptr) *notes = std::move(decoded.notes);
  return stored_pixels(decoded.image, format);
}

ImageSet load_images(const fs::path& directory, std::span<const Sample> samples,
                     const std::vector<std::string>& class_names, const LoadSettings& settings) {
  XR_CHECK(settings.format.size >= 1 && settings.format.size <= 16384,
           "the stored image size {} is not 1 to 16384", settings.format.size);
  XR_CHECK(settings.format.channels == 1 || settings.format.channels == 3,
           "images have 1 (grey) or 3 (RGB) channels, not {}", settings.format.channels);
  if (is_npz(directory)) return load_archive(directory, samples, settings);
  ImageLoading loading(directory, samples, settings);
  loading.look_into_cache();
  if (settings.ranks != nullptr)
    loading.share_decoding();
  else
    loading.decode_missing();
  loading.fill_set();
  loading.write_cache();
  if (settings.ranks != nullptr)
    settings.ranks->barrier();  // the next loading may read the index that was written
  const LoadedPart part{samples, &loading.set};
  if (settings.require_classes) require_classes(std::span(&part, 1), class_names);
  return std::move(loading.set);
}

}  // namespace xr::data
