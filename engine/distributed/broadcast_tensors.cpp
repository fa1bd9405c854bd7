#include "engine/distributed/broadcast_tensors.h"

namespace xr::engine {

void broadcast_tensors(Communicator& communicator, const std::vector<NamedTensor>& tensors, int root) {
  std::vector<std::byte> bytes;
  for (const NamedTensor& entry : tensors) {
    Tensor tensor = entry.tensor;
    kernels::Backend& backend = tensor.backend();
    bytes.resize(tensor.view().bytes());
    if (communicator.rank() == root) backend.copy_to_host(bytes.data(), tensor.view().data, bytes.size());
    communicator.broadcast(bytes, root);
    if (communicator.rank() != root)
      backend.copy_from_host(tensor.mutable_view().data, bytes.data(), bytes.size());
  }
}

}  // namespace xr::engine
