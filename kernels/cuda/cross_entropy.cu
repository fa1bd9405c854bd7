// PyTorch's cross_entropy with mean reduction, on the log-softmax of the logits (N, classes).
//
// With label y_n, class weights w (1 if absent), smoothing s, C classes and W = sum_n w[y_n]:
//   loss = 1 / W sum_n sum_c -f_n[c] log p_n[c]  with f_n[c] = w[c] ((1 - s) [c = y_n] + s / C)
//   d loss / d z_n[c] = ((1 - s) w[y_n] (p_n[c] - [c = y_n]) + s / C (p_n[c] sum_k w[k] - w[c])) / W
//
// Bytes per f32 element: forward 8 (logits, log p), backward 8 (log p, d logits; 12 when it accumulates); the
// labels and weights are few. About 8 operations per element, one of them an exponential.
// Forward: one pass writes log p and a row's share of the loss (rows.h); a second launch of one block adds
// the rows in fixed order, in double. Backward: one block finds W and sum_k w[k], a second launch writes the
// gradients. A label out of range takes part in nothing but the report of the fault.
#include "kernels/cuda/activation.h"
#include "kernels/cuda/rows.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

/// What the loss asks of each row.
struct Targets {
  const std::int64_t* labels;
  const float* class_weights;  ///< or null: all are 1
  std::int64_t rows;
  int classes;
  float smoothing;

  [[nodiscard]] __device__ bool is_valid(std::int64_t row) const {
    return labels[row] >= 0 && labels[row] < classes;
  }
  [[nodiscard]] __device__ float weight(std::int64_t c) const {
    return class_weights != nullptr ? class_weights[c] : 1.0f;
  }
  /// w[y_n]
  [[nodiscard]] __device__ float row_weight(std::int64_t row) const {
    return is_valid(row) ? weight(labels[row]) : 0.0f;
  }
  /// s / C
  [[nodiscard]] __device__ float share() const { return smoothing / static_cast<float>(classes); }
};

/// losses[n] = sum_c -f_n[c] log p_n[c]
template <class T, class L, bool WholeBlock>
__global__ void __launch_bounds__(row_threads)
    cross_entropy_rows_kernel(const T* logits, L* log_probabilities, Targets targets, float* losses) {
  const auto group = RowGroup<WholeBlock>::of_thread();
  if (group.row >= targets.rows) return;
  const std::int64_t first = group.row * targets.classes, label = targets.labels[group.row];
  auto total = ExponentialSum::zero();
  for (int c = group.rank; c < targets.classes; c += group.size) total.add(to_float(logits[first + c]));
  total = group.sum(total);
  const float logarithm = logf(total.sum);
  float loss = 0.0f;
  for (int c = group.rank; c < targets.classes; c += group.size) {
    const float log_p = to_float(logits[first + c]) - total.maximum - logarithm;
    log_probabilities[first + c] = from_float<L>(log_p);
    // Not one product with a factor of 0: log p may be -infinity.
    if (c == label) loss -= (1.0f - targets.smoothing) * targets.weight(c) * log_p;
    if (targets.smoothing > 0.0f) loss -= targets.share() * targets.weight(c) * log_p;
  }
  loss = group.sum(loss);
  if (group.rank == 0) losses[group.row] = loss;
}

/// One block of 1 x row_threads: the mean of the rows' losses, and the first label that is out of range.
__global__ void __launch_bounds__(row_threads)
    cross_entropy_mean_kernel(const float* losses, Targets targets, float* mean, DataFault* fault) {
  __shared__ SharedValues<Sums<double, 2>, row_threads> shared;
  __shared__ std::int64_t wrong[row_threads];
  auto sums = Sums<double, 2>::zero();
  wrong[threadIdx.y] = targets.rows;
#pragma unroll 1  // few rows for each thread
  for (std::int64_t row = threadIdx.y; row < targets.rows; row += row_threads) {
    sums.value[0] += static_cast<double>(losses[row]);
    sums.value[1] += static_cast<double>(targets.row_weight(row));
    if (!targets.is_valid(row)) wrong[threadIdx.y] = min(wrong[threadIdx.y], row);
  }
  sums = combine_rows(sums, shared);
  if (threadIdx.y != 0) return;
  std::int64_t first_wrong = targets.rows;
  for (const std::int64_t row : wrong) first_wrong = min(first_wrong, row);
  *mean = static_cast<float>(sums.value[0] / sums.value[1]);
  if (first_wrong == targets.rows) return;
  *mean = std::numeric_limits<float>::quiet_NaN();
  fault->report(DataFault::Kind::label_out_of_range, first_wrong, targets.labels[first_wrong],
                targets.classes);
}

