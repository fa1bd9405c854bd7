#include "data/dataset/image_set.h"

#include "data/content_hash.h"
#include "data/dataset/image_cache.h"
#include "data/image/resize.h"
#include "engine/io/file.h"
#include "kernels/common/error.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>

namespace xr::data {

namespace fs = std::filesystem;

namespace {

/// One image's way through the loading.
struct Job {
  std::size_t sample = 0;
  std::optional<FileStamp> stamp;
  std::vector<std::uint8_t> pixels;
  std::uint64_t fingerprint = 0;
  std::string failure;
};

/// Fills the job; gives the reason if the file cannot be used.
std::string decode(Job& job, const fs::path& path, const LoadSettings& settings) {
  try {
    job.stamp = stamp_of(path);  // before reading: a file that changes meanwhile is decoded again next time
    StoredFormat whole = settings.format;
    whole.mask = Mask::none;  // the cache serves all masks
    job.pixels = load_image(path, whole, settings.limits, &job.fingerprint);
    return {};
  } catch (const std::bad_alloc&) {
    return fmt::format("not enough memory to decode {}", engine::quote_name(path));
  } catch (const std::exception& error) {
    return error.what();
  }
}

void check_no_class_empty(const ImageSet& set, std::span<const Sample> samples,
                          const std::vector<std::string>& class_names) {
  std::vector<std::size_t> before(class_names.size()), after(class_names.size());
  for (const Sample& sample : samples) ++before[sample.class_index];
  for (const Sample& sample : set.samples) ++after[sample.class_index];
  for (std::size_t c = 0; c < class_names.size(); ++c) {
    if (before[c] == 0 || after[c] > 0) continue;
    const auto first = std::find_if(samples.begin(), samples.end(), [&](const Sample& sample) {
      return sample.class_index == static_cast<int>(c);
    });
    const auto skipped = std::find_if(set.skipped.begin(), set.skipped.end(),
                                      [&](const SkippedFile& file) { return file.path == first->path; });
    throw Error(fmt::format("class {} is left empty: none of its {} image(s) can be decoded; the first: {}",
                            engine::quote_name(class_names[c]), before[c], skipped->reason));
  }
}

std::uint64_t fingerprint_of(const Image& image) {
  const std::array<int, 3> shape = {image.width, image.height, image.channels};
  return content_hash(std::as_bytes(std::span(image.pixels)), content_hash(std::as_bytes(std::span(shape))));
}

}  // namespace

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
                                     const DecodeLimits& limits, std::uint64_t* fingerprint) {
  const Image decoded = read_image(path, format.channels, limits);
  if (fingerprint != nullptr) *fingerprint = fingerprint_of(decoded);
  const Image image = format.shape == StoredShape::square
                          ? resize(decoded, format.size, format.size)
                          : resize_and_crop(decoded, format.size, format.size);
  std::vector<std::uint8_t> planar = image.pixels;
  const std::size_t plane = static_cast<std::size_t>(format.size) * format.size;
  if (format.channels == 3)
    for (std::size_t i = 0; i < plane; ++i)
      for (std::size_t c = 0; c < 3; ++c) planar[c * plane + i] = image.pixels[i * 3 + c];
  apply_mask(planar, format);
  return planar;
}

ImageSet load_images(const fs::path& directory, std::span<const Sample> samples,
                     const std::vector<std::string>& class_names, const LoadSettings& settings) {
  XR_CHECK(settings.format.size >= 1 && settings.format.size <= 16384,
           "the stored image size {} is not 1 to 16384", settings.format.size);
  XR_CHECK(settings.format.channels == 1 || settings.format.channels == 3,
           "images have 1 (grey) or 3 (RGB) channels, not {}", settings.format.channels);
  ImageSet set;
  set.channels = settings.format.channels;
  set.size = settings.format.size;

  std::optional<ImageCache> cache;
  if (!settings.cache_directory.empty())
    cache.emplace(ImageCache::file_for(settings.cache_directory, directory, settings.format),
                  settings.format);

  std::vector<const std::vector<std::uint8_t>*> pixels(samples.size());
  std::vector<std::uint64_t> fingerprints(samples.size());
  std::vector<Job> jobs;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    try {
      const ImageCache::Entry* kept =
          cache ? cache->find(samples[i].path, stamp_of(directory / samples[i].path)) : nullptr;
      if (kept != nullptr) pixels[i] = &kept->pixels, fingerprints[i] = kept->fingerprint;
    } catch (const Error&) {
      pixels[i] = nullptr;  // the decoding names the missing file
    }
    if (pixels[i] == nullptr) jobs.push_back({i, {}, {}, 0, {}});
  }
  run_jobs(jobs.size(), settings.workers, settings.progress, [&](std::size_t i) {
    jobs[i].failure = decode(jobs[i], directory / samples[jobs[i].sample].path, settings);
    if (settings.strict && !jobs[i].failure.empty())
      throw Error(jobs[i].failure + "; replace or remove the file");
  });

  for (Job& job : jobs) {
    if (!job.failure.empty()) {
      set.skipped.push_back({samples[job.sample].path, job.failure});
    } else {
      pixels[job.sample] = &job.pixels;
      fingerprints[job.sample] = job.fingerprint;
      ++set.decoded;
    }
  }
  set.pixels.reserve((samples.size() - set.skipped.size()) * set.image_bytes());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (pixels[i] == nullptr) continue;
    set.pixels.insert(set.pixels.end(), pixels[i]->begin(), pixels[i]->end());
    apply_mask(std::span(set.pixels).last(set.image_bytes()), settings.format);
    set.labels.push_back(samples[i].class_index);
    set.samples.push_back(samples[i]);
    set.fingerprints.push_back(fingerprints[i]);
  }
  check_no_class_empty(set, samples, class_names);
  if (cache && set.decoded > 0) {
    cache->drop_stale(directory);
    for (Job& job : jobs)
      if (job.failure.empty())
        cache->insert(samples[job.sample].path, {*job.stamp, job.fingerprint, std::move(job.pixels)});
    try {
      cache->write();
    } catch (const Error& error) {
      set.warnings.push_back(fmt::format(
          "the decoded images are not kept for the next run: {} (XRTRAIN_CACHE names another folder)",
          error.what()));
    }
  }
  return set;
}

}  // namespace xr::data
