// Messages between the memories of GPUs, through NCCL.
#pragma once

#include <memory>

#include "engine/distributed/device_exchange.h"
#include "engine/distributed/nccl_library.h"

namespace xr::engine::nccl {

class NcclExchange final : public DeviceExchange {
 public:
  /// On every rank of `ranks`, each with a device of its own; NCCL's unique id goes through `ranks`. `stream`: the queue
  /// of the device's work (cudaStream_t), which outlives this. The calling thread's device is this one, as it is once its
  /// backend was used.
  NcclExchange(std::shared_ptr<const Library> library, Communicator& ranks, const kernels::Device& device,
               Stream stream);
  ~NcclExchange() override;
  NcclExchange(const NcclExchange&) = delete;
  NcclExchange& operator=(const NcclExchange&) = delete;

  void exchange(std::span<const Outgoing> sent, std::span<const Incoming> received) override;

 private:
  std::shared_ptr<const Library> library_;
  Stream stream_;
  Comm comm_ = nullptr;
};

}  // namespace xr::engine::nccl
