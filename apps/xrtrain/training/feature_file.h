// Features that are kept for the next run: a safetensors file for each set of weights and settings.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/loader/loader.h"
#include "model/model.h"

namespace xr::apps {

struct FeatureFile {
  engine::DType dtype = engine::DType::f32;  ///< that they were computed in
  /// By the content of the image as it is stored.
  std::unordered_map<std::uint64_t, std::vector<float>> rows;
};

/// All that features depend on besides the image: the weights of the first `modules` modules, network, device,
/// threads, batch size and normalisation; `arithmetic`: precision and choice of kernels.
[[nodiscard]] std::string feature_key(const model::Module& network, std::size_t modules,
                                      const model::ModelSettings& settings,
                                      const data::LoaderSettings& loader, const std::string& arithmetic);

/// The features of that key; none where the folder is empty, or has no sound file of that key and width.
[[nodiscard]] FeatureFile read_feature_file(const std::filesystem::path& folder, const std::string& key,
                                            std::int64_t width);
/// Replaces the file of that key. Does nothing without a folder, where the folder cannot be written, or for more than
/// max_feature_bytes.
void write_feature_file(const std::filesystem::path& folder, const std::string& key, std::int64_t width,
                        const FeatureFile& file);
constexpr std::uint64_t max_feature_bytes = std::uint64_t{1} << 30;

}  // namespace xr::apps
