#include "kernels/cuda/kernel_backend.h"

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
                       plan.operations});
}

void* KernelBackend::workspace(std::size_t bytes) {
  if (bytes > workspace_bytes_) {
    free_workspace();
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
  if (data_fault_ == nullptr || data_fault_->kind == DataFault::Kind::none) return;
  const DataFault fault = std::exchange(*data_fault_, DataFault{});
  throw Error(fmt::format("cross_entropy: the label of row {} is {}: with {} classes it must lie in [0, {}]",
                          fault.row, fault.label, fault.classes, fault.classes - 1));
}

void KernelBackend::free_workspace() noexcept {
  if (data_fault_ != nullptr) deallocate_shared(std::exchange(data_fault_, nullptr));
  if (workspace_ != nullptr)
    deallocate(std::exchange(workspace_, nullptr), std::exchange(workspace_bytes_, 0));
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
