// Everything that the engine may ask of a device: the one interface that cpu, cuda, cudnn and simt implement.
//
// What it computes is a list of calls (operations.h), each a struct with its operands.
//
// Work is queued in order; only copy_to_host and synchronize wait for it. Every function throws xr::Error on a status
// that is not success.
#pragma once

#include <array>
#include <chrono>
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
  /// Of several hand-written kernels for a call the one of this name or family, if there is one that
  /// fits: for tests and benchmarks.
  std::string variant = {};
};

/// Whose kernel ran.
enum class Library : std::uint8_t { hand_written, cudnn, cublas };

/// One launch of a hand-written kernel, as its launcher describes it, or one call of a library.
struct LaunchRecord {
  std::string kernel;
  std::array<unsigned, 3> grid{}, block{};
  std::size_t shared_bytes = 0;  ///< dynamic
  std::int64_t bytes = 0;        ///< to move at least: each input and each output once
  std::int64_t operations = 0;   ///< floating-point
  Library library = Library::hand_written;
};

/// A call of the engine. The host's time: all of it where the device queues nothing.
struct CallRecord {
  const char* call;  ///< its name
  double seconds = 0;
  std::int64_t bytes = 0;  ///< to move at least
};

/// A copy of an operand of which a kernel wants the elements in another order or type, or with the padding around them.
struct ConversionRecord {
  const char *operation, *operand;  ///< "conv2d_forward", "filter"
  std::int64_t bytes = 0;           ///< of the operand
  bool adds = false;                ///< to what the caller has there: the kernel can only overwrite
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
  /// "cpu", "cuda:0", ...
  [[nodiscard]] virtual std::string name() const = 0;
  /// One line about the hardware and the libraries.
  [[nodiscard]] virtual std::string description() const = 0;
  /// Whether it stands for hardware that is not there: results are right, times mean nothing.
  [[nodiscard]] virtual bool is_simulated() const { return false; }
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
  /// Whether configure takes it.
  [[nodiscard]] virtual bool has_precision(Precision /*precision*/) const { return true; }
  /// From now on each launch is appended to `records`; nullptr stops it. Backends without launches record
  /// nothing.
  virtual void record_launches(std::vector<LaunchRecord>* /*records*/) {}
  /// The same for conversions of operands.
  virtual void record_conversions(std::vector<ConversionRecord>* /*records*/) {}
  /// The same for calls; those that a call makes itself are a part of it.
  void record_calls(std::vector<CallRecord>* records) { call_records_ = records; }

  // --- calls
  /// Queues the call after checking it. Throws Error where its operands do not fit together, or this backend does not
  /// take them.
  template <class Call>
  void run(const Call& call) {
    call.validate();
    if (call_records_ == nullptr) return compute(call);
    const CallTimer timer(*this, {Call::name, 0, call.bytes()});
    compute(call);
  }
  /// Bytes of the argmax that MaxPool2dForward keeps for MaxPool2dBackward; the content is the backend's own.
  [[nodiscard]] virtual std::size_t max_pool2d_argmax_bytes(const Pool2dParams& params,
                                                            const Shape& y) const = 0;
  /// Whether the fused calls of batch_norm2d_relu.h take this shape and layout.
  [[nodiscard]] virtual bool has_fused_batch_norm2d_relu(const Shape& x, Layout layout, bool pool) const = 0;

 protected:
  // Of calls that have been checked.
#define XR_COMPUTE(Call) virtual void compute(const Call& call) = 0;
  XR_FOR_EACH_CALL(XR_COMPUTE)
#undef XR_COMPUTE

 private:
  /// Appends a record when it ends; none are made while it lives.
  class CallTimer {
   public:
    CallTimer(Backend& backend, const CallRecord& record);
    CallTimer(const CallTimer&) = delete;
    CallTimer& operator=(const CallTimer&) = delete;
    ~CallTimer();

   private:
    Backend& backend_;
    std::vector<CallRecord>& records_;
    std::size_t number_;
    std::chrono::steady_clock::time_point start_;
  };

  std::vector<CallRecord>* call_records_ = nullptr;
};

}  // namespace xr::kernels
