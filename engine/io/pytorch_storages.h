// The bytes of the storages in a file of torch.save.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/io/element_type.h"
#include "engine/io/pickle.h"

namespace xr::engine {

class PytorchStorages {
 public:
  PytorchStorages() = default;
  PytorchStorages(const PytorchStorages&) = delete;
  PytorchStorages& operator=(const PytorchStorages&) = delete;
  virtual ~PytorchStorages() = default;

  /// The pickle of what was saved; it lives as long as this.
  [[nodiscard]] virtual const PickleValue& root() const = 0;
  /// Throws xr::Error (weights_damaged) unless the file has the storage, with the bytes that it claims.
  virtual void check(const PickleStorage& storage) const = 0;
  /// All bytes of a storage that was checked.
  [[nodiscard]] virtual std::vector<std::byte> read(const PickleStorage& storage) const = 0;
  [[nodiscard]] virtual ByteOrder order() const = 0;
};

/// Bytes of a storage; throws xr::Error (weights_damaged) where they are beyond any file.
[[nodiscard]] std::uint64_t bytes_of(const PickleStorage& storage);

[[nodiscard]] std::unique_ptr<PytorchStorages> open_pytorch_zip(const std::filesystem::path& path);
[[nodiscard]] std::unique_ptr<PytorchStorages> open_pytorch_legacy(const std::filesystem::path& path);

}  // namespace xr::engine
