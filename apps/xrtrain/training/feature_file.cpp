#include "apps/xrtrain/training/feature_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <utility>

#include "data/content_hash.h"
#include "engine/io/safetensors.h"
#include "kernels/common/error.h"
#include "kernels/common/parallel.h"
#include "model/features.h"

namespace xr::apps {

namespace {

namespace fs = std::filesystem;

constexpr const char* file_begin = "features-";
constexpr auto unfinished_age = std::chrono::hours(1);  // what another run is writing is younger

fs::path feature_path(const fs::path& folder, const std::string& key) {
  return folder / fmt::format("{}{:016x}.safetensors", file_begin,
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

/// Of the rows in the file's order.
std::string checksum_of(std::span<const std::int64_t> images, std::span<const float> values) {
  return fmt::format("{:016x}",
                     data::content_hash(std::as_bytes(values), data::content_hash(std::as_bytes(images))));
}

struct StoredFeatures {
  fs::path path;
  fs::file_time_type used;
  std::uint64_t bytes = 0;
};

/// The feature files in the folder; `unfinished`: those with a temporary name.
std::vector<StoredFeatures> list_features(const fs::path& folder, bool unfinished) {
  std::vector<StoredFeatures> files;
  std::error_code code;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(file_begin) || name.ends_with(".safetensors") == unfinished) continue;
    std::error_code gone;
    const StoredFeatures file{entry->path(), fs::last_write_time(entry->path(), gone),
                              fs::file_size(entry->path(), gone)};
    if (!gone) files.push_back(file);
  }
  std::ranges::sort(files, {}, [](const StoredFeatures& file) { return std::pair(file.used, file.path); });
  return files;
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
  const auto now = fs::file_time_type::clock::now();
  if (folder.empty() || !fs::exists(path, code)) return result;
  try {
    const engine::SafetensorsFile file(path);
    const engine::Metadata& metadata = file.metadata();
    const auto found = metadata.find("key"), dtype = metadata.find("dtype"),
               checksum = metadata.find("checksum");
    if (found == metadata.end() || found->second != key || dtype == metadata.end() ||
        checksum == metadata.end())
      return {};
    const engine::Tensor hashes = file.load("images"), features = file.load("features");
    if (hashes.dtype() != engine::DType::i64 || features.dtype() != engine::DType::f32 ||
        hashes.rank() != 1 || features.shape() != engine::Shape{hashes.dim(0), width})
      return {};
    if (dtype->second == kernels::name_of(engine::DType::bf16)) result.dtype = engine::DType::bf16;
    const std::vector<std::int64_t> images = hashes.to_host_i64();
    const std::vector<float> values = features.to_host();
    if (checksum->second != checksum_of(images, values)) return {};
    for (std::size_t i = 0; i < images.size(); ++i) {
      const auto begin = values.begin() + static_cast<std::ptrdiff_t>(i) * width;
      result.rows[static_cast<std::uint64_t>(images[i])].assign(begin, begin + width);
    }
    fs::last_write_time(path, now, code);
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
        {{"key", key}, {"dtype", kernels::name_of(file.dtype)}, {"checksum", checksum_of(images, values)}},
        engine::Writers::many);
    remove_old_features(folder, feature_path(folder, key));
  } catch (const Error&) {
    // The next run computes them.
  }
}

void remove_old_features(const fs::path& folder, const fs::path& kept, const FeatureLimits& limits) {
  const auto now = fs::file_time_type::clock::now();
  std::error_code code;
  for (const StoredFeatures& file : list_features(folder, true))
    if (now - file.used > unfinished_age) fs::remove(file.path, code);
  const std::vector<StoredFeatures> files = list_features(folder, false);
  std::uint64_t bytes = 0;
  for (const StoredFeatures& file : files) bytes += file.bytes;
  for (const StoredFeatures& file : files) {
    if (file.path == kept || (now - file.used <= limits.age && bytes <= limits.bytes)) continue;
    if (fs::remove(file.path, code)) bytes -= file.bytes;  // what stays is tried again
  }
}

}  // namespace xr::apps
