// What a file that should hold weights is, by its first bytes.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace xr::engine {

enum class WeightsKind {
  safetensors,
  pytorch_zip,     ///< a zip archive: of PyTorch since 1.6, if it holds a data.pkl
  pytorch_legacy,  ///< pickles in a row: of PyTorch before 1.6
  pytorch_tar,     ///< of PyTorch before 0.2
  pickle,          ///< not written by torch.save
  hdf5,            ///< of Keras
  lfs_pointer,
  web_page,
  empty,
  unknown,
};

inline constexpr std::size_t weights_kind_bytes = 512;

/// `begin`: the first bytes, up to weights_kind_bytes of them.
[[nodiscard]] WeightsKind weights_kind_of(std::span<const std::byte> begin);
/// Of a file; unknown if it cannot be read.
[[nodiscard]] WeightsKind weights_kind_of(const std::filesystem::path& path);

/// Throws xr::Error that names the file and what it is instead of weights, if it is of such a kind.
void refuse_foreign_kind(WeightsKind kind, const std::filesystem::path& path);

}  // namespace xr::engine
