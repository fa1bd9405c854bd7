#include "apps/xrtrain/statistics/selection.h"

#include <algorithm>
#include <numeric>

#include "kernels/cpu/parallel.h"
#include "kernels/error.h"

namespace xr::apps {

std::size_t best_candidate(std::span<const CandidateResult> candidates, Times times) {
  std::size_t best = 0;
  std::int64_t most = -1;
  double least = 0.0;
  for (std::size_t c = 0; c < candidates.size(); ++c) {
    std::int64_t hits = 0;
    double loss = 0.0;
    for (std::size_t i = 0; i < candidates[c].right.size(); ++i) {
      const std::uint32_t count = times.empty() ? 1 : times[i];
      hits += candidates[c].right[i] ? count : 0;
      if (count > 0) loss += count * candidates[c].loss[i];
    }
    if (hits > most || (hits == most && loss < least)) {
      best = c;
      most = hits;
      least = loss;
    }
  }
  return best;
}

SelectionOptimism selection_optimism(std::span<const CandidateResult> candidates,
                                     const BootstrapSettings& settings) {
  SelectionOptimism result;
  if (candidates.empty()) return result;
  const std::size_t images = candidates.front().right.size();
  for (const CandidateResult& candidate : candidates)
    XR_CHECK(candidate.right.size() == images && candidate.loss.size() == images,
             "a checkpoint has results of {} images, another of {}: they must be the same images",
             candidate.right.size(), images);
  if (images < 2) return result;
  result.best = best_candidate(candidates);
  const auto& right = candidates[result.best].right;
  result.apparent = static_cast<double>(std::accumulate(right.begin(), right.end(), std::int64_t{0})) /
                    static_cast<double>(images);

  const std::vector<std::int64_t> one_stratum(images);
  std::vector<std::optional<double>> left_out(static_cast<std::size_t>(settings.resamples));
  kernels::cpu::parallel_for(settings.resamples, [&](std::int64_t b) {
    const std::vector<std::uint32_t> times = draw_resample(one_stratum, settings, b);
    const CandidateResult& chosen = candidates[best_candidate(candidates, times)];
    std::int64_t hits = 0, count = 0;
    for (std::size_t i = 0; i < images; ++i) {
      if (times[i] > 0) continue;
      ++count;
      hits += chosen.right[i];
    }
    if (count > 0)
      left_out[static_cast<std::size_t>(b)] = static_cast<double>(hits) / static_cast<double>(count);
  });
  std::vector<double> defined;
  for (const std::optional<double>& value : left_out)
    if (value) defined.push_back(*value);
  if (defined.empty()) return result;
  result.corrected =
      std::accumulate(defined.begin(), defined.end(), 0.0) / static_cast<double>(defined.size());
  result.optimism = *result.apparent - *result.corrected;
  std::ranges::sort(defined);
  result.interval = percentile_interval(defined);
  return result;
}

}  // namespace xr::apps
