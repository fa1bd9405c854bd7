#include "data/dataset/pixel_summary.h"

#include "data/content_hash.h"
#include "data/dataset/image_set.h"
#include "data/loader/jobs.h"

#include <algorithm>
#include <atomic>

namespace xr::data {

namespace {

constexpr std::size_t images_at_once = 256;

/// Sums of bytes and of their squares.
struct ByteSums {
  std::uint64_t sum = 0, squares = 0;

  void add(std::span<const std::uint8_t> bytes) {
    for (const std::uint8_t byte : bytes) {
      sum += byte;
      squares += std::uint64_t{byte} * byte;
    }
  }
};

}  // namespace

PixelSummary summarize(const ImageSet& images) {
  PixelSummary result;
  const std::size_t plane = static_cast<std::size_t>(images.size) * images.size,
                    parts = (images.count() + images_at_once - 1) / images_at_once;
  std::array<std::atomic<std::uint64_t>, 3> sums{}, squares{};  // exact: the order does not matter
  ContentHasher hasher;
  run_jobs(parts + 1, 0, {}, [&](std::size_t job) {
    if (job == 0) {  // the longest, as it goes over all in order
      for (std::size_t i = 0; i < images.count(); ++i) hasher.add(std::as_bytes(images.image(i)));
      return;
    }
    for (int c = 0; c < images.channels; ++c) {
      ByteSums part;
      for (std::size_t i = (job - 1) * images_at_once; i < std::min(images.count(), job * images_at_once);
           ++i)
        part.add(images.image(i).subspan(c * plane, plane));
      sums[c] += part.sum;
      squares[c] += part.squares;
    }
  });
  result.hash = hasher.value();
  for (std::size_t c = 0; c < 3; ++c) {
    result.sums[c] = sums[c];
    result.squares[c] = squares[c];
  }
  return result;
}

}  // namespace xr::data
