// Intervals by drawing the images again and again.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "apps/statistics/confusion.h"

namespace xr::statistics {

struct BootstrapSettings {
  std::uint64_t seed = 0;  ///< RandomPurpose::bootstrap, a stream for each resample: the same for any threads
  std::uint64_t purpose = 0;  ///< below 2^16: two uses with one seed draw differently
  std::int64_t resamples = 2000;
};

/// Fills in `values` for a resample in which image i counts times[i] times. Called from several threads; must
/// not throw. What is undefined in a resample stays empty.
using BootstrapStatistic = std::function<void(Times times, std::span<std::optional<double>> values)>;

/// The quantile of sorted values, linear between neighbours (R's type 7, numpy's default). Not for none.
[[nodiscard]] double sorted_quantile(std::span<const double> sorted, double part);

/// The middle 95 % of sorted resampled values. Nothing if they do not differ: images that are all predicted
/// right say nothing, by being drawn again, of how often others would be wrong. Not for none.
[[nodiscard]] std::optional<Interval> percentile_interval(std::span<const double> sorted);

/// 95 % percentile intervals of `count` values: images are drawn with replacement within each stratum (their
/// class), so that the classes keep their sizes. B. Efron, R. J. Tibshirani, "An Introduction to the
/// Bootstrap", 1993, chapter 13. No interval where fewer than nine tenths of the resamples define the value.
[[nodiscard]] std::vector<std::optional<Interval>> stratified_bootstrap(
    std::span<const std::int64_t> strata, std::size_t count, const BootstrapStatistic& statistic,
    const BootstrapSettings& settings = {});

/// How often each image occurs in resample number `resample`: n draws with replacement within each stratum;
/// one stratum if `strata` is all equal.
[[nodiscard]] std::vector<std::uint32_t> draw_resample(std::span<const std::int64_t> strata,
                                                       const BootstrapSettings& settings,
                                                       std::int64_t resample);

}  // namespace xr::statistics
