#include "apps/xrtrain/distributed/device_sums.h"

#include "engine/distributed/nccl_exchange.h"
#include "kernels/native_stream.h"

namespace xr::apps {

std::unique_ptr<engine::DeviceExchange> connect_devices(engine::Communicator* communicator,
                                                        const kernels::Device& device, Console& console) {
  if (communicator == nullptr || device.type != kernels::DeviceType::cuda ||
      kernels::backend(device).is_simulated())
    return nullptr;
  engine::Communicator& ranks = *communicator;
  std::shared_ptr<const engine::nccl::Library> library;
  std::string reason;
  try {
    library = std::make_shared<engine::nccl::Library>();
  } catch (const Error& error) {
    reason = fmt::format("{}: {}", ranks.describe(ranks.rank()), error.what());
  }
  for (const std::string& missing : ranks.all_gather_text(reason)) {
    if (missing.empty()) continue;
    console.line("Gradients are summed through the host's memory: " + missing);
    return nullptr;
  }
  console.detail(fmt::format("Gradients are summed on the GPUs: {}", library->version()));
  return std::make_unique<engine::nccl::NcclExchange>(library, ranks, device, kernels::native_stream(device));
}

}  // namespace xr::apps
