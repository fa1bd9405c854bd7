// Everything that the engine may ask of a device: the one interface that cpu, cuda, cudnn and simt implement.
//
// Conventions
// - Views carry device pointers; all views of a call live on the backend's device. Inputs never alias outputs
//   unless a function says so.
// - x is the input, y the output, dx and dy their gradients. Shapes are logical (N, C, H, W).
// - Rank-4 activations may have any layout; x, y, dx and dy of one call have the same layout unless said
//   otherwise. Parameters (filters O, I, kH, kW; per-channel vectors C) are contiguous.
// - Work is queued in order; only copy_to_host and synchronize wait for it.
// - Every function throws xr::Error on a status that is not success.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/operations.h"

namespace xr::kernels {

/// How products of f32 tensors are computed (convolutions and matrix products; everything else is f32
/// throughout).
enum class Precision : std::uint8_t {
  fp32,  ///< with the accuracy of f32 operands (3xTF32 counts, TF32 does not)
  tf32,  ///< operands rounded to TF32, sums in f32
  bf16,  ///< activations and operands are bf16, sums, weights and moments f32
};

/// Whose kernels run: hand-written ones and, for what none of them is made for, cuDNN's and cuBLAS's; only
/// hand-written ones; or cuDNN's and cuBLAS's wherever these exist (kernel_choice.h).
enum class KernelChoice : std::uint8_t { automatic, custom, cudnn };

struct BackendOptions {
  Precision precision = Precision::fp32;
  KernelChoice kernels = KernelChoice::automatic;
  /// Of several hand-written kernels for a call the one whose name contains this, if there is one that fits:
  /// for tests and benchmarks.
  std::string variant = {};
};

/// One launch of a hand-written kernel, as its launcher describes it.
struct LaunchRecord {
  std::string kernel;
  std::array<unsigned, 3> grid{}, block{};
  std::size_t shared_bytes = 0;  ///< dynamic
  std::int64_t bytes = 0;        ///< to move at least: each input and each output once
  std::int64_t operations = 0;   ///< floating-point
};

/// Work that was recorded once and can be done again, with the same arguments on the same memory: a CUDA
/// graph.
class Capture {
 public:
  Capture() = default;
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  virtual ~Capture() = default;
  /// Queues the work once more. Does not wait.
  virtual void replay() = 0;
};

/// A copy to the host that the host need not wait for at once. One may be under way at a time.
class HostCopy {
 public:
  HostCopy() = default;
  HostCopy(const HostCopy&) = delete;
  HostCopy& operator=(const HostCopy&) = delete;
  virtual ~HostCopy() = default;
  /// Queues the copy of the first `bytes` from `device`.
  virtual void start(const void* device, std::size_t bytes) = 0;
  /// Waits for that copy; valid until the next start.
  [[nodiscard]] virtual std::span<const std::byte> wait() = 0;
};

class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  // --- the device
  // -------------------------------------------------------------------------------------------
  /// "cpu", "cuda:0", ...
  [[nodiscard]] virtual std::string name() const = 0;
  /// One line about the hardware and the libraries.
  [[nodiscard]] virtual std::string description() const = 0;
  /// The layout in which this backend wants activations with that many channels.
  [[nodiscard]] virtual Layout preferred_layout(std::int64_t channels) const = 0;
  /// The element type of activations in the configured precision: bf16 in Precision::bf16, else f32.
  [[nodiscard]] virtual DType activation_type() const { return DType::f32; }

  /// 64-byte aligned memory, contents unspecified. Throws Error that names the size if there is none.
  [[nodiscard]] virtual void* allocate(std::size_t bytes) = 0;
  virtual void deallocate(void* data, std::size_t bytes) noexcept = 0;
  /// Bytes that could be allocated now; without limit where the host's memory is used.
  [[nodiscard]] virtual std::size_t available_memory() const { return SIZE_MAX; }
  /// The host's memory has been read when it returns.
  virtual void copy_from_host(void* device, const void* host, std::size_t bytes) = 0;
  virtual void copy_to_host(void* host, const void* device, std::size_t bytes) = 0;
  virtual void copy(void* to, const void* from, std::size_t bytes) = 0;
  virtual void synchronize() = 0;
  /// For copies of up to `bytes`. Where the device queues nothing, start() copies.
  [[nodiscard]] virtual std::unique_ptr<HostCopy> make_host_copy(std::size_t bytes);
  /// Whether work can be recorded.
  [[nodiscard]] virtual bool can_capture() const { return false; }
  /// Until end_capture, work is recorded instead of done. What copies from or to the host or waits throws
  /// Error then; allocations are made at once.
  virtual void begin_capture();
  /// Memory that the recorded work uses must outlive the result.
  [[nodiscard]] virtual std::unique_ptr<Capture> end_capture();
  /// Throws Error for what the backend does not have.
  virtual void configure(const BackendOptions& options) = 0;
  /// From now on each launch is appended to `records`; nullptr stops it. Backends without launches record
  /// nothing.
  virtual void record_launches(std::vector<LaunchRecord>* /*records*/) {}

