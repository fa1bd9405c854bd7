// Inputs of softmax and the loss.
#pragma once

#include "tests/kernels/cases.h"
#include "tests/kernels/harness.h"

namespace xr::tests {

/// Normal numbers with deviation 2 and a spike in one class of each row, so that the probabilities are
/// neither all alike nor all near 0.
inline Tensor spiked_logits(const RowsCase& c, std::uint64_t number, DType dtype = DType::f32) {
  Tensor logits = random_normal({c.rows, c.classes}, number, 0, 2);
  for (std::int64_t row = 0; row < c.rows; ++row) logits[row * c.classes + row * 5 % c.classes] += c.spike;
  return to_type(logits, dtype);
}

/// One label per row, in [0, classes).
inline std::vector<std::int64_t> random_labels(const RowsCase& c, std::uint64_t number) {
  std::vector<std::int64_t> labels;
  Philox random(11, number);
  for (std::int64_t row = 0; row < c.rows; ++row)
    labels.push_back(random.below(static_cast<std::uint32_t>(c.classes)));
  return labels;
}

/// As the values of an i64 tensor.
inline Tensor label_tensor(const std::vector<std::int64_t>& labels) {
  return {Shape{static_cast<std::int64_t>(labels.size())}, std::vector<double>(labels.begin(), labels.end())};
}

}  // namespace xr::tests
