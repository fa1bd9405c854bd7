// The kernels on a CUDA device: its memory, its stream, its errors.
#pragma once

#include <memory>
#include <string>

#include "kernels/cuda/device/routed_backend.h"
#include "kernels/cuda/device/upload.h"

namespace xr::kernels::cuda {

class CudaBackend final : public RoutedBackend {
 public:
  /// Throws Error that says what is missing: a driver, a new enough one, the device `index`.
  explicit CudaBackend(int index);
  ~CudaBackend() override;

  std::string name() const override;
  std::string description() const override;
  bool is_simulated() const override;
  void* allocate(std::size_t bytes) override;
  void deallocate(void* data, std::size_t bytes) noexcept override;
  std::size_t available_memory() const override;
  void copy_from_host(void* device, const void* host, std::size_t bytes) override;
  void copy_to_host(void* host, const void* device, std::size_t bytes) override;
  void copy(void* to, const void* from, std::size_t bytes) override;
  void synchronize() override;
  std::unique_ptr<HostCopy> make_host_copy(std::size_t bytes) override;

 protected:
  void start_capture() override;
  std::unique_ptr<Capture> finish_capture() override;
  void* allocate_shared(std::size_t bytes) override;
  void deallocate_shared(void* data) noexcept override;
  void use_device() const override;

 private:
  void wait_for_stream();

  int index_;
  std::string description_;
  std::size_t bytes_in_use_ = 0;
  std::unique_ptr<UploadRing> uploads_;
};

}  // namespace xr::kernels::cuda
