// CUDA's barriers and warp functions, global as in CUDA. Each notes the place it is called from.
#pragma once

#include <concepts>
#include <type_traits>

#include "kernels/simt/executor.h"

#define XR_SIMT_CALLER const char *file = __builtin_FILE(), int line = __builtin_LINE()

namespace xr::kernels::simt::detail {

template <class T>
concept Shuffled = std::is_arithmetic_v<T> &&(sizeof(T) == 4 || sizeof(T) == 8);
template <class T>
concept Integer32 = std::same_as<T, int> || std::same_as<T, unsigned>;

template <class T>
struct ShuffleInput {
  T value;
  int source;  // lane of the warp
};

[[noreturn]] void fail_absent_lane(int lane, int source, unsigned lanes, const Site& site);
/// The lanes that share a shuffle with the running one, as the last of them; checks the arguments.
int last_lane_of_segment(int width, unsigned distance, const Site& site);

template <class T>
T shuffle(unsigned mask, T value, int source, const Site& site) {
  using In = ShuffleInput<T>;
  return collective<T>(
      mask, In{value, source},
      [](unsigned lanes, const In* const* in, T* const* out, const Site& at) {
        for_each_lane(lanes, [&](int lane) {
          const int from = in[lane]->source;
          if ((lanes >> from & 1U) == 0) fail_absent_lane(lane, from, lanes, at);
          *out[lane] = in[from]->value;
        });
      },
      site);
}

template <class T, class F>
T reduce(unsigned mask, T value, F, const Site& site) {
  return collective<T>(
      mask, value,
      [](unsigned lanes, const T* const* in, T* const* out, const Site&) {
        const int first = __builtin_ctz(lanes);
        T result = *in[first];
        for_each_lane(lanes & (lanes - 1), [&](int lane) { result = F{}(result, *in[lane]); });
        for_each_lane(lanes, [&](int lane) { *out[lane] = result; });
      },
      site);
}

inline unsigned ballot(unsigned mask, int predicate, const Site& site) {
  return collective<unsigned>(
      mask, predicate,
      [](unsigned lanes, const int* const* in, unsigned* const* out, const Site&) {
        unsigned result = 0;
        for_each_lane(lanes, [&](int lane) { result |= static_cast<unsigned>(*in[lane] != 0) << lane; });
        for_each_lane(lanes, [&](int lane) { *out[lane] = result; });
      },
      site);
}

}  // namespace xr::kernels::simt::detail

// NOLINTBEGIN(readability-identifier-naming): CUDA's names

inline void __syncthreads(XR_SIMT_CALLER) {
  xr::kernels::simt::detail::barrier(0, {"__syncthreads", file, line});
}
inline int __syncthreads_count(int predicate, XR_SIMT_CALLER) {
  return xr::kernels::simt::detail::barrier(predicate, {"__syncthreads_count", file, line}).nonzero;
}
inline int __syncthreads_or(int predicate, XR_SIMT_CALLER) {
  return static_cast<int>(
      xr::kernels::simt::detail::barrier(predicate, {"__syncthreads_or", file, line}).nonzero != 0);
}
inline int __syncthreads_and(int predicate, XR_SIMT_CALLER) {
  const auto result = xr::kernels::simt::detail::barrier(predicate, {"__syncthreads_and", file, line});
  return static_cast<int>(result.nonzero == result.arrived);
}

inline void __syncwarp(unsigned mask = ~0U, XR_SIMT_CALLER) {
  xr::kernels::simt::detail::collective<char>(
      mask, char{}, [](unsigned, const char* const*, char* const*, const xr::kernels::simt::detail::Site&) {},
      {"__syncwarp", file, line}, true);
}