  // --- data movement and element-wise
  // -----------------------------------------------------------------------
  /// Same shape and dtype, any two layouts.
  virtual void reorder(ConstView x, View y) = 0;
  /// y = x or y += x, each f32 or bf16 (rounded to nearest, ties to even); same shape and layout.
  virtual void cast(ConstView x, View y, GradientWrite write) = 0;
  virtual void fill(View y, float value) = 0;
  /// y = a x (overwrite) or y += a x (accumulate); same shape and layout.
  virtual void scale(float a, ConstView x, View y, GradientWrite write) = 0;
  /// y = a + b and y = a * b with NumPy's broadcasting; contiguous layout unless all shapes are equal.
  virtual void add(ConstView a, ConstView b, View y) = 0;
  virtual void multiply(ConstView a, ConstView b, View y) = 0;
  /// y = scale * sum of x over the dimensions in which y's (right-aligned) extent is 1 or missing.
  /// Contiguous, fixed order. sum_to_shape(dy) is the backward of broadcasting; y of rank 0 is the full sum.
  virtual void sum_to_shape(ConstView x, float scale, View y, GradientWrite write) = 0;
  /// The backward of sum_to_shape: dx = scale * dy broadcast to dx's shape.
  virtual void broadcast_to(ConstView dy, float scale, View dx, GradientWrite write) = 0;

  // --- augmentation
  // -----------------------------------------------------------------------------------------
  /// Row n of y (N, C, side, side) = image indices[n] of images (count, C, size, size), u8 contiguous, made
  /// into floats as records[n] says (kernels/common/augment.h), then normalised: f32 or, but on the cpu, bf16;
  /// contiguous or channels_last. indices: i64 (N). records: u8 (N, 48), AugmentRecord. On devices that the
  /// host does not share memory with their contents are not checked: require_augment_records, before they are
  /// sent.
  virtual void augment(const AugmentParams& params, ConstView images, ConstView indices, ConstView records,
                       View y) = 0;

  // --- convolution
  // ------------------------------------------------------------------------------------------ x (N, C, H,
  // W), filter (O, C / groups, kH, kW), bias (O) or undefined, y (N, O, H', W'). The layouts of x and y may
  // differ.
  virtual void conv2d_forward(const Conv2dParams& params, ConstView x, ConstView filter, ConstView bias,
                              View y) = 0;
  virtual void conv2d_backward_data(const Conv2dParams& params, ConstView dy, ConstView filter, View dx,
                                    GradientWrite write) = 0;
  /// d_bias may be undefined; it then is not computed.
  virtual void conv2d_backward_filter(const Conv2dParams& params, ConstView x, ConstView dy, View d_filter,
                                      View d_bias, GradientWrite write) = 0;

  // --- pooling
  // ----------------------------------------------------------------------------------------------
  /// Bytes of the argmax that forward keeps for backward; the content is the backend's own.
  [[nodiscard]] virtual std::size_t max_pool2d_argmax_bytes(const Pool2dParams& params,
                                                            const Shape& y) const = 0;
  /// argmax: u8, max_pool2d_argmax_bytes long. Of equal values the first in row-major window order wins; NaN
  /// wins over numbers. Padding never wins.
  virtual void max_pool2d_forward(const Pool2dParams& params, ConstView x, View y, View argmax) = 0;
  virtual void max_pool2d_backward(const Pool2dParams& params, ConstView dy, ConstView argmax, View dx,
                                   GradientWrite write) = 0;
  virtual void avg_pool2d_forward(const Pool2dParams& params, ConstView x, View y) = 0;
  virtual void avg_pool2d_backward(const Pool2dParams& params, ConstView dy, View dx,
                                   GradientWrite write) = 0;
  /// y (N, C), contiguous: the mean over H and W.
  virtual void global_avg_pool2d_forward(ConstView x, View y) = 0;
  virtual void global_avg_pool2d_backward(ConstView dy, View dx, GradientWrite write) = 0;

  // --- activation and normalisation
  // -------------------------------------------------------------------------
  /// y = max(x, 0); NaN stays NaN. y may alias x.
  virtual void relu_forward(ConstView x, View y) = 0;
  /// dx = dy where y > 0, else 0. y is relu's output.
  virtual void relu_backward(ConstView y, ConstView dy, View dx, GradientWrite write) = 0;

