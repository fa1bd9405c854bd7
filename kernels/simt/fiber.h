// Fibers: call stacks that one operating-system thread switches between.
#pragma once

#include <cstddef>

#include "kernels/simt/sanitizers.h"

#if !defined(__x86_64__) && !defined(XR_SIMT_UCONTEXT)
#define XR_SIMT_UCONTEXT 1
#endif
#if defined(XR_SIMT_UCONTEXT)
#include <ucontext.h>
#endif

namespace xr::kernels::simt::detail {

class Fiber {
 public:
  /// The stack that the caller runs on; good for this operating-system thread only.
  Fiber() noexcept;
  /// A new stack, on which `entry` starts at the first switch to it. It must never return, and its first
  /// statement must be entered().
  explicit Fiber(void (*entry)());
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Suspends this fiber, which must be the running one, and goes on with `next`; returns when another fiber
  /// switches back.
  void switch_to(Fiber& next);
  static void entered();

 private:
#if defined(XR_SIMT_UCONTEXT)
  ucontext_t context_{};
#else
  void* stack_pointer_ = nullptr;
#endif
  void* mapping_ = nullptr;  // stack and guard page; null for the caller's own stack
  const void* stack_bottom_ = nullptr;
  [[maybe_unused]] std::size_t stack_bytes_ = 0;
  [[maybe_unused]] void* fake_stack_ = nullptr;  // AddressSanitizer's
  [[maybe_unused]] void* identity_ = nullptr;    // ThreadSanitizer's name for this fiber
};

}  // namespace xr::kernels::simt::detail