// PTX ISA, shfl.sync: lanes form segments of `width`; a lane whose source lies outside keeps its own value
// (xor may read from a lower segment).
template <xr::kernels::simt::detail::Shuffled T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, XR_SIMT_CALLER) {
  const xr::kernels::simt::detail::Site site{"__shfl_sync", file, line};
  const int last = xr::kernels::simt::detail::last_lane_of_segment(width, 0, site);
  return xr::kernels::simt::detail::shuffle(mask, value, last - width + 1 + (source & (width - 1)), site);
}
template <xr::kernels::simt::detail::Shuffled T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32, XR_SIMT_CALLER) {
  const xr::kernels::simt::detail::Site site{"__shfl_xor_sync", file, line};
  const int last =
      xr::kernels::simt::detail::last_lane_of_segment(width, static_cast<unsigned>(lane_mask), site);
  const int lane = xr::kernels::simt::detail::lane(), source = lane ^ lane_mask;
  return xr::kernels::simt::detail::shuffle(mask, value, source <= last ? source : lane, site);
}
template <xr::kernels::simt::detail::Shuffled T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, XR_SIMT_CALLER) {
  const xr::kernels::simt::detail::Site site{"__shfl_down_sync", file, line};
  const int last = xr::kernels::simt::detail::last_lane_of_segment(width, delta, site);
  const int lane = xr::kernels::simt::detail::lane(), source = lane + static_cast<int>(delta);
  return xr::kernels::simt::detail::shuffle(mask, value, source <= last ? source : lane, site);
}
template <xr::kernels::simt::detail::Shuffled T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, XR_SIMT_CALLER) {
  const xr::kernels::simt::detail::Site site{"__shfl_up_sync", file, line};
  const int first = xr::kernels::simt::detail::last_lane_of_segment(width, delta, site) - width + 1;
  const int lane = xr::kernels::simt::detail::lane(), source = lane - static_cast<int>(delta);
  return xr::kernels::simt::detail::shuffle(mask, value, source >= first ? source : lane, site);
}

inline unsigned __ballot_sync(unsigned mask, int predicate, XR_SIMT_CALLER) {
  return xr::kernels::simt::detail::ballot(mask, predicate, {"__ballot_sync", file, line});
}
inline int __any_sync(unsigned mask, int predicate, XR_SIMT_CALLER) {
  return static_cast<int>(xr::kernels::simt::detail::ballot(mask, predicate, {"__any_sync", file, line}) !=
                          0);
}
inline int __all_sync(unsigned mask, int predicate, XR_SIMT_CALLER) {
  return static_cast<int>(xr::kernels::simt::detail::ballot(mask, static_cast<int>(predicate == 0),
                                                            {"__all_sync", file, line}) == 0);
}
/// For each lane, the lanes of the mask that bring the same value.
template <xr::kernels::simt::detail::Shuffled T>
unsigned __match_any_sync(unsigned mask, T value, XR_SIMT_CALLER) {
  return xr::kernels::simt::detail::collective<unsigned>(
      mask, value,
      [](unsigned lanes, const T* const* in, unsigned* const* out, const xr::kernels::simt::detail::Site&) {
        using xr::kernels::simt::detail::for_each_lane;
        for_each_lane(lanes, [&](int lane) {
          for_each_lane(lanes, [&](int other) {
            *out[lane] |= static_cast<unsigned>(*in[lane] == *in[other]) << other;
          });
        });
      },
      {"__match_any_sync", file, line});
}
template <xr::kernels::simt::detail::Integer32 T>
T __reduce_add_sync(unsigned mask, T value, XR_SIMT_CALLER) {
  return xr::kernels::simt::detail::reduce(
      mask, value,
      [](T a, T b) { return static_cast<T>(static_cast<unsigned>(a) + static_cast<unsigned>(b)); },
      {"__reduce_add_sync", file, line});
}
template <xr::kernels::simt::detail::Integer32 T>
T __reduce_min_sync(unsigned mask, T value, XR_SIMT_CALLER) {
  return xr::kernels::simt::detail::reduce(mask, value, [](T a, T b) { return b < a ? b : a; },
                                           {"__reduce_min_sync", file, line});
}
template <xr::kernels::simt::detail::Integer32 T>
T __reduce_max_sync(unsigned mask, T value, XR_SIMT_CALLER) {
  return xr::kernels::simt::detail::reduce(mask, value, [](T a, T b) { return a < b ? b : a; },
                                           {"__reduce_max_sync", file, line});
}

// NOLINTEND(readability-identifier-naming)
