// The mean of the weights of several checkpoints of one run (Izmailov et al. 2018, "Averaging weights leads to wider
// optima and better generalization"; torch.optim.swa_utils).
#pragma once

#include <filesystem>
#include <vector>

#include "apps/xrtrain/run/checkpoint.h"

namespace xr::apps {

/// Builds the network on `device` with the mean of every 32-bit float of the files, summed in float64 in their order.
/// Counters are those of the last file. The running statistics of batch norms are means, too, and do not belong to the
/// mean of the weights: they are to be recomputed. The info is the last file's, without its training figures (NaN)
/// and with the identities of all in `averaged`.
/// Throws DataError that names the first difference, where networks, classes, preprocessing or images differ, or a file
/// is damaged, or is an average itself.
[[nodiscard]] LoadedCheckpoint average_checkpoints(const std::vector<std::filesystem::path>& files,
                                                   const kernels::Device& device);

}  // namespace xr::apps
