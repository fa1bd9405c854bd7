// Weights from elsewhere: safetensors, or what torch.save made of a state dict (.pth, .pt), told apart by content.
// Every element type becomes float or int64; nothing of a file is run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/core/tensor.h"
#include "engine/io/element_type.h"
#include "engine/io/safetensors.h"

namespace xr::engine {

/// A tensor as the file has it.
struct StoredTensor {
  std::string name;
  ElementType type = ElementType::f32;
  Shape shape;
};

class WeightsFile {
 public:
  WeightsFile() = default;
  WeightsFile(const WeightsFile&) = delete;
  WeightsFile& operator=(const WeightsFile&) = delete;
  virtual ~WeightsFile() = default;

  /// "safetensors", "PyTorch"
  [[nodiscard]] virtual const char* format() const = 0;
  [[nodiscard]] virtual const std::vector<StoredTensor>& tensors() const = 0;
  /// A tensor's elements on the host, row-major: f32, or i64 of integers and booleans. float64 is rounded. Throws
  /// xr::Error (weights_damaged) for one that the file has not got whole, and for numbers out of range.
  [[nodiscard]] virtual Tensor load(const StoredTensor& tensor) const = 0;
  /// Of a safetensors file; else empty.
  [[nodiscard]] virtual const Metadata& metadata() const = 0;
  /// The dictionary within the file that the tensors are of, "state_dict"; empty: the outermost.
  [[nodiscard]] virtual const std::string& dictionary() const = 0;
  /// What stands beside the tensors and is not read: "epoch (an integer)".
  [[nodiscard]] virtual const std::vector<std::string>& ignored() const = 0;
};

/// Opens a file by its content, and checks all that it claims of itself. Throws xr::Error that names the file, with
/// one of the codes weights_... of error_codes.h.
[[nodiscard]] std::unique_ptr<WeightsFile> open_weights(const std::filesystem::path& path);

/// For the readers: elements as WeightsFile::load gives them.
[[nodiscard]] Tensor tensor_of(std::span<const std::byte> bytes, ElementType type, ByteOrder order,
                               const Shape& shape);

}  // namespace xr::engine