/// totals = {W, sum_k w[k]}. One block of 1 x row_threads.
__global__ void __launch_bounds__(row_threads) cross_entropy_totals_kernel(Targets targets, float* totals) {
  __shared__ SharedValues<Sums<double, 2>, row_threads> shared;
  auto sums = Sums<double, 2>::zero();
#pragma unroll 1
  for (std::int64_t row = threadIdx.y; row < targets.rows; row += row_threads)
    sums.value[0] += static_cast<double>(targets.row_weight(row));
#pragma unroll 1
  for (int c = static_cast<int>(threadIdx.y); c < targets.classes; c += row_threads)
    sums.value[1] += static_cast<double>(targets.weight(c));
  sums = combine_rows(sums, shared);
  if (threadIdx.y != 0) return;
  totals[0] = static_cast<float>(sums.value[0]);
  totals[1] = static_cast<float>(sums.value[1]);
}

template <class L, class T>
struct GradientElement {
  Targets targets;
  const L* log_probabilities;
  const float *totals, *d_loss;
  T* d_logits;
  GradientWrite write;

  __device__ void operator()(std::int64_t item) const {
    const Division at = divide(item, targets.classes);
    const float p = expf(to_float(log_probabilities[item])),
                hit = at.remainder == targets.labels[at.quotient] ? 1.0f : 0.0f;
    float slope = (1.0f - targets.smoothing) * targets.row_weight(at.quotient) * (p - hit);
    if (targets.smoothing > 0.0f) slope += targets.share() * (p * totals[1] - targets.weight(at.remainder));
    Elements<T, 1>{{*d_loss / totals[0] * slope}}.write(d_logits + item, write);
  }
};

Targets targets_of(const CrossEntropyParams& params, const ConstView& rows, const ConstView& labels,
                   const ConstView& class_weights) {
  return {labels.as<std::int64_t>(), class_weights.as<float>(), rows.shape[0],
          to_int(rows.shape[1], "the number of classes"), params.label_smoothing};
}

}  // namespace

void KernelBackend::compute(const CrossEntropyForward& call) {
  constexpr const char* operation = "cross_entropy_forward";
  const Targets targets = targets_of(call.params, call.logits, call.labels, call.class_weights);
  auto* losses = static_cast<float*>(workspace(static_cast<std::size_t>(targets.rows + 1) * sizeof(float)));
  if (call.logits.numel() > 0)
    with_activation_type(operation, call.logits.dtype, [&](auto type) {
      with_activation_type(operation, call.log_probabilities.dtype, [&](auto log_type) {
        with_row_group({targets.rows, targets.classes}, [&](auto whole_block, unsigned grid) {
          using T = decltype(type);
          using L = decltype(log_type);
          run({operation, grid, row_threads, 0,
               static_cast<std::int64_t>(call.logits.bytes() + call.log_probabilities.bytes() +
                                         call.labels.bytes()),
               8 * call.logits.numel()},
              cross_entropy_rows_kernel<T, L, whole_block>, call.logits.as<T>(),
              call.log_probabilities.as<L>(), targets, losses);
        });
      });
    });
  run({"cross_entropy_mean", 1, dim3(1, row_threads), 0, 4 * targets.rows, targets.rows},
      cross_entropy_mean_kernel, losses, targets, call.loss.as<float>(), data_fault());
}

void KernelBackend::compute(const CrossEntropyBackward& call) {
  constexpr const char* operation = "cross_entropy_backward";
  const Targets targets = targets_of(call.params, call.log_probabilities, call.labels, call.class_weights);
  if (call.d_logits.numel() == 0) return;
  auto* totals = static_cast<float*>(workspace(2 * sizeof(float)));
  run({"cross_entropy_totals", 1, dim3(1, row_threads), 0, 8 * targets.rows, targets.rows},
      cross_entropy_totals_kernel, targets, totals);
  with_activation_type(operation, call.log_probabilities.dtype, [&](auto log_type) {
    with_activation_type(operation, call.d_logits.dtype, [&](auto type) {
      using L = decltype(log_type);
      using T = decltype(type);
      using Backward = GradientElement<L, T>;
      const std::size_t writes = call.write == GradientWrite::accumulate ? 2 : 1;
      run({operation, blocks_for(call.d_logits.numel(), elementwise_threads), elementwise_threads, 0,
           static_cast<std::int64_t>(call.log_probabilities.bytes() + writes * call.d_logits.bytes() +
                                     call.labels.bytes()),
           8 * call.d_logits.numel()},
          for_each_kernel<Backward>,
          Backward{targets, call.log_probabilities.as<L>(), totals, call.d_loss.as<float>(),
                   call.d_logits.as<T>(), call.write},
          call.d_logits.numel());
    });
  });
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
