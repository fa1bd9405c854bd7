// A convolution as cuDNN's graph API sees it: its whole descriptor, and the plan that runs it.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cudnn/descriptor.h"

namespace xr::kernels::cudnn {

/// Where the elements of an operand lie. Extents and strides (in elements) are in the order N, C, H, W.
struct Operand {
  DType dtype = DType::f32;
  std::array<std::int64_t, 4> extents{}, strides{};
  std::int64_t alignment = 16;  ///< bytes by which the address is divisible, at most 16

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes its own 0 for a pointer
  friend auto operator<=>(const Operand&, const Operand&) = default;
};

/// Bytes by which an address is divisible, at most 16.
[[nodiscard]] std::int64_t alignment_of(const void* data);
/// Of a rank-4 tensor, contiguous or channels_last.
[[nodiscard]] Operand operand_of(const ConstView& view);

enum class Pass : std::uint8_t { forward, backward_data, backward_filter };

[[nodiscard]] const char* name_of(Pass pass);

/// All that a plan depends on, and the key of the cache.
struct Convolution {
  Pass pass = Pass::forward;
  /// Whether products of f32 operands may be computed in TF32.
  bool tf32 = false;
  /// Whether the result is added to what its memory holds.
  bool accumulate = false;
  /// Forward only: bytes by which the address of the bias (f32, one per output channel) is divisible; 0:
  /// none.
  std::int64_t bias_alignment = 0;
  Operand x, filter, y;  ///< or the gradients of these
  std::array<std::int64_t, 2> padding{}, padding_end{}, stride{1, 1}, dilation{1, 1};
  std::int64_t groups = 1;

  // NOLINTNEXTLINE(modernize-use-nullptr): as above
  friend auto operator<=>(const Convolution&, const Convolution&) = default;
  /// "conv2d_forward of [60, 1, 224, 224] f32 with [32, 1, 3, 3] f32 to ..."
  [[nodiscard]] std::string describe() const;
};

/// What a plan is made for: the device of a handle, or one that is described by its properties only
/// (CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR), for which plans can be made but not run.
struct Target {
  const CudnnLibrary* library = nullptr;
  cudnnHandle_t handle = nullptr;
  const Descriptor* device_properties = nullptr;
};

/// Whether an engine with these notes may run: none whose results differ from run to run, that rounds f32
/// operands to less than TF32, sums in less than f32, or transforms the data (Fourier, Winograd: less
/// accurate, and one NaN spreads); and for true f32 none on tensor cores.
[[nodiscard]] bool is_allowed(std::span<const cudnnBackendNumericalNote_t> notes, bool tensor_cores);

class ConvolutionPlan {
 public:
  [[nodiscard]] Pass pass() const { return pass_; }
  [[nodiscard]] std::size_t workspace_bytes() const { return workspace_bytes_; }
  /// "cudnn conv2d_forward, engine 67", and ", plan 3" if it is not the first
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::vector<cudnnBackendNumericalNote_t>& notes() const { return notes_; }
  /// Queues the convolution. The operands are those that the plan was made for; bias may be null without one.
  void run(cudnnHandle_t handle, const void* x, const void* filter, const void* y, const void* bias,
           void* workspace) const;

 private:
  friend class ConvolutionPlanner;
  ConvolutionPlan(Descriptor plan, Pass pass, bool bias) : plan_(std::move(plan)), pass_(pass), bias_(bias) {}

  Descriptor plan_;
  Pass pass_;
  bool bias_;
  std::size_t workspace_bytes_ = 0;
  std::string name_;
  std::vector<cudnnBackendNumericalNote_t> notes_;
};

/// The plans of a convolution whose engine is allowed and can be built within `max_workspace` bytes, in the
/// order of cuDNN's heuristics. Each is made when it is asked for first: it takes time, a second where cuDNN
/// compiles an engine for it.
class ConvolutionPlanner {
 public:
  ConvolutionPlanner(const Target& target, const Convolution& convolution, std::size_t max_workspace);

  /// Null if there are not so many. The plan stays where it is.
  [[nodiscard]] const ConvolutionPlan* at(std::size_t index);

 private:
  /// Makes the next one; false if there is none.
  bool make_next();
  [[nodiscard]] std::optional<ConvolutionPlan> make(const Descriptor& configuration) const;

  Target target_;
  Convolution convolution_;
  std::size_t max_workspace_;
  std::optional<Descriptor> graph_;         // none if cuDNN has no such graph
  std::vector<Descriptor> configurations_;  // what the modes that were asked propose
  std::size_t modes_asked_ = 0, next_ = 0;
  std::deque<ConvolutionPlan> plans_;
};

/// Plans by their whole descriptors, each made once; also that there is none.
class ConvolutionPlans {
 public:
  ConvolutionPlans(const Target& target, std::size_t max_workspace)
      : target_(target), max_workspace_(max_workspace) {}

  /// The plan of this number, 0 to max_plans - 1; null if cuDNN has none, or not so many. 0 is the one to
  /// train with, the others are a benchmark's.
  [[nodiscard]] const ConvolutionPlan* find(const Convolution& convolution, int index = 0);
  [[nodiscard]] std::size_t size() const { return planners_.size(); }

 private:
  Target target_;
  std::size_t max_workspace_;
  std::map<Convolution, ConvolutionPlanner> planners_;
};

}  // namespace xr::kernels::cudnn
