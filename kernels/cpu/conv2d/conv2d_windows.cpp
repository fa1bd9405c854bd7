// The filter gradient in bf16, y channels_last, as a product of matrices where that is faster: of 1 to 4 input channels, and of
// many channels with few pixels. The pixels under each window, one behind the other, are a row of `columns`, and
//   d_filter (O, taps) = dy^T (O, pixels) columns (pixels, taps)
// with the taps in the order kernel row, kernel column, channel. With few channels a piece of some hundred windows at a time,
// as many pieces as stay in the second-level cache, each with sums of its own, which are added in order. oneDNN's kernels for
// so few channels fill a small part of a tile of AMX.
//
// Measured (ms of one thread, AMX, oneDNN 2.6.3) beside oneDNN's kernel with x in 8 channels, and the kernel for few channels,
// which takes floats:
//   32 x 3 x 224 x 224 -> 64, 7x7, stride 2    36 (55)
//   32 x 3 x 224 x 224 -> 32, 5x5, stride 2    18.5 (24)
//   32 x 1 x 224 x 224 -> 32, 5x5, stride 2    9.8 (12.9, few channels)
//   30 x 1 x 224 x 224 -> 32, 3x3              34 (26, few channels), which is why there is a least number of taps
// All filter gradients of a training step, two threads, with those of many channels (by oneDNN): resnet18, batch 32 127 (148);
// resnet50, batch 8 150 (173); xray_resnet, batch 32 47 (51).
// DenseNet's layers, of 32 outputs or 1x1, are slower so (densenet121, batch 4: 70 (62) with them): hence the bounds below.
#include <algorithm>
#include <cstring>

#include "kernels/common/bf16.h"
#include "kernels/common/parallel.h"
#include "kernels/cpu/conv2d/conv2d.h"
#include "kernels/cpu/matmul.h"

