// What all modules of a network share while it runs.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "engine/core/tensor.h"

namespace xr::model {

using HostWork = std::vector<std::function<void()>>;

/// One a network: modules refer to that of the network they are a part of.
struct Context {
  /// Batch statistics and dropout, or evaluation.
  bool training = true;
  /// The step that is being trained, counted from 0: dropout masks are a function of it.
  std::int64_t step = 0;
  /// If defined, masks depend on what this i64 (1) on the network's device holds when they are drawn, instead
  /// of on `step`: first_mask_number(step). For captured training steps.
  engine::Tensor mask_number = {};
  /// While running statistics are computed anew: in place of each batch norm's momentum. Batches are not counted then.
  std::optional<float> batch_norm_momentum = {};
  /// If set, what do_on_host does is also kept here, for the replays of a captured step.
  HostWork* recorded_host_work = nullptr;

  /// First of the random numbers for the masks of a step: a layer's output has fewer than 2^32 elements.
  [[nodiscard]] static std::int64_t first_mask_number(std::int64_t step) { return step << 32; }
  /// Does what is no work of the device, and so no part of captured work.
  void do_on_host(std::function<void()> work);
};

}  // namespace xr::model
