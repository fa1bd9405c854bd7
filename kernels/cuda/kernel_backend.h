// The hand-written kernels as a backend: every operation of backend.h, each in the .cu file of its name
// beside this one. Memory, copies and waiting are the business of the device: CudaBackend (cuda_backend.h) or
// SimtBackend (kernels/simt/backend.cpp) derive from this class.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <utility>
#include <vector>

#include "kernels/backend.h"
#include "kernels/cuda/device/device.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

/// What a launcher says about its launch: the shape of the grid, and what the call must do at least.
struct LaunchPlan {
  const char* kernel;  ///< its name
  dim3 grid, block;
  std::size_t shared_bytes = 0;  ///< dynamic
  std::int64_t bytes = 0;        ///< to move: each input and each output once
  std::int64_t operations = 0;   ///< floating-point additions and multiplications
};

/// What a kernel found wrong with its data, in memory that host and device share. A kernel cannot throw: it
/// writes this, and the next wait for the device throws the error.
struct DataFault {
  enum class Kind : std::int32_t { none, label_out_of_range, target_out_of_range } kind;
  std::int64_t row, label, classes;  ///< of a target: its label's place
  double target;

  /// By one thread of a kernel. The first fault stays until the host has read it, and the host, which may
  /// look while later work runs, sees the kind last.
  __device__ void report(Kind what, std::int64_t at_row, std::int64_t its_label, std::int64_t of_classes,
                         double its_target = 0.0) {
    volatile Kind& shown = kind;
    if (shown != Kind::none) return;
    row = at_row;
    label = its_label;
    classes = of_classes;
    target = its_target;
    __threadfence_system();
    shown = what;
  }
};

class KernelBackend : public Backend {
 public:
  Layout preferred_layout(std::int64_t channels) const override;
  DType activation_type() const override;
  void configure(const BackendOptions& options) override;
  void record_launches(std::vector<LaunchRecord>* records) override { records_ = records; }
  bool can_capture() const override { return true; }
  void begin_capture() override;
  std::unique_ptr<Capture> end_capture() override;

  std::size_t max_pool2d_argmax_bytes(const Pool2dParams& params, const Shape& y) const override;
  bool has_fused_batch_norm2d_relu(const Shape& x, Layout layout, bool pool) const override;

  // For the launchers of an operation that has several kernels, each in a file of its own.

  [[nodiscard]] Stream stream() const { return stream_; }
  [[nodiscard]] const BackendOptions& options() const { return options_; }

  using Backend::run;
  /// Launches `kernel` on the backend's stream and records the plan if someone asked for it.
  template <class... P, class... A>
  void run(const LaunchPlan& plan, void (*kernel)(P...), A&&... arguments) {
    use_device();
    if (records_ != nullptr) record(plan);
    launch(kernel, plan.grid, plan.block, plan.shared_bytes, stream_, std::forward<A>(arguments)...);
  }

  /// Device memory for the partial results of one operation: valid until the next call, contents unspecified.
  /// Grows to the largest size asked for, so that a steady step allocates nothing.
  [[nodiscard]] void* workspace(std::size_t bytes);
  /// Where a kernel, in one of its threads, says what is wrong with its data.
  [[nodiscard]] DataFault* data_fault();

 protected:
#define XR_COMPUTE(Call) void compute(const Call& call) override;
  XR_FOR_EACH_CALL(XR_COMPUTE)
#undef XR_COMPUTE

  explicit KernelBackend(Stream stream) : stream_(stream) {}

  /// Makes the device of the stream the calling thread's. A thread that has not called CUDA before has device
  /// 0, and one that has used another backend may have another.
  virtual void use_device() const {}

  /// Memory that host and device read and write at one address.
  [[nodiscard]] virtual void* allocate_shared(std::size_t bytes) = 0;
  virtual void deallocate_shared(void* data) noexcept = 0;
  /// Whether a Capture may use memory that was asked for earlier.
  [[nodiscard]] bool has_captured() const {
    return has_captured_;
  }
  /// Where launches are recorded, or null.
  [[nodiscard]] std::vector<LaunchRecord>* records() const {
    return records_;
  }

  /// Throws what a kernel found wrong with its data, once. Derived classes call this after a wait, from any
  /// thread; later work may be running.
  void throw_data_fault();

  /// Frees what the class keeps on the device. Derived classes call this before their allocator dies.
  void free_workspace() noexcept;

  void set_stream(Stream stream) {
    stream_ = stream;
  }
  virtual void start_capture() = 0;
  /// Ends the recording and returns it.
  virtual std::unique_ptr<Capture> finish_capture() = 0;
  /// Throws Error while this thread records work: `action` cannot be. Where another thread does (this one
  /// writes a checkpoint, say) it waits for the end of the recording, and as long as the result lives none
  /// begins.
  [[nodiscard]] std::shared_lock<std::shared_mutex> outside_capture(const char* action);

 private:
  void record(const LaunchPlan& plan);

  Stream stream_;
  BackendOptions options_;
  std::vector<LaunchRecord>* records_ = nullptr;
  void* workspace_ = nullptr;
  std::size_t workspace_bytes_ = 0;
  std::shared_mutex capture_mutex_;                   // exclusive: records; shared: copies, waits
  std::unique_lock<std::shared_mutex> capture_lock_;  // of the thread that records
  std::atomic<std::thread::id> capturing_thread_{};   // none's id while nobody records
  bool has_captured_ = false;
  std::vector<std::pair<void*, std::size_t>> old_workspaces_;  // that a Capture may still use
  DataFault* data_fault_ = nullptr;
  std::mutex data_fault_mutex_;
};

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
