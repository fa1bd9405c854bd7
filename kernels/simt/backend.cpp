// The hand-written kernels on the SIMT executor: host memory, and launches that have finished when they
// return.
#include <cstring>
#include <memory>
#include <new>

#include "kernels/common/error_codes.h"
#include "kernels/cuda/kernel_backend.h"
#include "kernels/registry.h"

namespace xr::kernels {

namespace simt {

namespace {

class SimtCapture final : public Capture {
 public:
  explicit SimtCapture(std::unique_ptr<RecordedWork> work) : work_(std::move(work)) {}
  void replay() override {
    for (const std::function<void()>& step : *work_) step();
  }

 private:
  std::unique_ptr<RecordedWork> work_;
};

class SimtBackend final : public KernelBackend {
 public:
  SimtBackend() : KernelBackend(Stream{}) {}
  ~SimtBackend() override { free_workspace(); }

  std::string name() const override { return "simt"; }
  bool is_simulated() const override { return true; }
  std::string description() const override {
    return "the CUDA kernels run thread by thread on the CPU, for tests";
  }

  void* allocate(std::size_t bytes) override {
    void* data = ::operator new(bytes, alignment, std::nothrow);
    XR_CHECK_CODE(data != nullptr, error_code::out_of_memory,
                  "out of memory: device simt was asked for {:.1f} MB", static_cast<double>(bytes) / 1e6);
    return data;
  }
  void deallocate(void* data, std::size_t /*bytes*/) noexcept override { ::operator delete(data, alignment); }
  void copy_from_host(void* device, const void* host, std::size_t bytes) override {
    const auto lock = outside_capture("a copy from the host");
    copy(device, host, bytes);
  }
  void copy_to_host(void* host, const void* device, std::size_t bytes) override {
    const auto lock = outside_capture("a copy to the host");
    copy(host, device, bytes);
    throw_data_fault();
  }
  void copy(void* to, const void* from, std::size_t bytes) override {
    if (bytes == 0) return;
    if (recorded_ != nullptr)
      recorded_->emplace_back([=] { std::memmove(to, from, bytes); });
    else
      std::memmove(to, from, bytes);
  }
  void synchronize() override {
    const auto lock = outside_capture("waiting for the device");
    throw_data_fault();
  }
  void configure(const BackendOptions& options) override {
    XR_CHECK_CODE(options.kernels != KernelChoice::cudnn, error_code::kernels_unsupported,
                  "cuDNN runs on CUDA devices only, not on device simt");
    KernelBackend::configure(options);
  }

 protected:
  void* allocate_shared(std::size_t bytes) override { return allocate(bytes); }
  void deallocate_shared(void* data) noexcept override { deallocate(data, 0); }

  void start_capture() override {
    recorded_ = std::make_unique<RecordedWork>();
    set_stream(recorded_.get());
  }
  std::unique_ptr<Capture> finish_capture() override {
    set_stream(nullptr);
    return std::make_unique<SimtCapture>(std::move(recorded_));
  }

 private:
  std::unique_ptr<RecordedWork> recorded_;
  static constexpr std::align_val_t alignment{256};  // what cudaMalloc gives
};

}  // namespace

}  // namespace simt

std::unique_ptr<Backend> make_simt_backend() {
  return std::make_unique<simt::SimtBackend>();
}

}  // namespace xr::kernels
