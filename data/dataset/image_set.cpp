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

namespace xr::data {

namespace fs = std::filesystem;

namespace {

/// A class of which most files cannot be read is another class than the one that was meant.
void check_no_class_lost(const ImageSet& set, std::span<const Sample> samples,
                         const std::vector<std::string>& class_names) {
  if (!samples.empty() && !samples.front().targets.empty()) {
    XR_CHECK_CODE(set.count() > 0 && 2 * set.count() >= samples.size(), error_code::class_unreadable,
                  "{} of {} image(s) cannot be decoded; the first: {}", samples.size() - set.count(),
                  samples.size(), set.skipped.front().reason);
    return;
  }
  std::vector<std::size_t> before(class_names.size()), after(class_names.size());
  for (const Sample& sample : samples) ++before[sample.class_index];
  for (const Sample& sample : set.samples) ++after[sample.class_index];
  for (std::size_t c = 0; c < class_names.size(); ++c) {
    if (2 * after[c] >= before[c] && (before[c] == 0 || after[c] > 0)) continue;
    std::map<std::string, int> class_of;
    for (const Sample& sample : samples) class_of[sample.path] = sample.class_index;
    const auto first = std::ranges::find_if(
        set.skipped, [&](const SkippedFile& file) { return class_of[file.path] == static_cast<int>(c); });
    if (after[c] == 0)
      throw Error(error_code::class_unreadable,
                  fmt::format("class {} is left empty: none of its {} image(s) can be decoded; the first: {}",
                              engine::quote_name(class_names[c]), before[c], first->reason));
    throw Error(
        error_code::class_unreadable,
        fmt::format("class {} loses most of its files: {} of {} cannot be decoded; the first: {}",
                    engine::quote_name(class_names[c]), before[c] - after[c], before[c], first->reason));
  }
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
  loading.decode_missing();
  loading.fill_set();
  loading.write_cache();
  check_no_class_lost(loading.set, samples, class_names);
  return std::move(loading.set);
}

}  // namespace xr::data
