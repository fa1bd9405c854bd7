// Training steps of a range test, with the images, the network and the optimizer of a training.
#pragma once

#include <string>

#include "apps/xrtrain/console.h"
#include "apps/xrtrain/find_lr/range_test.h"
#include "apps/xrtrain/options/options.h"

namespace xr::apps {

struct FoundRange {
  RangeTest test;
  std::string subtitle;  ///< "xray_resnet, adamw, batches of 8 of 220 training images"
};

/// Trains as `train` begins to with these options, on the training images alone, but for the learning rate. Writes
/// nothing but, with --init, options.out/initial_weights.json. Throws UsageError, DataError, and Interrupted after a
/// signal.
[[nodiscard]] FoundRange find_range(const TrainOptions& options, const RangeTestSettings& settings,
                                    Console& console);

}  // namespace xr::apps
