#include "kernels/cuda/kernel_backend.h"

#include <atomic>
#include <new>
#include <utility>

namespace xr::kernels::XR_DEVICE_NAMESPACE {

// Neighbouring threads take neighbouring channels, and a tensor core's operands lie together.
Layout KernelBackend::preferred_layout(std::int64_t /*channels*/) const {
  return Layout::channels_last;
}

DType KernelBackend::activation_type() const {
  return options_.precision == Precision::bf16 ? DType::bf16 : DType::f32;
}

void KernelBackend::configure(const BackendOptions& options) {
  options_ = options;
}

void KernelBackend::record(const LaunchPlan& plan) {
  records_->push_back({plan.kernel,
                       {plan.grid.x, plan.grid.y, plan.grid.z},
                       {plan.block.x, plan.block.y, plan.block.z},
                       plan.shared_bytes,
                       plan.bytes,
                       plan.operations,
                       Library::hand_written});
}

void KernelBackend::begin_capture() {
  outside_capture("a second capture").unlock();
  std::unique_lock lock(capture_mutex_);
  start_capture();
  capture_lock_ = std::move(lock);
  capturing_thread_ = std::this_thread::get_id();
  has_captured_ = true;
}

std::unique_ptr<Capture> KernelBackend::end_capture() {
  XR_CHECK(capturing_thread_.load() == std::this_thread::get_id(), "{}: end_capture without begin_capture",
           name());
  const auto lock = std::move(capture_lock_);
  capturing_thread_ = std::thread::id();
  return finish_capture();
}

std::shared_lock<std::shared_mutex> KernelBackend::outside_capture(const char* action) {
  XR_CHECK(capturing_thread_.load() != std::this_thread::get_id(), "{}: {} cannot be a part of captured work",
           name(), action);
  return std::shared_lock(capture_mutex_);
}

void* KernelBackend::workspace(std::size_t bytes) {
  if (bytes > workspace_bytes_) {
    if (workspace_ != nullptr && has_captured_)
      old_workspaces_.emplace_back(workspace_, workspace_bytes_);
    else if (workspace_ != nullptr)
      deallocate(workspace_, workspace_bytes_);
    workspace_ = nullptr;
    workspace_bytes_ = 0;
    workspace_ = allocate(bytes);
    workspace_bytes_ = bytes;
  }
  return workspace_;
}

DataFault* KernelBackend::data_fault() {
  if (data_fault_ == nullptr) data_fault_ = new (allocate_shared(sizeof(DataFault))) DataFault{};
  return data_fault_;
}

void KernelBackend::throw_data_fault() {
  const std::lock_guard lock(data_fault_mutex_);
  if (data_fault_ == nullptr) return;
  const std::atomic_ref kind(data_fault_->kind);
  if (kind.load(std::memory_order_acquire) == DataFault::Kind::none) return;
  const DataFault fault = *data_fault_;
  kind.store(DataFault::Kind::none, std::memory_order_release);
  if (fault.kind == DataFault::Kind::target_out_of_range)
    throw Error(
        fmt::format("binary_cross_entropy_with_logits: the target of row {}, label {} is {}: it must lie in "
                    "[0, 1], or be NaN where it is unknown",
                    fault.row, fault.label, fault.target));
  throw Error(fmt::format("cross_entropy: the label of row {} is {}: with {} classes it must lie in [0, {}]",
                          fault.row, fault.label, fault.classes, fault.classes - 1));
}

void KernelBackend::free_workspace() noexcept {
  if (data_fault_ != nullptr) deallocate_shared(std::exchange(data_fault_, nullptr));
  if (workspace_ != nullptr)
    deallocate(std::exchange(workspace_, nullptr), std::exchange(workspace_bytes_, 0));
  for (const auto& [data, bytes] : std::exchange(old_workspaces_, {})) deallocate(data, bytes);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
