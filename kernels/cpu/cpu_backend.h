// The CPU backend: oneDNN where it has the operation and is fast at it, plain C++ in parallel_for elsewhere.
// Each operation is implemented in the file of its name beside this one.
#pragma once

#include <memory>

#include "kernels/backend.h"

namespace xr::kernels::cpu {

class CpuBackend final : public Backend {
 public:
  CpuBackend();
  ~CpuBackend() override;

  std::string name() const override;
  std::string description() const override;
  Layout preferred_layout(std::int64_t channels) const override;
  DType activation_type() const override;
  void* allocate(std::size_t bytes) override;
  void deallocate(void* data, std::size_t bytes) noexcept override;
  void copy_from_host(void* device, const void* host, std::size_t bytes) override;
  void copy_to_host(void* host, const void* device, std::size_t bytes) override;
  void copy(void* to, const void* from, std::size_t bytes) override;
  void synchronize() override;
  void configure(const BackendOptions& options) override;
  bool has_precision(Precision precision) const override;
  void record_conversions(std::vector<ConversionRecord>* records) override;
  std::size_t max_pool2d_argmax_bytes(const Pool2dParams& params, const Shape& y) const override;
  bool has_fused_batch_norm2d_relu(const Shape& x, Layout layout, bool pool) const override;

 private:
#define XR_COMPUTE(Call) void compute(const Call& call) override;
  XR_FOR_EACH_CALL(XR_COMPUTE)
#undef XR_COMPUTE

  struct Primitives;  // oneDNN engine, stream and primitives, cached by their whole descriptor
  std::unique_ptr<Primitives> primitives_;
  Precision precision_ = Precision::fp32;
};

}  // namespace xr::kernels::cpu
