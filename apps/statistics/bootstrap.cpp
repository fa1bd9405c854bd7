#include "apps/statistics/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "kernels/common/error.h"
#include "kernels/common/parallel.h"
#include "kernels/common/random.h"

namespace xr::statistics {

namespace {

using Strata = std::vector<std::vector<std::uint32_t>>;

/// The images of each stratum.
Strata group(std::span<const std::int64_t> strata) {
  std::map<std::int64_t, std::vector<std::uint32_t>> groups;
  for (std::size_t i = 0; i < strata.size(); ++i) groups[strata[i]].push_back(static_cast<std::uint32_t>(i));
  Strata result;
  for (auto& [stratum, images] : groups) result.push_back(std::move(images));
  return result;
}

void draw(const Strata& strata, const BootstrapSettings& settings, std::int64_t resample,
          std::vector<std::uint32_t>& times) {
  std::ranges::fill(times, 0u);
  Philox random(settings.seed, stream_of(RandomPurpose::bootstrap,
                                         settings.purpose << 32 | static_cast<std::uint64_t>(resample)));
  for (const std::vector<std::uint32_t>& images : strata)
    for (std::size_t i = 0; i < images.size(); ++i)
      ++times[images[random.below(static_cast<std::uint32_t>(images.size()))]];
}

}  // namespace

double sorted_quantile(std::span<const double> sorted, double part) {
  const double position = part * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  if (below + 1 >= sorted.size()) return sorted.back();
  return std::lerp(sorted[below], sorted[below + 1], position - static_cast<double>(below));
}

std::optional<Interval> percentile_interval(std::span<const double> sorted) {
  const Interval interval{sorted_quantile(sorted, 0.025), sorted_quantile(sorted, 0.975)};
  // Resamples sum the same terms in other orders: what they differ by then is rounding.
  constexpr double rounding = 1e-9;
  if (interval.high - interval.low <= rounding * std::max(1.0, std::abs(interval.high))) return std::nullopt;
  return interval;
}

std::vector<std::optional<Interval>> stratified_bootstrap(std::span<const std::int64_t> strata,
                                                          std::size_t count,
                                                          const BootstrapStatistic& statistic,
                                                          const BootstrapSettings& settings) {
  XR_CHECK(settings.resamples > 0, "a bootstrap of {} resamples: use at least one", settings.resamples);
  std::vector<std::optional<Interval>> intervals(count);
  if (strata.empty() || count == 0) return intervals;
  const Strata groups = group(strata);
  const auto resamples = static_cast<std::size_t>(settings.resamples);
  std::vector<std::optional<double>> values(resamples * count);
  kernels::parallel_ranges(settings.resamples, 50, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::uint32_t> times(strata.size());
    for (std::int64_t b = begin; b < end; ++b) {
      draw(groups, settings, b, times);
      statistic(times, std::span(values).subspan(static_cast<std::size_t>(b) * count, count));
    }
  });
  for (std::size_t v = 0; v < count; ++v) {
    std::vector<double> defined;
    for (std::size_t b = 0; b < resamples; ++b)
      if (const std::optional<double>& value = values[b * count + v]) defined.push_back(*value);
    if (10 * defined.size() < 9 * resamples) continue;
    std::ranges::sort(defined);
    intervals[v] = percentile_interval(defined);
  }
  return intervals;
}

std::vector<std::uint32_t> draw_resample(std::span<const std::int64_t> strata,
                                         const BootstrapSettings& settings, std::int64_t resample) {
  std::vector<std::uint32_t> times(strata.size());
  draw(group(strata), settings, resample, times);
  return times;
}

}  // namespace xr::statistics
