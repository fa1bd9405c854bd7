// sum_to_shape and broadcast_to: the two directions of broadcasting.
//
// sum_to_shape adds x over some dimensions (Reduction says how they are walked). Sums are carried in double
// over fixed pieces that are added in order, so the result does not depend on the number of threads. Bytes
// moved: x once (sum_to_shape), dx once or twice (broadcast_to). Bound by memory.
#include <vector>

#include "kernels/common/bf16.h"
#include "kernels/common/checks.h"
#include "kernels/common/parallel.h"
#include "kernels/cpu/broadcast.h"
#include "kernels/cpu/cpu_backend.h"

namespace xr::kernels::cpu {

namespace {

constexpr std::int64_t piece_elements = 65536, column_block = 1024;

template <class X>
XR_MULTIVERSION double sum_run(const X* x, std::int64_t count) {
  constexpr std::int64_t width = 32;
  double lanes[width] = {};
  std::int64_t i = 0;
  for (; i + width <= count; i += width)
    for (std::int64_t j = 0; j < width; ++j) lanes[j] += to_float(x[i + j]);
  double total = 0;
  for (const double lane : lanes) total += lane;
  for (; i < count; ++i) total += to_float(x[i]);
  return total;
}

template <class X>
XR_MULTIVERSION void add_columns(const X* __restrict x, double* __restrict sums, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) sums[i] += to_float(x[i]);
}

// How the work is cut: pieces of one output's elements, each at most piece_elements if possible.
struct Pieces {
  std::int64_t column_blocks, rows_per_piece, run_per_piece, row_pieces, run_pieces;

  Pieces(const Reduction& r, std::int64_t rows) {
    const std::int64_t block = std::min(r.columns, column_block);
    column_blocks = (r.columns + column_block - 1) / column_block;
    run_per_piece = std::min(r.run, piece_elements);
    run_pieces = (r.run + run_per_piece - 1) / run_per_piece;
    rows_per_piece = std::max<std::int64_t>(1, piece_elements / (block * run_per_piece));
    row_pieces = (rows + rows_per_piece - 1) / rows_per_piece;
  }
  [[nodiscard]] std::int64_t per_output() const { return row_pieces * run_pieces; }
};

template <class X, class Y>
class Sum {
 public:
  Sum(const ConstView& x, float scale, const View& y, GradientWrite write)
      : in_(x.as<X>()),
        out_(y.as<Y>()),
        scale_(scale),
        accumulate_(write == GradientWrite::accumulate),
        plan_(x.shape, y.shape),
        rows_(plan_.rows.count()),
        outputs_(y.numel()),
        pieces_(plan_, rows_) {
    if (pieces_.per_output() > 1) partial_.resize(static_cast<std::size_t>(pieces_.per_output() * outputs_));
  }

  void run() {
    const std::int64_t tasks = outputs_ / plan_.columns * pieces_.column_blocks * pieces_.per_output();
    const std::int64_t per_task =
        pieces_.rows_per_piece * pieces_.run_per_piece * std::min(plan_.columns, column_block);
    parallel_ranges(tasks, std::max<std::int64_t>(1, piece_elements / per_task),
                    [&](std::int64_t begin, std::int64_t end) {
                      for (std::int64_t task = begin; task < end; ++task) sum_piece(task);
                    });
    if (partial_.empty()) return;
    for (std::int64_t i = 0; i < outputs_; ++i) {
      double total = 0;
      for (std::int64_t piece = 0; piece < pieces_.per_output(); ++piece)
        total += partial_[static_cast<std::size_t>(piece * outputs_ + i)];
      finish(i, total);
    }
  }

 private:
  void sum_piece(std::int64_t task) {
    const std::int64_t piece = task % pieces_.per_output(), block = task / pieces_.per_output(),
                       outer = block / pieces_.column_blocks,
                       column = block % pieces_.column_blocks * column_block,
                       columns = std::min(column_block, plan_.columns - column);
    const std::int64_t row = piece / pieces_.run_pieces * pieces_.rows_per_piece,
                       last_row = std::min(rows_, row + pieces_.rows_per_piece),
                       start = piece % pieces_.run_pieces * pieces_.run_per_piece,
                       run = std::min(pieces_.run_per_piece, plan_.run - start);
    const X* base = in_ + plan_.outer.offset(outer) + column + start;
    double sums[column_block] = {};
    for (std::int64_t r = row; r < last_row; ++r) {
      const X* x = base + plan_.rows.offset(r);
      if (plan_.columns == 1)
        sums[0] += sum_run(x, run);
      else
        add_columns(x, sums, columns);
    }
    const std::int64_t first = outer * plan_.columns + column;
    for (std::int64_t i = 0; i < columns; ++i) {
      if (partial_.empty())
        finish(first + i, sums[i]);
      else
        partial_[static_cast<std::size_t>(piece * outputs_ + first + i)] = sums[i];
    }
  }

  void finish(std::int64_t index, double total) {
    const auto value = static_cast<float>(static_cast<double>(scale_) * total);
    out_[index] = from_float<Y>(accumulate_ ? to_float(out_[index]) + value : value);
  }

  const X* in_;
  Y* out_;
  float scale_;
  bool accumulate_;
  Reduction plan_;
  std::int64_t rows_, outputs_;
  Pieces pieces_;
  std::vector<double> partial_;
};

template <class T>
XR_MULTIVERSION void set_scaled(float scale, const T* x, std::int64_t step, T* __restrict y,
                                std::int64_t count) {
  if (step == 0)
    std::fill(y, y + count, from_float<T>(scale * to_float(*x)));
  else
    for (std::int64_t i = 0; i < count; ++i) y[i] = from_float<T>(scale * to_float(x[i]));
}

template <class T>
XR_MULTIVERSION void add_scaled(float scale, const T* x, std::int64_t step, T* __restrict y,
                                std::int64_t count) {
  const float repeated = scale * to_float(*x);
  if (step == 0)
    for (std::int64_t i = 0; i < count; ++i) y[i] = from_float<T>(to_float(y[i]) + repeated);
  else
    for (std::int64_t i = 0; i < count; ++i) y[i] = from_float<T>(to_float(y[i]) + scale * to_float(x[i]));
}

}  // namespace

void CpuBackend::compute(const SumToShape& call) {
  if (call.y.numel() == 0) return;
  if (call.x.numel() == 0) {
    if (call.write == GradientWrite::overwrite) compute(Fill{.y = call.y});
    return;
  }
  with_activation_type(call.name, call.x.dtype, [&](auto x_type) {
    with_activation_type(call.name, call.y.dtype, [&](auto y_type) {
      Sum<decltype(x_type), decltype(y_type)>(call.x, call.scale, call.y, call.write).run();
    });
  });
}

void CpuBackend::compute(const BroadcastTo& call) {
  const Broadcast plan(call.name, call.dy.shape, call.dy.shape, call.dx.shape);
  const std::int64_t step = plan.stride_a[plan.rank - 1];
  with_activation_type(call.name, call.dx.dtype, [&](auto type) {
    using T = decltype(type);
    const T* in = call.dy.as<T>();
    T* out = call.dx.as<T>();
    for_each_row(plan, call.dx.numel(),
                 [&](std::int64_t position, std::int64_t offset, std::int64_t, std::int64_t count) {
                   if (call.write == GradientWrite::accumulate)
                     add_scaled(call.scale, in + offset, step, out + position, count);
                   else
                     set_scaled(call.scale, in + offset, step, out + position, count);
                 });
  });
}

}  // namespace xr::kernels::cpu
