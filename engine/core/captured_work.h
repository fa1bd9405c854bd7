// Work on a device that is recorded once and then done again and again: one launch on the host's side instead
// of dozens (a CUDA graph).
#pragma once

#include <functional>
#include <memory>

#include "engine/core/tensor.h"

namespace xr::engine {

/// Whether a device can record work.
[[nodiscard]] bool can_capture(const Device& device);

class CapturedWork {
 public:
  /// Calls `work` once, which records its operations and does not do them. Everything that it allocates stays
  /// reserved for it, and every tensor that existed before and that it uses must live on. It must not read
  /// results, wait, or depend on anything on the host that will change; the same work should have been done
  /// before, so that nothing is set up in it for the first time.
  CapturedWork(const Device& device, const std::function<void()>& work);
  ~CapturedWork();
  CapturedWork(const CapturedWork&) = delete;
  CapturedWork& operator=(const CapturedWork&) = delete;

  /// Does the work on what its tensors hold now.
  void replay();

 private:
  Device device_;
  int reservation_ = 0;
  std::unique_ptr<kernels::Capture> capture_;
};

}  // namespace xr::engine
