// oneDNN's own primitives as the yardstick of the CPU backend's products: layouts that oneDNN likes best, the
// operands already in them, so that no conversion is timed. With activations in bf16 it multiplies in bf16.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "kernels/backend.h"

namespace xr::bench {

class OneDnnPeer {
 public:
  OneDnnPeer() = default;
  OneDnnPeer(const OneDnnPeer&) = delete;
  OneDnnPeer& operator=(const OneDnnPeer&) = delete;
  virtual ~OneDnnPeer() = default;

  /// The implementation that oneDNN chose, "oneDNN jit:avx512_core".
  [[nodiscard]] virtual std::string kernel() const = 0;
  /// The timed call.
  virtual void run() = 0;
  /// Converts the results of the last run into the views that the peer was made from.
  virtual void store() = 0;
};

enum class ConvolutionPass : std::uint8_t { forward, backward_data, backward_filter };

/// x, filter, bias and y are the operands or, in a backward pass, the gradients of these. An undefined bias
/// is left out. Stride 1, no dilation, one group. Views must stay valid.
[[nodiscard]] std::unique_ptr<OneDnnPeer> make_convolution_peer(ConvolutionPass pass, std::int64_t padding,
                                                                kernels::View x, kernels::View filter,
                                                                kernels::View bias, kernels::View y);

/// c (m, n) = op(a) op(b) [+ bias (n)], row-major, in the layouts given.
[[nodiscard]] std::unique_ptr<OneDnnPeer> make_matmul_peer(kernels::View a, bool transpose_a, kernels::View b,
                                                           bool transpose_b, kernels::View bias,
                                                           kernels::View c);

[[nodiscard]] std::string onednn_version();

}  // namespace xr::bench
