#include "kernels/simt/fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstring>

#include "kernels/common/error.h"

#if !defined(XR_SIMT_UCONTEXT)
// Saves the registers that a call preserves (System V ABI, x86-64) on the running stack, and takes up the
// other stack where it was left. Rounding mode and flush to zero are not saved: kernels run with those of the
// caller of launch(). swapcontext() does the same with a system call for the signal mask, which takes ten
// times as long.
extern "C" void xr_simt_switch_stack(void** save_stack_pointer, void* stack_pointer);
asm(R"(
.text
.p2align 4
.globl xr_simt_switch_stack
.hidden xr_simt_switch_stack
.type xr_simt_switch_stack, @function
xr_simt_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size xr_simt_switch_stack, .-xr_simt_switch_stack
)");
#endif

namespace xr::kernels::simt::detail {

namespace {

#if defined(XR_SIMT_ASAN) || defined(XR_SIMT_TSAN)
constexpr std::size_t stack_size = 512 * 1024;  // sanitizers widen frames
#else
constexpr std::size_t stack_size = 128 * 1024;
#endif
constexpr std::size_t guard_size = 64 * 1024;  // a whole number of pages on every Linux

[[maybe_unused]] Fiber* previous = nullptr;  // the fiber that was left last

}  // namespace

Fiber::Fiber() noexcept {
#if defined(XR_SIMT_TSAN)
  identity_ = __tsan_get_current_fiber();
#endif
}

Fiber::Fiber(void (*entry)()) : stack_bytes_(stack_size) {
  mapping_ = mmap(nullptr, guard_size + stack_size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  XR_CHECK(mapping_ != MAP_FAILED, "simt: no memory for the stack of a thread: use smaller blocks");
  mprotect(mapping_, guard_size, PROT_NONE);
  auto* bottom = static_cast<std::byte*>(mapping_) + guard_size;
  stack_bottom_ = bottom;
#if defined(XR_SIMT_TSAN)
  identity_ = __tsan_create_fiber(0);
#endif
  // Stacks begin at different offsets in a page: else the frames of all threads compete for the same cache
  // sets.
  static unsigned stacks = 0;
  const std::size_t usable = stack_size - stacks++ % 32 * 576;
#if defined(XR_SIMT_UCONTEXT)
  getcontext(&context_);
  context_.uc_stack.ss_sp = bottom;
  context_.uc_stack.ss_size = usable;
  context_.uc_link = nullptr;
  makecontext(&context_, entry, 0);
#else
  // What xr_simt_switch_stack pops: six registers and the address to return to. The stack pointer is 8 off a
  // multiple of 16 at a function's entry.
  auto* frame = reinterpret_cast<std::uint64_t*>(bottom + usable) - 8;
  std::memset(frame, 0, 8 * sizeof(*frame));
  frame[6] = reinterpret_cast<std::uint64_t>(entry);
  stack_pointer_ = frame;
#endif
}

Fiber::~Fiber() {
  if (mapping_ == nullptr) return;
#if defined(XR_SIMT_TSAN)
  __tsan_destroy_fiber(identity_);
#endif
  munmap(mapping_, guard_size + stack_size);
}

// Nothing between the switch that ThreadSanitizer is told of and the real one may be a call that it sees.
void Fiber::switch_to(Fiber& next) {
#if defined(XR_SIMT_ASAN)
  previous = this;
  __sanitizer_start_switch_fiber(&fake_stack_, next.stack_bottom_, next.stack_bytes_);
#endif
#if defined(XR_SIMT_TSAN)
  __tsan_switch_to_fiber(next.identity_, __tsan_switch_to_fiber_no_sync);
#endif
#if defined(XR_SIMT_UCONTEXT)
  swapcontext(&context_, &next.context_);
#else
  xr_simt_switch_stack(&stack_pointer_, next.stack_pointer_);
#endif
#if defined(XR_SIMT_ASAN)
  __sanitizer_finish_switch_fiber(fake_stack_, &previous->stack_bottom_, &previous->stack_bytes_);
#endif
}

void Fiber::entered() {
#if defined(XR_SIMT_ASAN)
  __sanitizer_finish_switch_fiber(nullptr, &previous->stack_bottom_, &previous->stack_bytes_);
#endif
}

}  // namespace xr::kernels::simt::detail
