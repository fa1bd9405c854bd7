#include "engine/distributed/nccl_exchange.h"

namespace xr::engine::nccl {

NcclExchange::NcclExchange(std::shared_ptr<const Library> library, Communicator& ranks,
                           const kernels::Device& device, Stream stream)
    : DeviceExchange(device), library_(std::move(library)), stream_(stream) {
  UniqueId id{};
  if (ranks.rank() == 0) library_->check(library_->get_unique_id(&id), "ncclGetUniqueId");
  ranks.broadcast(std::as_writable_bytes(std::span(&id, 1)));
  library_->check(library_->comm_init_rank(&comm_, ranks.size(), id, ranks.rank()), "ncclCommInitRank");
}

NcclExchange::~NcclExchange() {
  if (comm_ != nullptr) (void)library_->comm_destroy(comm_);
}

// In one group, so that the order of sends and receives does not matter.
void NcclExchange::exchange(std::span<const Outgoing> sent, std::span<const Incoming> received) {
  library_->check(library_->group_start(), "ncclGroupStart");
  for (const Outgoing& message : sent)
    library_->check(
        library_->send(message.bytes.data(), message.bytes.size(), uint8, message.rank, comm_, stream_),
        "ncclSend");
  for (const Incoming& message : received)
    library_->check(
        library_->receive(message.bytes.data(), message.bytes.size(), uint8, message.rank, comm_, stream_),
        "ncclRecv");
  library_->check(library_->group_end(), "ncclGroupEnd");
}

}  // namespace xr::engine::nccl
