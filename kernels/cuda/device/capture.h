// CUDA graphs, and copies to page-locked memory that the host need not wait for.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <memory>

#include "kernels/backend.h"

namespace xr::kernels::cuda {

/// What is queued on `stream` from now on becomes a graph.
void begin_graph(cudaStream_t stream);
[[nodiscard]] std::unique_ptr<Capture> end_graph(cudaStream_t stream);

/// arrived() is called after each wait.
[[nodiscard]] std::unique_ptr<HostCopy> make_pinned_copy(std::size_t bytes, cudaStream_t stream,
                                                         std::function<void()> arrived);

}  // namespace xr::kernels::cuda
