// Which sanitizers this build has, and what the executor has to tell them.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define XR_SIMT_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define XR_SIMT_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define XR_SIMT_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define XR_SIMT_TSAN 1
#endif

#if defined(XR_SIMT_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(XR_SIMT_TSAN)
#include <sanitizer/tsan_interface.h>

// NOLINTBEGIN(readability-identifier-naming): ThreadSanitizer's names
extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}
// NOLINTEND(readability-identifier-naming)
#endif

namespace xr::kernels::simt::detail {

/// While one lives, ThreadSanitizer takes no note of the memory that this thread reads and writes: the
/// executor's own data, which only one fiber at a time can touch.
class IgnoreMemoryAccesses {
 public:
#if defined(XR_SIMT_TSAN)
  IgnoreMemoryAccesses() {
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  }
  ~IgnoreMemoryAccesses() {
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
#else
  IgnoreMemoryAccesses() {}    // NOLINT(modernize-use-equals-default): else "unused variable"
  ~IgnoreMemoryAccesses() {}   // NOLINT(modernize-use-equals-default)
#endif
  IgnoreMemoryAccesses(const IgnoreMemoryAccesses&) = delete;
  IgnoreMemoryAccesses& operator=(const IgnoreMemoryAccesses&) = delete;
};

/// The opposite, within the scope of the above: for the kernel's own code.
class ObserveMemoryAccesses {
 public:
#if defined(XR_SIMT_TSAN)
  ObserveMemoryAccesses() {
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
  ~ObserveMemoryAccesses() {
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  }
#else
  ObserveMemoryAccesses() {}   // NOLINT(modernize-use-equals-default): else "unused variable"
  ~ObserveMemoryAccesses() {}  // NOLINT(modernize-use-equals-default)
#endif
  ObserveMemoryAccesses(const ObserveMemoryAccesses&) = delete;
  ObserveMemoryAccesses& operator=(const ObserveMemoryAccesses&) = delete;
};

/// Everything that this thread did so far happens before what follows an acquire of the same object.
inline void release_memory([[maybe_unused]] void* object) {
#if defined(XR_SIMT_TSAN)
  __tsan_release(object);
#endif
}

inline void acquire_memory([[maybe_unused]] void* object) {
#if defined(XR_SIMT_TSAN)
  __tsan_acquire(object);
#endif
}

}  // namespace xr::kernels::simt::detail
