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
                                int workers) {
  std::error_code code;
  if (!std::filesystem::is_directory(directory, code)) return {};  // an archive has images of 8 bits
  const std::size_t count = std::min(samples.size(), max_images);
  std::vector<int> depths(count);
  run_jobs(count, workers, {}, [&](std::size_t i) {
    depths[i] = depth_of_file(directory / samples[i * samples.size() / count].path);
  });
  return SampleDepths::of_set(depths);
}

}  // namespace xr::data
