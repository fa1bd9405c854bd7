// Runs a grid of CUDA threads on the calling thread, one after another: each thread is a fiber that gives way
// where it has to wait for others.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/simt/vector_types.h"

namespace xr::kernels::simt {

/// Launches that are kept instead of run, in order.
using RecordedWork = std::vector<std::function<void()>>;
using Stream = RecordedWork*;  ///< null: a launch returns when the kernel has run

namespace detail {

// Limits of an H100 (CUDA C++ Programming Guide, "Compute Capabilities").
constexpr unsigned max_threads_per_block = 1024;
constexpr std::size_t max_shared_bytes = 227 * 1024;
constexpr std::size_t max_parameter_bytes = 32764;

/// A call in a kernel's source.
struct Site {
  const char* operation;
  const char* file;
  int line;
};

inline uint3 thread_index, block_index;
inline dim3 block_size, grid_size;

/// `run(context)` is called once as each thread of the grid.
struct Body {
  void (*run)(void* context);
  void* context;
  const void* kernel;  ///< for its name
};
void run_grid(dim3 grid, dim3 block, std::size_t shared_bytes, Body body);

/// Ends the running kernel with an Error that names the place, the thread and its block.
[[noreturn]] void fail(const Site& site, const std::string& what);

void* dynamic_shared();
/// The running thread's number in its block, counted as CUDA counts: x fastest.
unsigned thread_rank();
inline int lane() {
  return static_cast<int>(thread_rank() % 32);
}

/// Waits for all threads of the block that have not ended; how many brought a predicate that is not zero, and
/// how many came.
struct BarrierResult {
  int nonzero;
  int arrived;
};
BarrierResult barrier(int predicate, const Site& site);

struct Meeting {
  void (*combine)(unsigned lanes, const void* const* in, void* const* out, const Site& site);
  bool orders_memory;  ///< what a lane wrote before is seen by the others after
  bool aligned;        ///< all 32 lanes must take part, at the same place in the source
};
/// The lanes of `mask` that have not ended wait for each other; the last one calls combine() once for all,
/// with the addresses of what each lane brings and gets, indexed by lane.
void meet(unsigned mask, const void* in, void* out, const Meeting& meeting, const Site& site);

/// meet() with types: combine(lanes, in, out, site), in and out being `const In* const*` and `Out* const*`.
/// The lambda must not capture.
template <class Out, class In, class F>
Out collective(unsigned mask, const In& in, F, const Site& site, bool orders_memory = false,
               bool aligned = false) {
  Out out{};
  const Meeting meeting{[](unsigned lanes, const void* const* ins, void* const* outs, const Site& at) {
                          F{}(lanes, reinterpret_cast<const In* const*>(ins),
                              reinterpret_cast<Out* const*>(outs), at);
                        },
                        orders_memory, aligned};
  meet(mask, &in, &out, meeting, site);
  return out;
}

/// Calls f(lane) for each lane of `lanes`, lowest first.
template <class F>
void for_each_lane(unsigned lanes, F f) {
  for (; lanes != 0; lanes &= lanes - 1) f(__builtin_ctz(lanes));
}

}  // namespace detail

/// Runs `kernel` on `grid` blocks of `block` threads with `shared_bytes` of dynamic shared memory, and
/// returns when it is done. An Error if a device would refuse the launch, or if the executor finds a fault in
/// the kernel; the next launch works. Launches from several threads run one after another.
template <class... P, class... A>
void launch(void (*kernel)(P...), dim3 grid, dim3 block, std::size_t shared_bytes, Stream stream,
            A&&... arguments) {
  static_assert(sizeof...(P) == sizeof...(A), "a kernel takes as many arguments as it has parameters");
  static_assert((std::is_trivially_copyable_v<P> && ...), "a kernel's parameters are copied as bytes");
  static_assert(sizeof(std::tuple<P...>) <= detail::max_parameter_bytes,
                "a kernel's parameters are too large");
  struct Call {
    void (*kernel)(P...);
    std::tuple<P...> parameters;
  } call{kernel, std::tuple<P...>(static_cast<P>(std::forward<A>(arguments))...)};
  if (stream != nullptr) {
    stream->emplace_back([call, grid, block, shared_bytes] {
      std::apply(
          [&](const P&... parameters) {
            launch(call.kernel, grid, block, shared_bytes, Stream{}, parameters...);
          },
          call.parameters);
    });
    return;
  }
  const auto run = [](void* context) {
    auto& c = *static_cast<Call*>(context);
    std::apply(c.kernel, c.parameters);  // by value: each thread has its own
  };
  detail::run_grid(grid, block, shared_bytes, {run, &call, reinterpret_cast<const void*>(kernel)});
}

}  // namespace xr::kernels::simt

// NOLINTBEGIN(readability-identifier-naming): CUDA's names
inline constexpr const uint3& threadIdx = xr::kernels::simt::detail::thread_index;
inline constexpr const uint3& blockIdx = xr::kernels::simt::detail::block_index;
inline constexpr const dim3& blockDim = xr::kernels::simt::detail::block_size;
inline constexpr const dim3& gridDim = xr::kernels::simt::detail::grid_size;
constexpr int warpSize = 32;
// NOLINTEND(readability-identifier-naming)
