#include "apps/xrtrain/training/feature_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "data/content_hash.h"
#include "engine/io/safetensors.h"
#include "kernels/common/error.h"
#include "kernels/common/parallel.h"
#include "model/features.h"

namespace xr::apps {

namespace {

namespace fs = std::filesystem;

fs::path feature_path(const fs::path& folder, const std::string& key) {
  return folder / fmt::format("features-{:016x}.safetensors",
                              data::content_hash(std::as_bytes(std::span(key.data(), key.size()))));
}

/// Of parameters and buffers of the first modules.
std::uint64_t hash_of_weights(const model::Module& network, std::size_t modules) {
  std::uint64_t hash = 0;
  for (const engine::NamedTensor& entry : model::leading_state(network, modules)) {
    if (entry.tensor.dtype() != engine::DType::f32) continue;  // a counter of batches
    const std::vector<float> values = entry.tensor.to_host();
    hash = data::content_hash(std::as_bytes(std::span(values)), hash);
  }
  return hash;
}

}  // namespace

std::string feature_key(const model::Module& network, std::size_t modules,
                        const model::ModelSettings& settings, const data::LoaderSettings& loader,
                        const std::string& arithmetic) {
  return fmt::format(
      "xrtrain {}; {} modules of {}; weights {:016x}; {} channels, {} pixels, padding {}; {} {} {} "
      "threads; batches of {}; mean {}; deviation {}",
      XR_VERSION, modules, settings.name, hash_of_weights(network, modules), settings.channels,
      loader.image_size, settings.padding, settings.device.to_string(), arithmetic, kernels::thread_count(),
      loader.batch_size, fmt::join(loader.augment.mean, " "), fmt::join(loader.augment.deviation, " "));
}

FeatureFile read_feature_file(const fs::path& folder, const std::string& key, std::int64_t width) {
  FeatureFile result;
  std::error_code code;
  const fs::path path = feature_path(folder, key);
  if (folder.empty() || !fs::exists(path, code)) return result;
  try {
    const engine::SafetensorsFile file(path);
    const auto found = file.metadata().find("key"), dtype = file.metadata().find("dtype");
    if (found == file.metadata().end() || found->second != key || dtype == file.metadata().end()) return {};
    const engine::Tensor hashes = file.load("images"), features = file.load("features");
    if (hashes.dtype() != engine::DType::i64 || features.dtype() != engine::DType::f32 ||
        hashes.rank() != 1 || features.shape() != engine::Shape{hashes.dim(0), width})
      return {};
    if (dtype->second == kernels::name_of(engine::DType::bf16)) result.dtype = engine::DType::bf16;
    const std::vector<std::int64_t> images = hashes.to_host_i64();
    const std::vector<float> values = features.to_host();
    for (std::size_t i = 0; i < images.size(); ++i) {
      const auto begin = values.begin() + static_cast<std::ptrdiff_t>(i) * width;
      result.rows[static_cast<std::uint64_t>(images[i])].assign(begin, begin + width);
    }
  } catch (const Error&) {
    return {};  // a damaged file: computed again
  }
  return result;
}

void write_feature_file(const fs::path& folder, const std::string& key, std::int64_t width,
                        const FeatureFile& file) {
  const std::uint64_t bytes =
      file.rows.size() * (static_cast<std::uint64_t>(width) * sizeof(float) + sizeof(std::int64_t));
  if (folder.empty() || bytes > max_feature_bytes || file.rows.empty()) return;
  std::vector<std::int64_t> images;
  for (const auto& [hash, row] : file.rows) images.push_back(static_cast<std::int64_t>(hash));
  std::ranges::sort(images);
  std::vector<float> values;
  for (const std::int64_t image : images) {
    const std::vector<float>& row = file.rows.at(static_cast<std::uint64_t>(image));
    values.insert(values.end(), row.begin(), row.end());
  }
  const auto count = static_cast<std::int64_t>(images.size());
  try {
    std::error_code code;
    fs::create_directories(folder, code);
    engine::save_safetensors(
        feature_path(folder, key),
        {{"images", engine::Tensor::from_host(std::span<const std::int64_t>(images), {count})},
         {"features", engine::Tensor::from_host(std::span<const float>(values), {count, width})}},
        {{"key", key}, {"dtype", kernels::name_of(file.dtype)}});
  } catch (const Error&) {
    // The next run computes them.
  }
}

}  // namespace xr::apps
