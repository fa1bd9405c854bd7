// Features that are kept for the next run: a safetensors file for each set of weights and settings.
#pragma once

#include <chrono>
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
/// threads, batch size and normalisation; `arithmetic`: precision and choice of kernels. Threads: oneDNN chooses how to
/// cut a convolution by their number, and last digits follow (seen with resnet18 at 224 pixels, a batch of 12 images
/// and 4 threads: 5e-7; not at 64 pixels).
[[nodiscard]] std::string feature_key(const model::Module& network, std::size_t modules,
                                      const model::ModelSettings& settings,
                                      const data::LoaderSettings& loader, const std::string& arithmetic);

constexpr std::uint64_t max_feature_bytes = std::uint64_t{1} << 30;

/// The features of that key; none where the folder is empty, or has no sound file of that key and width. The file counts
/// as used now.
[[nodiscard]] FeatureFile read_feature_file(const std::filesystem::path& folder, const std::string& key,
                                            std::int64_t width);
/// Replaces the file of that key, and removes old ones of others. Does nothing without a folder, where the folder cannot
/// be written, or for more than max_feature_bytes. Several programs may write at a time: the last one counts.
void write_feature_file(const std::filesystem::path& folder, const std::string& key, std::int64_t width,
                        const FeatureFile& file);

/// How long feature files are kept that nobody uses, and how much all of them may take.
struct FeatureLimits {
  std::chrono::hours age{24 * 30};
  std::uint64_t bytes = 4 * max_feature_bytes;
};

/// Removes the feature files, but `kept`, that were not used for so long, then the longest unused ones while all
/// together take more; and what killed programs left unfinished more than an hour ago.
void remove_old_features(const std::filesystem::path& folder, const std::filesystem::path& kept,
                         const FeatureLimits& limits = {});

}  // namespace xr::apps
