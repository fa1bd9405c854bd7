// What cuDNN and cuBLAS can do of backend.h, as the fallback and the yardstick of the hand-written kernels.
// Nothing of their headers is needed to use it. kernels/absent_cudnn stands in where they were not there.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "kernels/backend.h"

namespace xr::kernels::cudnn {

/// Each call that the libraries have, for some operands at least: X(Call).
#define XR_FOR_EACH_LIBRARY_CALL(X) \
  X(Conv2dForward)                  \
  X(Conv2dBackwardData)             \
  X(Conv2dBackwardFilter)           \
  X(AvgPool2dForward)               \
  X(GlobalAvgPool2dForward)         \
  X(ReluForward)                    \
  X(ReluBackward)                   \
  X(BatchNorm2dForwardTraining)     \
  X(BatchNorm2dForwardInference)    \
  X(BatchNorm2dBackwardTraining)    \
  X(SoftmaxForward)                 \
  X(SoftmaxBackward)                \
  X(LogSoftmaxForward)              \
  X(LogSoftmaxBackward)             \
  X(Matmul)                         \
  X(LinearForward)

/// What ran, for the record of launches. False: the libraries do not have the call for these operands, and nothing was
/// queued.
struct Ran {
  Library library = Library::hand_written;
  const char* kernel = nullptr;

  explicit operator bool() const { return kernel != nullptr; }
};

/// Plans of a convolution among which a benchmark can choose, at most; and what BackendOptions::variant, with
/// KernelChoice::cudnn, chooses them by: "cudnn_plan_3".
constexpr int max_plans = 8;
constexpr std::string_view plan_variant = "cudnn_plan_";

/// For calls that have been checked.
/// Whatever is configured, results are the same from run to run; f32 products are rounded to TF32 in
/// Precision::tf32 and bf16 only.
class Operations {
 public:
  Operations() = default;
  Operations(const Operations&) = delete;
  Operations& operator=(const Operations&) = delete;
  virtual ~Operations() = default;

  /// "cuDNN 9.19.0 and cuBLAS 13.2.0"
  [[nodiscard]] virtual std::string version() const = 0;
  virtual void set_precision(Precision precision) = 0;
  /// Which of its plans a convolution takes, from 0 (the usual one) to max_plans - 1: for benchmarks. Where
  /// there are fewer, the convolution counts as one that the libraries do not have.
  virtual void set_convolution_plan(int index) = 0;

#define XR_RUN(Call) virtual Ran run(const Call& call) = 0;
  XR_FOR_EACH_LIBRARY_CALL(XR_RUN)
#undef XR_RUN
};

/// Where the operations run.
struct Place {
  /// Asked for memory, casts, sums and broadcasts; it must outlive the operations and must not ask them for
  /// these.
  Backend& own;
  void* stream;  ///< a cudaStream_t of the current CUDA device
  /// Whether recorded work may still use memory that was asked for earlier.
  std::function<bool()> has_captured;
};

/// Opens the libraries. Throws Error that says what is missing and what to do.
[[nodiscard]] std::unique_ptr<Operations> make_operations(const Place& place);

/// One line: the versions that make_operations would open, or what is missing.
[[nodiscard]] std::string describe_libraries();

}  // namespace xr::kernels::cudnn
