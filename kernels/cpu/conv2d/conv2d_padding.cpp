// Padding written out in memory, for the convolutions that oneDNN has no fast kernel for otherwise.
#include <algorithm>
#include <cstring>

#include "kernels/common/bf16.h"
#include "kernels/common/checks.h"
#include "kernels/common/parallel.h"
#include "kernels/cpu/conv2d/conv2d.h"

namespace xr::kernels::cpu {
namespace {

// An activation as planes of rows of pixels of `lanes` elements.
struct PaddedPlanes {
  std::int64_t count, lanes;
};

PaddedPlanes planes_of(const Conv2dProblem& p) {
  switch (p.x_layout) {
    case Layout::channels_last:
      return {p.batch, p.in_channels};
    case Layout::blocked16:
      return {p.batch * (p.in_channels / 16), 16};
    case Layout::contiguous:
      break;
  }
  return {p.batch * p.in_channels, 1};
}

// body(plane) for all planes, in parallel where they are large enough.
template <class Body>
void for_each_plane(std::int64_t planes, std::int64_t elements_per_plane, Body&& body) {
  constexpr std::int64_t elements_per_task = 1 << 15;
  const std::int64_t grain = std::max<std::int64_t>(1, elements_per_task / elements_per_plane);
  parallel_ranges(planes, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t plane = begin; plane < end; ++plane) body(plane);
  });
}

template <class T>
void pad(const Conv2dProblem& problem, const T* x, T* padded) {
  const T zero = from_float<T>(0.0f);
  const auto [planes, lanes] = planes_of(problem);
  const Conv2dProblem wide = with_padding_in_memory(problem);
  const std::int64_t left = problem.params.padding_w * lanes, row = problem.in_w * lanes,
                     right = left + problem.params.extra_w * lanes;
  const std::int64_t padded_row = wide.in_w * lanes;
  const std::int64_t top = problem.params.padding_h * padded_row,
                     bottom = top + problem.params.extra_h * padded_row;
  for_each_plane(planes, wide.in_h * padded_row, [&](std::int64_t plane) {
    const T* from = x + plane * problem.in_h * row;
    T* to = padded + plane * wide.in_h * padded_row;
    to = std::fill_n(to, top, zero);
    for (std::int64_t h = 0; h < problem.in_h; ++h, from += row) {
      to = std::fill_n(to, left, zero);
      to = std::copy_n(from, row, to);
      to = std::fill_n(to, right, zero);
    }
    std::fill_n(to, bottom, zero);
  });
}

template <class T>
void crop(const Conv2dProblem& problem, const T* padded, T* x, GradientWrite write) {
  const auto [planes, lanes] = planes_of(problem);
  const Conv2dProblem wide = with_padding_in_memory(problem);
  const std::int64_t row = problem.in_w * lanes, padded_row = wide.in_w * lanes;
  const std::int64_t first = problem.params.padding_h * padded_row + problem.params.padding_w * lanes;
  for_each_plane(planes, wide.in_h * padded_row, [&](std::int64_t plane) {
    const T* from = padded + plane * wide.in_h * padded_row + first;
    T* to = x + plane * problem.in_h * row;
    for (std::int64_t h = 0; h < problem.in_h; ++h, from += padded_row, to += row) {
      if (write == GradientWrite::overwrite)
        std::copy_n(from, row, to);
      else
        for (std::int64_t i = 0; i < row; ++i) to[i] = from_float<T>(to_float(to[i]) + to_float(from[i]));
    }
  });
}

}  // namespace

Conv2dProblem with_padding_in_memory(const Conv2dProblem& problem) {
  Conv2dProblem padded = problem;
  padded.in_h += 2 * problem.params.padding_h + problem.params.extra_h;
  padded.in_w += 2 * problem.params.padding_w + problem.params.extra_w;
  padded.params.padding_h = padded.params.padding_w = padded.params.extra_h = padded.params.extra_w = 0;
  return padded;
}

void pad_input(const Conv2dProblem& problem, const void* x, void* padded) {
  with_activation_type("conv2d", problem.activation, [&](auto type) {
    using T = decltype(type);
    pad(problem, static_cast<const T*>(x), static_cast<T*>(padded));
  });
}

void crop_input(const Conv2dProblem& problem, const void* padded, void* x, GradientWrite write) {
  with_activation_type("conv2d", problem.activation, [&](auto type) {
    using T = decltype(type);
    crop(problem, static_cast<const T*>(padded), static_cast<T*>(x), write);
  });
}

}  // namespace xr::kernels::cpu
