// The one place where processes that train together will exchange gradients.
#pragma once

#include "kernels/types.h"

namespace xr::engine {

class Communicator {
 public:
  virtual ~Communicator() = default;
  [[nodiscard]] virtual int rank() const = 0;
  [[nodiscard]] virtual int size() const = 0;
  /// Replaces `values` (f32, flat) by their mean over all processes, the same bits in each.
  virtual void all_reduce_mean(kernels::View values) = 0;
};

/// One process: its own mean.
class SingleProcess final : public Communicator {
 public:
  [[nodiscard]] int rank() const override { return 0; }
  [[nodiscard]] int size() const override { return 1; }
  void all_reduce_mean(kernels::View) override {}
};

}  // namespace xr::engine
