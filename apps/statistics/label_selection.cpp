#include "apps/statistics/label_selection.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "apps/statistics/label_ranking.h"
#include "data/dataset/label_strata.h"
#include "kernels/common/error.h"
#include "kernels/common/parallel.h"

namespace xr::statistics {

namespace {

/// A checkpoint, prepared once for many resamples.
class Candidate {
 public:
  Candidate(const LabelTable& table, const std::vector<std::size_t>& labels) : losses_(table.images()) {
    for (const std::size_t label : labels) {
      const LabelColumn column(table, label);
      rankings_.emplace_back(column.images, column.positive, column.scores, 0.5);
    }
    for (std::size_t i = 0; i < table.targets.size(); ++i) {
      const double target = table.targets[i], p = table.values[i];
      if (std::isnan(target)) continue;
      losses_[i / table.labels] -=
          std::log(std::max(target > 0.5 ? p : 1.0 - p, std::numeric_limits<double>::min()));
    }
  }

  [[nodiscard]] std::optional<double> auroc(std::size_t label, Times times) const {
    return rankings_[label].measure(times).auroc;
  }
  [[nodiscard]] double mean_auroc(Times times) const {
    double sum = 0, count = 0;
    for (std::size_t l = 0; l < rankings_.size(); ++l)
      if (const std::optional<double> area = auroc(l, times)) {
        sum += *area;
        count += 1;
      }
    return count == 0 ? 0 : sum / count;
  }
  [[nodiscard]] double loss(Times times) const {
    double sum = 0;
    for (std::size_t i = 0; i < losses_.size(); ++i) sum += (times.empty() ? 1.0 : times[i]) * losses_[i];
    return sum;
  }

 private:
  std::vector<LabelRanking> rankings_;
  std::vector<double> losses_;  // of each image, over its known labels
};

std::size_t best_of(const std::vector<Candidate>& candidates, Times times) {
  std::size_t best = 0;
  double most = -1;
  for (std::size_t c = 0; c < candidates.size(); ++c) {
    const double area = candidates[c].mean_auroc(times);
    if (area > most || (area == most && candidates[c].loss(times) < candidates[best].loss(times))) {
      best = c;
      most = area;
    }
  }
  return best;
}

struct MeasuredLabels {
  std::vector<std::size_t> labels;
  std::size_t fewest = std::numeric_limits<std::size_t>::max();  // images with, or without, one of them
};

MeasuredLabels measured_labels(const LabelTable& table) {
  MeasuredLabels result;
  for (std::size_t l = 0; l < table.labels; ++l) {
    const LabelColumn column(table, l);
    const auto with = static_cast<std::size_t>(std::ranges::count(column.positive, 1));
    const std::size_t fewer = std::min(with, column.positive.size() - with);
    if (fewer == 0) continue;
    result.labels.push_back(l);
    result.fewest = std::min(result.fewest, fewer);
  }
  return result;
}

}  // namespace

SelectionOptimism label_selection_optimism(std::span<const LabelTable> candidates,
                                           const BootstrapSettings& settings, std::size_t min_images) {
  SelectionOptimism result;
  if (candidates.empty()) return result;
  for (const LabelTable& one : candidates)
    XR_CHECK(one.targets.size() == candidates.front().targets.size(),
             "a checkpoint has results of {} targets, another of {}: they must be the same images",
             one.targets.size(), candidates.front().targets.size());
  const MeasuredLabels measured = measured_labels(candidates.front());
  if (measured.labels.empty()) return result;
  std::vector<Candidate> prepared;
  for (const LabelTable& one : candidates) prepared.emplace_back(one, measured.labels);
  result.best = best_of(prepared, {});
  result.apparent = prepared[result.best].mean_auroc({});
  if (measured.fewest < min_images) return result;

  result.resamples = std::min(settings.resamples, max_label_choices);
  const std::vector<std::size_t> strata =
      data::label_strata(candidates.front().targets, candidates.front().labels);
  const std::vector<std::int64_t> stratum_of(strata.begin(), strata.end());
  const std::size_t labels = measured.labels.size();
  std::vector<std::optional<double>> areas(static_cast<std::size_t>(result.resamples) * labels);
  kernels::parallel_for(result.resamples, [&](std::int64_t b) {
    std::vector<std::uint32_t> times = draw_resample(stratum_of, settings, b);
    const Candidate& chosen = prepared[best_of(prepared, times)];
    for (std::uint32_t& count : times) count = count == 0 ? 1 : 0;
    for (std::size_t l = 0; l < labels; ++l)
      areas[static_cast<std::size_t>(b) * labels + l] = chosen.auroc(l, times);
  });
  double corrected = 0;
  for (std::size_t l = 0; l < labels; ++l) {
    double sum = 0, count = 0;
    for (std::size_t place = l; place < areas.size(); place += labels) {
      if (!areas[place]) continue;
      sum += *areas[place];
      count += 1;
    }
    if (count == 0) return result;
    corrected += sum / count / static_cast<double>(labels);
  }
  result.corrected = corrected;
  result.optimism = *result.apparent - corrected;
  return result;
}

}  // namespace xr::statistics
