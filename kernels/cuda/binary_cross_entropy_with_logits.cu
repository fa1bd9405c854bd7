// PyTorch's binary_cross_entropy_with_logits of (N, labels), mean over the known targets of a batch.
//
// With a logit x, its target z (NaN: unknown, left aside), softplus(x) = max(x, 0) + log1p(exp(-|x|)), which
// never overflows, the label's weight p (1 if absent) and K known targets:
//   loss = 1 / K sum (1 - z) softplus(x) + p z softplus(-x)
//   d loss / d x = ((1 - z) s(x) - p z s(-x)) / K, s = sigmoid; 0 where z is unknown
// For p = 1 a term is max(x, 0) - x z + log1p(exp(-|x|)); written as a sum of what is never negative, nothing
// cancels.
//
// Bytes per f32 element: forward 8 (x, z), backward 12 (x, z, d x; 16 when it accumulates). About 10 operations,
// an exponential and, forward, a logarithm among them.
// Forward: each block adds the terms of its grid-stride loop in double (reduce.h) and writes their sum, their
// number and the first target out of range; a second launch of one block adds the blocks, in fixed order.
#include "kernels/cuda/activation.h"
#include "kernels/cuda/rows.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

/// What the loss asks of each element.
template <class T>
struct Elementwise {
  const T* logits;
  const float *targets, *pos_weight;  ///< the latter or null: all are 1
  std::int64_t count;
  int labels;

  [[nodiscard]] __device__ float positive_weight(std::int64_t item) const {
    return pos_weight != nullptr ? pos_weight[divide(item, labels).remainder] : 1.0f;
  }
  /// A factor of 0 rules a term out, also one that is infinite.
  [[nodiscard]] __device__ static float term(float factor, float value) {
    return factor == 0.0f ? 0.0f : factor * value;
  }
  [[nodiscard]] __device__ float loss(std::int64_t item) const {
    const float x = to_float(logits[item]), z = targets[item], log_part = log1pf(expf(-fabsf(x)));
    return term(1.0f - z, fmaxf(x, 0.0f) + log_part) +
           term(positive_weight(item) * z, fmaxf(-x, 0.0f) + log_part);
  }
  [[nodiscard]] __device__ float slope(std::int64_t item) const {
    const float x = to_float(logits[item]), z = targets[item], e = expf(-fabsf(x)), large = 1.0f / (1.0f + e),
                small = e * large;
    return term(1.0f - z, x >= 0.0f ? large : small) -
           term(positive_weight(item) * z, x >= 0.0f ? small : large);
  }
};

/// Sum of losses, how many targets are known, and the first element whose target is out of range.
struct LossPart {
  using Number = double;
  double sum, known, first_wrong;

  /// Of no elements out of `count`.
  [[nodiscard]] __device__ static LossPart zero(std::int64_t count) {
    return {0.0, 0.0, static_cast<double>(count)};
  }
  __device__ void add(const LossPart& other) {
    sum += other.sum;
    known += other.known;
    first_wrong = fmin(first_wrong, other.first_wrong);
  }
};

/// Blocks of 1 x row_threads: parts[b] of the elements of block b.
template <class T>
__global__ void __launch_bounds__(row_threads)
    binary_cross_entropy_parts_kernel(Elementwise<T> all, LossPart* parts) {
  __shared__ SharedValues<LossPart, row_threads> shared;
  LossPart part = LossPart::zero(all.count);
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * row_threads;
  for (std::int64_t item = static_cast<std::int64_t>(blockIdx.x) * row_threads + threadIdx.y;
       item < all.count; item += step) {
    const float target = all.targets[item];
    if (isnan(target)) continue;
    if (target >= 0.0f && target <= 1.0f)
      part.add({static_cast<double>(all.loss(item)), 1.0, static_cast<double>(all.count)});
    else
      part.first_wrong = fmin(part.first_wrong, static_cast<double>(item));
  }
  part = combine_rows(part, shared);
  if (threadIdx.y == 0) parts[blockIdx.x] = part;
}

/// One block of 1 x row_threads: the mean over the known targets, their number, and the first that is out of
/// range.
template <class T>
__global__ void __launch_bounds__(row_threads)
    binary_cross_entropy_mean_kernel(Elementwise<T> all, const LossPart* parts, int blocks, float* loss,
                                     float* known, DataFault* fault) {
  __shared__ SharedValues<LossPart, row_threads> shared;
  LossPart total = LossPart::zero(all.count);
#pragma unroll 1  // few blocks
  for (int block = static_cast<int>(threadIdx.y); block < blocks; block += row_threads)
    total.add(parts[block]);
  total = combine_rows(total, shared);
  if (threadIdx.y != 0) return;
  *loss = total.known > 0.0 ? static_cast<float>(total.sum / total.known) : 0.0f;
  *known = static_cast<float>(total.known);
  const auto wrong = static_cast<std::int64_t>(total.first_wrong);
  if (wrong == all.count) return;
  *loss = std::numeric_limits<float>::quiet_NaN();
  fault->report(DataFault::Kind::target_out_of_range, wrong / all.labels, wrong % all.labels, all.labels,
                all.targets[wrong]);
}

template <class T>
struct BinaryGradientElement {
  Elementwise<T> all;
  const float *known, *d_loss;
  T* d_logits;
  GradientWrite write;

  __device__ void operator()(std::int64_t item) const {
    float gradient = 0.0f;
    if (!isnan(all.targets[item]) && *known > 0.0f) gradient = *d_loss / *known * all.slope(item);
    Elements<T, 1>{{gradient}}.write(d_logits + item, write);
  }
};

template <class T>
Elementwise<T> elements_of(const ConstView& logits, const ConstView& targets, const ConstView& pos_weight) {
  return {logits.as<T>(), targets.as<float>(), pos_weight.as<float>(), logits.numel(),
          to_int(logits.shape[1], "the number of labels")};
}

}  // namespace

void KernelBackend::compute(const BinaryCrossEntropyWithLogitsForward& call) {
  const dim3 blocks = blocks_for(call.logits.numel(), row_threads);
  auto* parts = static_cast<LossPart*>(workspace(blocks.x * sizeof(LossPart)));
  with_activation_type(call.name, call.logits.dtype, [&](auto type) {
    using T = decltype(type);
    const auto all = elements_of<T>(call.logits, call.targets, call.pos_weight);
    run({call.name, blocks, dim3(1, row_threads), 0, call.bytes(), call.flops()},
        binary_cross_entropy_parts_kernel<T>, all, parts);
    run({"binary_cross_entropy_mean", 1, dim3(1, row_threads), 0,
         static_cast<std::int64_t>(blocks.x * sizeof(LossPart)), 2 * static_cast<std::int64_t>(blocks.x)},
        binary_cross_entropy_mean_kernel<T>, all, parts, static_cast<int>(blocks.x), call.loss.as<float>(),
        call.known.as<float>(), data_fault());
  });
}

void KernelBackend::compute(const BinaryCrossEntropyWithLogitsBackward& call) {
  if (call.d_logits.numel() == 0) return;
  with_activation_type(call.name, call.logits.dtype, [&](auto type) {
    using T = decltype(type);
    using Backward = BinaryGradientElement<T>;
    run({call.name, blocks_for(call.d_logits.numel(), elementwise_threads), elementwise_threads, 0,
         call.bytes(), call.flops()},
        for_each_kernel<Backward>,
        Backward{elements_of<T>(call.logits, call.targets, call.pos_weight), call.known.as<float>(),
                 call.d_loss.as<float>(), call.d_logits.as<T>(), call.write},
        call.d_logits.numel());
  });
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
