// The rows of a contiguous (N, classes) tensor: shared by softmax and log-softmax.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/common/parallel.h"
#include "kernels/common/types.h"

namespace xr::kernels::cpu {

class Rows {
 public:
  /// (N, classes), contiguous.
  explicit Rows(const ConstView& view) : count_(view.shape[0]), classes_(view.shape[1]) {}

  /// Calls body(offset of the row, classes) in parallel.
  template <class Body>
  void for_each(Body&& body) const {
    const std::int64_t grain = std::max<std::int64_t>(1, 4096 / std::max<std::int64_t>(1, classes_));
    parallel_ranges(count_, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) body(row * classes_, classes_);
    });
  }

 private:
  std::int64_t count_ = 0, classes_ = 0;
};

inline float row_maximum(const float* row, std::int64_t classes) {
  float largest = -std::numeric_limits<float>::infinity();
  for (std::int64_t i = 0; i < classes; ++i) largest = std::max(largest, row[i]);
  return largest;
}

/// (x - max) - log sum exp(x - max), the sum in double.
inline void log_softmax_of_row(const float* row, std::int64_t classes, float* result) {
  const float largest = row_maximum(row, classes);
  double sum = 0;
  for (std::int64_t i = 0; i < classes; ++i) sum += std::exp(static_cast<double>(row[i] - largest));
  const double logarithm = std::log(sum);
  for (std::int64_t i = 0; i < classes; ++i)
    result[i] = static_cast<float>(static_cast<double>(row[i] - largest) - logarithm);
}

}  // namespace xr::kernels::cpu
