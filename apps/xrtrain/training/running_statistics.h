// The running statistics of batch norms, computed anew over the training images where their momentum is too small
// for the steps of an epoch: else they still hold what the network started from, and evaluation goes wrong.
#pragma once

#include <cstdint>

#include "apps/xrtrain/training/batch_source.h"
#include "model/module.h"

namespace xr::apps {

/// Whether more than a quarter of the running statistics of a batch norm that is trained is older than an epoch of
/// `steps` steps: (1 - momentum)^steps > 1/4.
[[nodiscard]] bool momentum_is_too_small(const model::Module& network, std::int64_t steps);

/// Whether a batch norm has less than PyTorch's momentum, 0.1.
[[nodiscard]] bool has_small_momentum(const model::Module& network);

/// Whether a batch norm is trained (not frozen).
[[nodiscard]] bool has_trained_batch_norm(const model::Module& network);

/// Sets the running means and variances to the averages over the batches of one epoch, by their number of images, as
/// the network is: weights do not change. Throws Interrupted after a signal. Returns the number of images.
std::int64_t recompute_running_statistics(model::Module& network, BatchSource& batches, std::uint64_t epoch);

}  // namespace xr::apps
