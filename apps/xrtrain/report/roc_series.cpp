#include "apps/xrtrain/report/roc_series.h"

#include <algorithm>

#include "apps/statistics/interval.h"
#include "apps/statistics/roc.h"

namespace xr::apps {

html::Series roc_series(const std::string& name, std::span<const std::uint8_t> truth,
                        std::span<const double> scores, bool band) {
  html::Series series, nothing;
  series.name = nothing.name = name;
  const auto positives = static_cast<std::int64_t>(std::count(truth.begin(), truth.end(), 1));
  for (const statistics::RocPoint& point : statistics::roc_curve(truth, scores)) {
    if (!point.sensitivity || !point.specificity) return nothing;
    series.x.push_back(1.0 - *point.specificity);
    series.y.push_back(*point.sensitivity);
    if (!band) continue;
    const statistics::Interval interval = statistics::wilson_interval(point.true_positives, positives);
    series.low.push_back(interval.low);
    series.high.push_back(interval.high);
  }
  return series;
}

}  // namespace xr::apps