namespace xr::kernels::cpu {
namespace {

constexpr std::int64_t short_row = 32;  // elements of a kernel row that are copied as one
constexpr std::int64_t min_taps = 16;
constexpr std::int64_t width_granularity = 32;  // elements of bf16 in a row of a tile of AMX

// How a window lies in a row of `columns`: kernel rows of `row` elements, a one for the gradient of the bias, and zeros up to
// `width`. Of each kernel row `copied` elements are copied, a multiple of 4; what follows overwrites those too many.
struct WindowLayout {
  std::int64_t row, copied, taps, width;
};

// What is computed at a time: so many pieces of about so many windows.
struct Pieces {
  std::int64_t count, windows;
};

std::int64_t rounded_up(std::int64_t value, std::int64_t granularity) {
  return (value + granularity - 1) / granularity * granularity;
}

WindowLayout window_layout(const Conv2dProblem& p) {
  const std::int64_t row = p.kernel_w * p.in_channels, copied = row <= short_row ? rounded_up(row, 4) : row,
                     taps = p.kernel_h * row;
  return {row, copied, taps, rounded_up(std::max(taps + 1, taps - row + copied), width_granularity)};
}

Pieces pieces_of(const Conv2dProblem& p, const WindowLayout& layout) {
  constexpr std::int64_t small_filter = 1 << 16, max_columns = 1 << 23;  // elements
  if (p.out_channels * layout.width <= small_filter) return {8, 512};
  return {1, max_columns / layout.width};
}

// x as (N, H, W, C) with its padding, and some elements more, which the last window's copies may read.
const Bf16* padded_image(OneDnn& one_dnn, const Conv2dProblem& p, const Bf16* x) {
  const Conv2dProblem wide = with_padding_in_memory(p);
  const std::int64_t channels = p.in_channels, plane = p.in_h * p.in_w, row = wide.in_w * channels,
                     left = p.params.padding_w * channels;
  const std::int64_t elements = wide.x_shape().numel();
  auto* const padded =
      reinterpret_cast<Bf16*>(one_dnn.temporary(Temporary::padded, (elements + short_row + 1) / 2));
  one_dnn.add_record(
      {Conv2dBackwardFilter::name, "x", p.x_shape().numel() * static_cast<std::int64_t>(sizeof(Bf16))});
  std::fill_n(padded + elements, short_row, Bf16{0});
  parallel_for(p.batch * wide.in_h, [&](std::int64_t line) {
    const std::int64_t n = line / wide.in_h, h = line % wide.in_h - p.params.padding_h;
    Bf16* to = padded + line * row;
    std::fill_n(to, row, Bf16{0});
    if (h < 0 || h >= p.in_h) return;
    to += left;
    const Bf16* const image = x + n * channels * plane;
    if (p.x_layout == Layout::channels_last || channels == 1) {
      std::copy_n(image + h * p.in_w * channels, p.in_w * channels, to);
      return;
    }
    for (std::int64_t c = 0; c < channels; ++c) {
      const Bf16* const from = image + c * plane + h * p.in_w;
      for (std::int64_t w = 0; w < p.in_w; ++w) to[w * channels + c] = from[w];
    }
  });
  return padded;
}

struct WindowRows {
  const Bf16* from;              // first element of the first window
  std::int64_t step;             // from a window to the next one
  std::int64_t kernel_row_step;  // from a kernel row to the next one
  std::int64_t kernel_rows;
  std::int64_t windows;
};

// `Copied` is layout.copied, or 0 where that is no short row.
template <std::size_t Copied>
[[gnu::always_inline]] inline void copy_windows(const WindowRows& rows, const WindowLayout& layout,
                                                Bf16* to) {
  const std::size_t copied = Copied == 0 ? static_cast<std::size_t>(layout.copied) : Copied;
  for (std::int64_t w = 0; w < rows.windows; ++w, to += layout.width) {
    const Bf16* from = rows.from + w * rows.step;
    for (std::int64_t i = 0; i < rows.kernel_rows; ++i, from += rows.kernel_row_step)
      std::memcpy(to + i * layout.row, from, copied * sizeof(Bf16));
    std::fill(to + layout.taps, to + layout.width, Bf16{0});
    to[layout.taps] = Bf16{0x3F80};  // 1
  }
}

XR_MULTIVERSION void write_windows(const WindowRows& rows, const WindowLayout& layout, Bf16* to) {
  switch (layout.copied) {
    case 4:
      return copy_windows<4>(rows, layout, to);
    case 8:
      return copy_windows<8>(rows, layout, to);
    case 12:
      return copy_windows<12>(rows, layout, to);
    case 16:
      return copy_windows<16>(rows, layout, to);
    case 20:
      return copy_windows<20>(rows, layout, to);
    case 24:
      return copy_windows<24>(rows, layout, to);
    case 28:
      return copy_windows<28>(rows, layout, to);
    case short_row:
      return copy_windows<short_row>(rows, layout, to);
    default:
      return copy_windows<0>(rows, layout, to);
  }
}

// body(columns, first pixel, pieces, pixels of a piece) for some rows of y at a time.
template <class Body>
void for_each_part(OneDnn& one_dnn, const Conv2dProblem& p, const WindowLayout& layout,
                   const Pieces& at_a_time, const Bf16* x, Body&& body) {
  const Conv2dProblem wide = with_padding_in_memory(p);
  const Bf16* const padded = padded_image(one_dnn, p, x);
  const std::int64_t line = wide.in_w * p.in_channels, rows = p.batch * p.out_h,
                     row_width = p.out_w * layout.width,
                     piece = std::clamp<std::int64_t>(at_a_time.windows / p.out_w, 1, rows),
                     most = std::min(at_a_time.count, rows / piece);
  auto* const columns =
      reinterpret_cast<Bf16*>(one_dnn.temporary(Temporary::reordered, most * piece * row_width / 2));
  for (std::int64_t first = 0, count = 0; first < rows; first += count) {
    const std::int64_t pieces = std::clamp<std::int64_t>((rows - first) / piece, 1, most);
    count = std::min(pieces * piece, rows - first);
    parallel_for(count, [&, first](std::int64_t i) {
      const std::int64_t n = (first + i) / p.out_h, h = (first + i) % p.out_h;
      write_windows({.from = padded + (n * wide.in_h + h * p.params.stride_h) * line,
                     .step = p.params.stride_w * p.in_channels,
                     .kernel_row_step = p.params.dilation_h * line,
                     .kernel_rows = p.kernel_h,
                     .windows = p.out_w},
                    layout, columns + i * row_width);
    });
    body(static_cast<const Bf16*>(columns), first * p.out_w, pieces, count / pieces * p.out_w);
  }
}

}  // namespace

bool has_windows_backward_filter(const Conv2dProblem& p) {
  if (p.activation != DType::bf16 || p.params.groups != 1 || p.params.dilation_w != 1 ||
      p.y_layout != Layout::channels_last)
    return false;
  const std::int64_t area = p.kernel_h * p.kernel_w;
  if (has_few_channels(p)) return p.kernel_w * p.in_channels <= short_row && area * p.in_channels >= min_taps;
  return p.x_layout == Layout::channels_last && p.in_channels % width_granularity == 0 &&
         p.out_channels % width_granularity == 0 && p.out_channels >= 128 && area > 1 &&
         p.out_h * p.out_w <= 64;
}

void windows_backward_filter(OneDnn& one_dnn, const Conv2dProblem& p, const Bf16* x, const Bf16* dy,
                             float* d_filter, float* d_bias, GradientWrite write) {
  const WindowLayout layout = window_layout(p);
  const Pieces at_a_time = pieces_of(p, layout);
  const std::int64_t outputs = p.out_channels, area = p.kernel_h * p.kernel_w, size = outputs * layout.width;
  float* const sums = one_dnn.temporary(Temporary::partial_sums, at_a_time.count * size);
  std::fill_n(sums, at_a_time.count * size, 0.0f);
  for_each_part(one_dnn, p, layout, at_a_time, x,
                [&](const Bf16* columns, std::int64_t first, std::int64_t pieces, std::int64_t pixels) {
                  run_matmul(one_dnn,
                             {.count = pieces,
                              .m = outputs,
                              .n = layout.width,
                              .k = pixels,
                              .transpose_a = true,
                              .write = GradientWrite::accumulate,
                              .a = DType::bf16,
                              .b = DType::bf16},
                             dy + first * outputs, columns, nullptr, sums);
                });
  parallel_for(outputs, [&](std::int64_t o) {
    float* const total = sums + o * layout.width;
    for (std::int64_t piece = 1; piece < at_a_time.count; ++piece)
      for (std::int64_t i = 0; i <= layout.taps; ++i) total[i] += total[piece * size + i];
    float* const to = d_filter + o * p.in_channels * area;
    for (std::int64_t c = 0; c < p.in_channels; ++c)
      for (std::int64_t k = 0; k < area; ++k)
        write_gradient(total[k * p.in_channels + c], to + c * area + k, write);
    if (d_bias != nullptr) write_gradient(total[layout.taps], d_bias + o, write);
  });
}

}  // namespace xr::kernels::cpu
