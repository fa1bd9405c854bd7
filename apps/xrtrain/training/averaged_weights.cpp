#include "apps/xrtrain/training/averaged_weights.h"

#include <set>
#include <string>
#include <vector>

namespace xr::apps {

namespace {

/// A tensor, and what it held.
struct KeptTensor {
  engine::Tensor tensor, copy;
};

std::vector<KeptTensor> keep_buffers(const model::Module& network) {
  std::set<std::string> parameters;
  for (const engine::NamedTensor& entry : network.parameters()) parameters.insert(entry.name);
  std::vector<KeptTensor> kept;
  for (const engine::NamedTensor& entry : network.state())
    if (!parameters.contains(entry.name)) kept.push_back({entry.tensor, entry.tensor.clone()});
  return kept;
}

void restore_buffers(std::vector<KeptTensor>& kept) {
  for (KeptTensor& entry : kept)
    entry.tensor.backend().copy(entry.tensor.mutable_view().data, entry.copy.view().data,
                                entry.copy.view().bytes());
}

}  // namespace

void with_average(engine::ExponentialMovingAverage& average, const model::Module& network,
                  const std::function<void()>& work) {
  std::vector<KeptTensor> kept = keep_buffers(network);
  average.exchange();
  const auto restore = [&] {
    average.exchange();
    restore_buffers(kept);
  };
  try {
    work();
  } catch (...) {
    restore();
    throw;
  }
  restore();
}

}  // namespace xr::apps
