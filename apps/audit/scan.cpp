#include "apps/audit/scan.h"

#include <algorithm>
#include <optional>

#include "apps/audit/check.h"
#include "data/content_hash.h"
#include "data/image/image.h"
#include "data/image/resize.h"
#include "data/loader/jobs.h"
#include "engine/io/file.h"
#include "kernels/common/error.h"

namespace xr::audit {

namespace {

std::array<float, histogram_bins> histogram_of(const data::Image& grey) {
  std::array<std::uint64_t, histogram_bins> counts{};
  for (const std::uint8_t pixel : grey.pixels) ++counts[pixel * histogram_bins / 256];
  std::array<float, histogram_bins> result{};
  for (std::size_t i = 0; i < histogram_bins; ++i)
    result[i] = static_cast<float>(static_cast<double>(counts[i]) / static_cast<double>(grey.pixels.size()));
  return result;
}

/// Whether a row or column, `step` apart, has nearly one grey level; JPEG and a few burnt-in letters are
/// allowed.
bool is_uniform(const data::Image& grey, std::size_t begin, std::size_t step, int count, int level) {
  constexpr int tolerance = 12;
  int other = 0;
  for (int i = 0; i < count; ++i)
    if (std::abs(grey.pixels[begin + static_cast<std::size_t>(i) * step] - level) > tolerance) ++other;
  return other * 50 <= count;
}

/// How many of the first `most` rows or columns, `next` apart from each other, are of one grey level.
int border_width(const data::Image& grey, std::size_t first, std::ptrdiff_t next, std::size_t step, int count,
                 int most) {
  std::vector<std::uint8_t> line;
  for (int i = 0; i < count; ++i) line.push_back(grey.pixels[first + static_cast<std::size_t>(i) * step]);
  std::nth_element(line.begin(), line.begin() + count / 2, line.end());
  const int level = line[static_cast<std::size_t>(count / 2)];
  int width = 0;
  while (width < most && is_uniform(grey, first + static_cast<std::size_t>(width * next), step, count, level))
    ++width;
  return width;
}

/// What is within the uniform border; nothing if that is narrower than 1.5 % of each side, or if there is
/// nothing else.
std::optional<data::Image> without_border(const data::Image& grey) {
  const int max_x = grey.width * 3 / 10, max_y = grey.height * 3 / 10;
  const auto row = static_cast<std::ptrdiff_t>(grey.width);
  const std::size_t last_row =
      static_cast<std::size_t>(grey.height - 1) * static_cast<std::size_t>(grey.width);
  const int top = border_width(grey, 0, row, 1, grey.width, max_y);
  const int bottom = border_width(grey, last_row, -row, 1, grey.width, max_y);
  const auto stride = static_cast<std::size_t>(grey.width);
  const int left = border_width(grey, 0, 1, stride, grey.height, max_x);
  const int right = border_width(grey, stride - 1, -1, stride, grey.height, max_x);
  if (std::max({left, right}) * 200 < 3 * grey.width && std::max({top, bottom}) * 200 < 3 * grey.height)
    return std::nullopt;
  data::Image inner{grey.width - left - right, grey.height - top - bottom, 1, {}};
  if (inner.width < 2 || inner.height < 2) return std::nullopt;
  for (int y = top; y < grey.height - bottom; ++y) {
    const auto begin = grey.pixels.begin() + y * row + left;
    inner.pixels.insert(inner.pixels.end(), begin, begin + inner.width);
  }
  return inner;
}

void read_facts(const std::filesystem::path& path, ImageFacts& facts) {
  const data::DecodeLimits limits;
  const std::vector<std::byte> bytes = engine::read_file(path, limits.max_file_bytes);
  const data::ImageHeader header = data::read_image_header(bytes);
  const data::Image grey = data::decode_image(bytes, 1, limits);
  facts.format = format_name(header.format);
  facts.channels = header.channels;
  facts.bits = header.bits;
  facts.width = grey.width;
  facts.height = grey.height;
  facts.print = fingerprint(grey);
  facts.histogram = histogram_of(grey);
}

}  // namespace

const char* format_name(data::ImageFormat format) {
  switch (format) {
    case data::ImageFormat::jpeg:
      return "jpeg";
    case data::ImageFormat::png:
      return "png";
    case data::ImageFormat::bmp:
      return "bmp";
    default:
      return "pnm";
  }
}

Fingerprint fingerprint(const data::Image& grey) {
  Fingerprint print;
  const std::array<int, 2> size = {grey.width, grey.height};
  print.pixels = data::content_hash(std::as_bytes(std::span(grey.pixels)),
                                    data::content_hash(std::as_bytes(std::span(size))));
  const data::Image small = data::resize(grey, thumbnail_side, thumbnail_side);
  std::copy(small.pixels.begin(), small.pixels.end(), print.thumbnail.begin());
  if (const std::optional<data::Image> inner = without_border(grey)) {
    const data::Image picture = data::resize(*inner, thumbnail_side, thumbnail_side);
    std::copy(picture.pixels.begin(), picture.pixels.end(), print.picture.begin());
    print.framed = true;
  }
  return print;
}

Scan scan_images(const data::Dataset& dataset, int workers, const data::Progress& progress) {
  Scan scan;
  scan.directory = dataset.directory;
  scan.class_names = dataset.class_names;
  scan.skipped = dataset.skipped;
  scan.warnings = dataset.warnings;
  scan.group_origin = dataset.group_origin;
  std::vector<ImageFacts> all;
  const auto add = [&](const std::string& name, const std::vector<data::Sample>& samples) {
    if (samples.empty()) return;
    for (const data::Sample& sample : samples) {
      all.emplace_back();
      all.back().sample = sample;
      all.back().split = static_cast<int>(scan.splits.size());
    }
    scan.splits.push_back(name);
  };
  const bool whole = dataset.test.empty() && dataset.validation.empty();
  add(whole ? "all" : "train", dataset.train);
  add("validation", dataset.validation);
  add("test", dataset.test);
  std::stable_sort(all.begin(), all.end(),
                   [](const ImageFacts& a, const ImageFacts& b) { return a.sample.path < b.sample.path; });
  std::vector<std::string> failures(all.size());
  data::run_jobs(all.size(), workers, progress, [&](std::size_t i) {
    try {
      read_facts(dataset.directory / all[i].sample.path, all[i]);
    } catch (const Error& error) {
      failures[i] = error.what();
    } catch (const std::bad_alloc&) {
      failures[i] = "not enough memory to decode it";
    }
  });
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (failures[i].empty())
      scan.images.push_back(std::move(all[i]));
    else
      scan.unreadable.push_back({all[i].sample.path, failures[i]});
  }
  return scan;
}

void add_decoded(Scan& scan, const data::ImageSet& images, const std::string& split) {
  for (std::size_t i = 0; i < images.count(); ++i) {
    // The first channel of a colour image will do: copies have the same colours.
    const auto pixels = images.image(i).first(static_cast<std::size_t>(images.size) * images.size);
    ImageFacts facts;
    facts.sample = images.samples[i];
    facts.split = static_cast<int>(scan.splits.size());
    facts.print = fingerprint({images.size, images.size, 1, {pixels.begin(), pixels.end()}});
    scan.images.push_back(std::move(facts));
  }
  if (images.count() > 0) scan.splits.push_back(split);
}

}  // namespace xr::audit
