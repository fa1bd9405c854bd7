#include "apps/xrtrain/training/batch_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/xrtrain/errors.h"

namespace xr::apps {

void require_batches(const TrainOptions& options, const model::ModelSettings& settings, std::size_t images) {
  const auto least = static_cast<std::size_t>(model::min_training_batch(settings));
  const auto fits = [&](std::size_t batch) { return images % batch == 0 || images % batch >= least; };
  auto batch = std::min(images, static_cast<std::size_t>(options.batch_size));
  if (batch >= least && fits(batch)) return;
  while (batch > least && !fits(batch)) --batch;
  throw UsageError(fmt::format(
      "--batch-size is {}: the last batch of {} training images has one image, and {} cannot be trained on "
      "one of {} x {} pixels (batch norm has one value per channel): use {}a larger --image-size",
      options.batch_size, images, options.model, options.image_size, options.image_size,
      batch >= least && fits(batch) && images >= least ? fmt::format("--batch-size {} or ", batch) : ""));
}

}  // namespace xr::apps
