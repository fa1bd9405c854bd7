#include "kernels/cuda/device/capture.h"

#include <utility>

#include "kernels/cuda/device/check.h"

namespace xr::kernels::cuda {

namespace {

class CudaGraph final : public Capture {
 public:
  CudaGraph(cudaGraph_t graph, cudaStream_t stream) : stream_(stream) {
    const cudaError_t status = cudaGraphInstantiate(&executable_, graph, 0);
    cudaGraphDestroy(graph);  // the executable graph keeps what it needs
    XR_CUDA_CHECK(status);
  }
  ~CudaGraph() override { cudaGraphExecDestroy(executable_); }
  void replay() override { XR_CUDA_CHECK(cudaGraphLaunch(executable_, stream_)); }

 private:
  cudaGraphExec_t executable_ = nullptr;
  cudaStream_t stream_;
};

class PinnedCopy final : public HostCopy {
 public:
  PinnedCopy(std::size_t bytes, cudaStream_t stream, std::function<void()> arrived)
      : stream_(stream), arrived_(std::move(arrived)), reserved_(bytes) {
    XR_CUDA_CHECK(cudaEventCreateWithFlags(&done_, cudaEventDisableTiming));
    if (const cudaError_t status = cudaMallocHost(&data_, bytes); status != cudaSuccess) {
      cudaEventDestroy(done_);
      XR_CUDA_CHECK(status);
    }
  }
  ~PinnedCopy() override {
    cudaEventSynchronize(done_);  // the copy must not write into freed memory
    cudaEventDestroy(done_);
    cudaFreeHost(data_);
  }
  void start(const void* device, std::size_t bytes) override {
    XR_CHECK(bytes <= reserved_, "a copy of {} bytes to the host: {} were reserved", bytes, reserved_);
    bytes_ = bytes;
    XR_CUDA_CHECK(cudaMemcpyAsync(data_, device, bytes, cudaMemcpyDeviceToHost, stream_));
    XR_CUDA_CHECK(cudaEventRecord(done_, stream_));
  }
  std::span<const std::byte> wait() override {
    XR_CUDA_CHECK(cudaEventSynchronize(done_));
    arrived_();
    return {static_cast<const std::byte*>(data_), bytes_};
  }

 private:
  cudaStream_t stream_;
  std::function<void()> arrived_;
  cudaEvent_t done_ = nullptr;
  void* data_ = nullptr;
  std::size_t reserved_, bytes_ = 0;
};

}  // namespace

void begin_graph(cudaStream_t stream) {
  // Relaxed: the allocator may ask for memory in between.
  XR_CUDA_CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
}

std::unique_ptr<Capture> end_graph(cudaStream_t stream) {
  cudaGraph_t graph = nullptr;
  XR_CUDA_CHECK(cudaStreamEndCapture(stream, &graph));
  return std::make_unique<CudaGraph>(graph, stream);
}

std::unique_ptr<HostCopy> make_pinned_copy(std::size_t bytes, cudaStream_t stream,
                                           std::function<void()> arrived) {
  return std::make_unique<PinnedCopy>(bytes, stream, std::move(arrived));
}

}  // namespace xr::kernels::cuda
