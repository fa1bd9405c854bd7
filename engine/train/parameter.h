// Named tensors, and the arena in which all parameters and their gradients lie side by side.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/core/tensor.h"

namespace xr::engine {

struct NamedTensor {
  std::string name;  ///< PyTorch's name, "layer1.0.weight"
  Tensor tensor;
};

/// Moves parameters (f32 leaves of one device) into one contiguous block and their gradients into another, in
/// the order given, so that an optimizer step or a reduction over processes is one call. Each parameter
/// starts at a multiple of 64 bytes; the gaps hold zeros. The tensors keep their identity: only their memory
/// moves.
class ParameterArena {
 public:
  explicit ParameterArena(std::vector<NamedTensor> parameters);

  [[nodiscard]] const std::vector<NamedTensor>& parameters() const { return parameters_; }
  /// Where parameter i begins in the flat tensors, in elements; with i their number, the end of all.
  [[nodiscard]] std::int64_t offset(std::size_t i) const { return offsets_[i]; }
  /// All values and all gradients as flat tensors (gaps included).
  [[nodiscard]] Tensor& values() { return values_; }
  [[nodiscard]] Tensor& gradients() { return gradients_; }

  /// Forgets all gradients: the next backward overwrites them.
  void zero_grad();
  /// The gradients were written by other means than backward, into gradients().
  void mark_gradients_written();
  /// Throws Error that names the first parameter without a gradient.
  void check_gradients() const;
  /// Parameters without the gaps.
  [[nodiscard]] std::int64_t parameter_count() const;

 private:
  std::vector<NamedTensor> parameters_;
  std::vector<std::int64_t> offsets_;  // and the end
  Tensor values_, gradients_;
};

}  // namespace xr::engine
