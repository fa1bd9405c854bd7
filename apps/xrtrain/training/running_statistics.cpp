#include "apps/xrtrain/training/running_statistics.h"

#include <algorithm>
#include <cmath>

#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/interrupt.h"
#include "engine/core/autograd.h"
#include "model/features.h"
#include "model/layers/batch_norm2d.h"

namespace xr::apps {

namespace {

/// The least momentum of the batch norms that are trained; 1 without any.
double least_momentum(const model::Module& network) {
  double least = 1;
  for (const model::NamedModule& entry : network.modules())
    if (const auto* norm = dynamic_cast<const model::BatchNorm2d*>(entry.module); norm && !norm->frozen())
      least = std::min(least, static_cast<double>(norm->momentum()));
  return least;
}

}  // namespace

bool momentum_is_too_small(const model::Module& network, std::int64_t steps) {
  return std::pow(1.0 - least_momentum(network), static_cast<double>(steps)) > 0.25;
}

bool has_small_momentum(const model::Module& network) {
  return least_momentum(network) < 0.099;
}

bool has_trained_batch_norm(const model::Module& network) {
  return std::ranges::any_of(network.modules(), [](const model::NamedModule& entry) {
    const auto* norm = dynamic_cast<const model::BatchNorm2d*>(entry.module);
    return norm != nullptr && !norm->frozen();
  });
}

std::int64_t recompute_running_statistics(model::Module& network, BatchSource& batches, std::uint64_t epoch) {
  const engine::NoGradGuard no_grad;
  network.set_training(true);
  std::int64_t images = 0;
  batches.start_epoch(epoch);
  while (batches.load_next()) {
    batches.make_images();
    const auto count = static_cast<std::int64_t>(batches.truth().images());
    images += count;
    network.context().batch_norm_momentum = static_cast<float>(count) / static_cast<float>(images);
    const model::FromFeatures from(network, batches.modules_done());
    (void)network(batches.images());
    if (interrupted()) break;
  }
  network.context().batch_norm_momentum.reset();
  if (interrupted()) throw Interrupted("interrupted while computing running statistics");
  return images;
}

}  // namespace xr::apps