  // x (N, C, H, W) or (N, C); all parameters (C). mean and inverse_std = 1 / sqrt(biased variance + epsilon).
  virtual void batch_norm2d_forward_training(const BatchNormParams& params, ConstView x, ConstView gamma,
                                             ConstView beta, View running_mean, View running_var, View y,
                                             View mean, View inverse_std) = 0;
  virtual void batch_norm2d_forward_inference(const BatchNormParams& params, ConstView x, ConstView gamma,
                                              ConstView beta, ConstView running_mean, ConstView running_var,
                                              View y) = 0;
  /// Through the batch statistics. dx, d_gamma and d_beta are written according to their own GradientWrite.
  virtual void batch_norm2d_backward_training(ConstView x, ConstView dy, ConstView gamma, ConstView mean,
                                              ConstView inverse_std, View dx, GradientWrite write_dx,
                                              View d_gamma, GradientWrite write_d_gamma, View d_beta,
                                              GradientWrite write_d_beta) = 0;
  /// With the running statistics as constants: dx = dy gamma / sqrt(running_var + epsilon). Undefined views
  /// among dx, d_gamma and d_beta are skipped.
  virtual void batch_norm2d_backward_inference(const BatchNormParams& params, ConstView x, ConstView dy,
                                               ConstView gamma, ConstView running_mean, ConstView running_var,
                                               View dx, GradientWrite write_dx, View d_gamma,
                                               GradientWrite write_d_gamma, View d_beta,
                                               GradientWrite write_d_beta) = 0;

  // --- fused: batch norm (training) + ReLU [+ 2x2 max pooling with stride 2]
  // ----------------------------------- The same numbers as the composition of the three (within rounding),
  // with fewer passes over memory.
  /// Whether the fused functions below take this shape and layout; the engine composes the parts otherwise.
  [[nodiscard]] virtual bool has_fused_batch_norm2d_relu(const Shape& x, Layout layout, bool pool) const = 0;
  /// y (N, C, H, W), or (N, C, H / 2, W / 2) with pool; argmax (with pool): u8, as many bytes as y has
  /// elements.
  virtual void batch_norm2d_relu_forward_training(const BatchNormParams& params, bool pool, ConstView x,
                                                  ConstView gamma, ConstView beta, View running_mean,
                                                  View running_var, View y, View argmax, View mean,
                                                  View inverse_std) = 0;
  /// y is forward's output. All gradients are overwritten or accumulated as in
  /// batch_norm2d_backward_training.
  virtual void batch_norm2d_relu_backward_training(bool pool, ConstView x, ConstView y, ConstView argmax,
                                                   ConstView dy, ConstView gamma, ConstView beta,
                                                   ConstView mean, ConstView inverse_std, View dx,
                                                   GradientWrite write_dx, View d_gamma,
                                                   GradientWrite write_d_gamma, View d_beta,
                                                   GradientWrite write_d_beta) = 0;
  /// Inference: y = [pool] relu(batch norm with running statistics); argmax is not kept.
  virtual void batch_norm2d_relu_forward_inference(const BatchNormParams& params, bool pool, ConstView x,
                                                   ConstView gamma, ConstView beta, ConstView running_mean,
                                                   ConstView running_var, View y) = 0;

  // --- matrices
  // ---------------------------------------------------------------------------------------------
  /// c (M, N) = op(a) op(b), row-major, op(m) = transpose ? m^T : m. write: c = or c +=.
  virtual void matmul(ConstView a, bool transpose_a, ConstView b, bool transpose_b, View c,
                      GradientWrite write) = 0;
  /// y (N, out) = x (N, in) weight^T (out, in) + bias (out) or undefined.
  virtual void linear_forward(ConstView x, ConstView weight, ConstView bias, View y) = 0;

  // --- dropout
  // ----------------------------------------------------------------------------------------------
  /// y = x * mask / (1 - p), or y += with accumulate. The mask is a function of params, so backward is the
  /// same call on dy; nothing is stored.
  virtual void dropout(const DropoutParams& params, ConstView x, View y, GradientWrite write) = 0;

  // --- softmax and loss: rows of (N, classes)
  // -------------------------------------------------------------------
  virtual void softmax_forward(ConstView x, View y) = 0;
  virtual void softmax_backward(ConstView y, ConstView dy, View dx, GradientWrite write) = 0;
  virtual void log_softmax_forward(ConstView x, View y) = 0;
  virtual void log_softmax_backward(ConstView y, ConstView dy, View dx, GradientWrite write) = 0;
  /// loss (rank 0): PyTorch's cross_entropy, mean reduction. labels i64 (N) in [0, classes); class_weights
  /// (classes) or undefined. log_probabilities (N, classes) is kept for backward.
  virtual void cross_entropy_forward(const CrossEntropyParams& params, ConstView logits, ConstView labels,
                                     ConstView class_weights, View loss, View log_probabilities) = 0;
  virtual void cross_entropy_backward(const CrossEntropyParams& params, ConstView log_probabilities,
                                      ConstView labels, ConstView class_weights, ConstView d_loss,
                                      View d_logits, GradientWrite write) = 0;

  // --- optimizers: flat f32 arrays of equal length
  // --------------------------------------------------------------
  virtual void sgd_step(const SgdParams& params, View parameters, ConstView gradients,
                        View momentum_buffer) = 0;
  virtual void adam_step(const AdamParams& params, View parameters, ConstView gradients, View first_moment,
                         View second_moment) = 0;
};

}  // namespace xr::kernels
