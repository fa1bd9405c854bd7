#include "data/dataset/find_sample_depths.h"

#include "data/image/image.h"
#include "data/image/image_header.h"
#include "data/loader/jobs.h"
#include "kernels/common/error.h"

#include <algorithm>
#include <fstream>

namespace xr::data {

namespace {

constexpr std::size_t max_images = 1000, header_bytes = 65536;

/// Whether the start of the file says that it has at most 8 bits a sample.
bool has_few_bits(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> bytes(header_bytes);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  try {
    return read_image_header(std::as_bytes(std::span(bytes))).bits <= 8;
  } catch (const Error&) {
    return false;  // a header may lie farther behind
  }
}

int depth_of_file(const std::filesystem::path& path) {
  if (has_few_bits(path)) return 0;
  try {
    return read_with_notes(path, 1).notes.depth;
  } catch (const std::exception&) {
    return 0;
  }
}

}  // namespace

SampleDepths find_sample_depths(const std::filesystem::path& directory, std::span<const Sample> samples,
                                int workers, engine::Communicator* ranks) {
  std::error_code code;
  if (!std::filesystem::is_directory(directory, code)) return {};  // an archive has images of 8 bits
  const std::size_t count = std::min(samples.size(), max_images);
  // Rank r of N takes files r, r + N, ...
  const std::size_t step = ranks == nullptr ? 1 : static_cast<std::size_t>(ranks->size()),
                    first = ranks == nullptr ? 0 : static_cast<std::size_t>(ranks->rank());
  std::vector<int> depths(count > first ? (count - first + step - 1) / step : 0);
  run_jobs(depths.size(), workers, {}, [&](std::size_t k) {
    depths[k] = depth_of_file(directory / samples[(first + k * step) * samples.size() / count].path);
  });
  if (ranks == nullptr) return SampleDepths::of_set(depths);
  std::vector<int> all;  // in no order that matters
  for (const std::vector<std::byte>& part : ranks->all_gather_parts(std::as_bytes(std::span(depths)))) {
    const std::size_t before = all.size();
    all.resize(before + part.size() / sizeof(int));
    std::ranges::copy(part, std::as_writable_bytes(std::span(all).subspan(before)).begin());
  }
  return SampleDepths::of_set(all);
}

}  // namespace xr::data
