// Whether predicted probabilities can be taken at their word.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "apps/statistics/confusion.h"

namespace xr::statistics {

/// Class probabilities of images: row-major, images x classes.
struct ProbabilityTable {
  std::size_t classes = 0;
  std::span<const double> values;
  std::span<const std::int64_t> labels;  ///< class index of each image

  [[nodiscard]] std::size_t images() const { return labels.size(); }
  [[nodiscard]] std::span<const double> row(std::size_t image) const {
    return values.subspan(image * classes, classes);
  }
  /// Index of the largest probability of each row; the first of equal ones.
  [[nodiscard]] std::vector<std::int64_t> predictions() const;
};

/// Squared error of each image. With two classes that of one class' probability, 0..1; with more the sum over
/// classes, 0..2 (as scikit-learn's scale_by_half="auto"). G. W. Brier, "Verification of forecasts expressed
/// in terms of probability", Monthly Weather Review 78, 1950.
[[nodiscard]] std::vector<double> brier_terms(const ProbabilityTable& table);
/// Their mean. Undefined without images.
[[nodiscard]] std::optional<double> brier_score(const ProbabilityTable& table);

/// Mean of -log(probability of the label), which is at least the smallest double. Undefined without images.
[[nodiscard]] std::optional<double> negative_log_likelihood(const ProbabilityTable& table);

/// Bins of the reliability diagram: bin i holds probabilities in (i / bins, (i + 1) / bins], the first also
/// 0.
struct ReliabilityBin {
  double low = 0.0, high = 1.0;
  std::int64_t images = 0, hits = 0;
  double probability_sum = 0.0;

  [[nodiscard]] std::optional<double> mean_probability() const;
  [[nodiscard]] std::optional<double> observed() const;  ///< hits / images
};
constexpr std::size_t reliability_bins = 10;
/// Of any probabilities and what came true.
[[nodiscard]] std::vector<ReliabilityBin> reliability(std::span<const double> probabilities,
                                                      std::span<const std::uint8_t> came_true,
                                                      Times times = {}, std::size_t bins = reliability_bins);
/// Sum over bins of images / all |observed - mean probability|. Undefined without images.
[[nodiscard]] std::optional<double> calibration_error(std::span<const ReliabilityBin> bins);

/// The confidence of each image, its largest probability, and whether that class was right.
struct Confidence {
  std::vector<double> probability;
  std::vector<std::uint8_t> right;
};
[[nodiscard]] Confidence confidence_of(const ProbabilityTable& table);
/// Expected calibration error of the predicted class' probability in 10 bins of equal width: C. Guo, G.
/// Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017. Few images make
/// it larger than it is, for chance alone keeps a bin's accuracy off its confidence.
[[nodiscard]] std::optional<double> expected_calibration_error(const ProbabilityTable& table);

/// Probabilities of the softmax of logits / temperature, got from those of temperature 1: p^(1/T), scaled to
/// sum 1.
[[nodiscard]] std::vector<double> at_temperature(const ProbabilityTable& table, double temperature);

/// The temperature of least negative log likelihood (Guo et al. 2017), between 0.01 and 100. Undefined where
/// there is no minimum in between: without images, with all images right by any margin (the likelihood grows
/// for ever as the temperature falls), or with probabilities no better than chance.
[[nodiscard]] std::optional<double> fit_temperature(const ProbabilityTable& table);

}  // namespace xr::statistics
