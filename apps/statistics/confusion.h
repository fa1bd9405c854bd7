// Counts of what was predicted for what, and what follows from them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "apps/statistics/interval.h"

namespace xr::statistics {

/// How many times each image counts (in a bootstrap resample); empty: once each.
using Times = std::span<const std::uint32_t>;

/// Counts of a two-class problem. All rates are undefined where their denominator is 0.
struct BinaryCounts {
  std::int64_t true_positive = 0, false_positive = 0, true_negative = 0, false_negative = 0;

  [[nodiscard]] std::int64_t positives() const { return true_positive + false_negative; }
  [[nodiscard]] std::int64_t negatives() const { return true_negative + false_positive; }
  [[nodiscard]] std::int64_t predicted_positives() const { return true_positive + false_positive; }
  [[nodiscard]] std::int64_t predicted_negatives() const { return true_negative + false_negative; }
  [[nodiscard]] std::int64_t total() const { return positives() + negatives(); }

  [[nodiscard]] std::optional<double> accuracy() const;
  [[nodiscard]] std::optional<double> sensitivity() const;  ///< TP / (TP + FN), recall
  [[nodiscard]] std::optional<double> specificity() const;  ///< TN / (TN + FP)
  [[nodiscard]] std::optional<double> ppv() const;          ///< TP / (TP + FP), precision
  [[nodiscard]] std::optional<double> npv() const;          ///< TN / (TN + FN)
  [[nodiscard]] std::optional<double> balanced_accuracy() const;
  [[nodiscard]] std::optional<double> f1() const;   ///< 2 TP / (2 TP + FP + FN)
  [[nodiscard]] std::optional<double> mcc() const;  ///< Matthews correlation coefficient, -1..1
  friend bool operator==(const BinaryCounts&, const BinaryCounts&) = default;
};

/// Images of class `label` (row) that were taken for `predicted` (column).
class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(std::size_t classes) : classes_(classes), counts_(classes * classes) {}
  /// Labels and predictions are class indices below `classes`.
  ConfusionMatrix(std::size_t classes, std::span<const std::int64_t> labels,
                  std::span<const std::int64_t> predictions, Times times = {});

  [[nodiscard]] std::size_t classes() const { return classes_; }
  [[nodiscard]] std::int64_t at(std::size_t label, std::size_t predicted) const {
    return counts_[label * classes_ + predicted];
  }
  [[nodiscard]] std::int64_t total() const;
  [[nodiscard]] std::int64_t correct() const;
  /// One class against the rest.
  [[nodiscard]] BinaryCounts against_rest(std::size_t positive) const;

  [[nodiscard]] std::optional<double> accuracy() const;
  /// Mean over classes of their sensitivity; undefined if a class has no images.
  [[nodiscard]] std::optional<double> balanced_accuracy() const;
  /// Gorodkin's R_K, which for two classes is the Matthews correlation coefficient: J. Gorodkin, "Comparing
  /// two K-category assignments by a K-category correlation coefficient", Comp. Biol. Chem. 28, 2004.
  /// Undefined if only one class occurs or only one is predicted.
  [[nodiscard]] std::optional<double> mcc() const;
  /// Mean over classes of a rate of one class against the rest; undefined if one of them is.
  [[nodiscard]] std::optional<double> macro(std::optional<double> (BinaryCounts::*rate)() const) const;

 private:
  std::size_t classes_;
  std::vector<std::int64_t> counts_;
};

}  // namespace xr::statistics
