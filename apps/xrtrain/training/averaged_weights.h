// Computing with the moving average of a network's weights (--ema) in the place of the weights.
#pragma once

#include <functional>

#include "engine/train/exponential_moving_average.h"
#include "model/module.h"

namespace xr::apps {

/// Calls `work` while the network has the averages as its parameters. Afterwards, also after an exception, parameters
/// and buffers are what they were, bit for bit: `work` may compute running statistics that belong to the averages.
/// Gradients are overwritten.
void with_average(engine::ExponentialMovingAverage& average, const model::Module& network,
                  const std::function<void()>& work);

}  // namespace xr::apps
