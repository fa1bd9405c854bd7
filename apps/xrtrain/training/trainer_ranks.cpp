// What a trainer says to the other ranks, beside the steps themselves (model/sharded_training_step.cpp).
#include "apps/xrtrain/training/trainer.h"
#include "engine/distributed/broadcast_tensors.h"
#include "engine/io/crc32.h"

namespace xr::apps {

void Trainer::share_state() {
  if (setup_.communicator == nullptr) return;
  engine::broadcast_tensors(*setup_.communicator, state_tensors(setup_.network.state()));
}

void Trainer::require_equal_ranks() {
  if (setup_.communicator == nullptr) return;
  const engine::Communicator& ranks = *setup_.communicator;
  const std::vector<float> weights = arena_->values().to_host();
  const std::string own =
      fmt::format("{:08x} {}", engine::crc32(std::as_bytes(std::span(weights))), history_csv(history_));
  const std::vector<std::string> all = setup_.communicator->all_gather_text(own);
  for (int rank = 1; rank < ranks.size(); ++rank)
    XR_CHECK(all[static_cast<std::size_t>(rank)] == all[0],
             "{} computed other weights or results than {} in epoch {}: their processors or libraries differ",
             ranks.describe(rank), ranks.describe(0), progress_.epoch);
}

}  // namespace xr::apps
