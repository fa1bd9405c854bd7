// The same tensors on every rank.
#pragma once

#include <vector>

#include "engine/distributed/communicator.h"
#include "engine/train/parameter.h"

namespace xr::engine {

/// The elements of rank `root`'s tensors become those of every rank's, whose shapes are the same, through the host's
/// memory where the device has one of its own.
void broadcast_tensors(Communicator& communicator, const std::vector<NamedTensor>& tensors, int root = 0);

}  // namespace xr::engine
