// Where the ranks' GPUs can send each other, so that sums of gradients stay in their memory.
#pragma once

#include <memory>

#include "apps/xrtrain/console.h"
#include "engine/distributed/device_exchange.h"

namespace xr::apps {

/// NCCL between the CUDA devices of all ranks; null on other devices, and with a line that says why where a rank has no
/// NCCL, or this process is alone (`communicator` is null). To be called on every rank.
[[nodiscard]] std::unique_ptr<engine::DeviceExchange> connect_devices(engine::Communicator* communicator,
                                                                      const kernels::Device& device,
                                                                      Console& console);

}  // namespace xr::apps
