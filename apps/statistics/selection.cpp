#include "apps/statistics/selection.h"

#include <map>
#include <numeric>

#include "kernels/common/error.h"
#include "kernels/common/parallel.h"

namespace xr::statistics {

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

namespace {

/// The images of each class.
using Classes = std::map<std::int64_t, std::vector<std::size_t>>;

/// Accuracy on the images that a resample left out; nothing if it left out none of a class.
std::optional<double> left_out_accuracy(const CandidateResult& candidate, const Classes& classes,
                                        Times times) {
  double sum = 0.0;
  for (const auto& [label, images] : classes) {
    double hits = 0, count = 0;
    for (const std::size_t i : images) {
      if (times[i] > 0) continue;
      count += 1;
      hits += candidate.right[i];
    }
    if (count == 0) return std::nullopt;
    sum += hits / count * static_cast<double>(images.size());
  }
  return sum / static_cast<double>(times.size());
}

}  // namespace

SelectionOptimism selection_optimism(std::span<const CandidateResult> candidates,
                                     std::span<const std::int64_t> labels, const BootstrapSettings& settings,
                                     std::size_t min_of_class) {
  SelectionOptimism result;
  const std::size_t images = labels.size();
  for (const CandidateResult& candidate : candidates)
    XR_CHECK(candidate.right.size() == images && candidate.loss.size() == images,
             "a checkpoint has results of {} images, there are labels of {}: they must be the same images",
             candidate.right.size(), images);
  if (candidates.empty() || images == 0) return result;
  result.best = best_candidate(candidates);
  const auto& right = candidates[result.best].right;
  result.apparent = static_cast<double>(std::accumulate(right.begin(), right.end(), std::int64_t{0})) /
                    static_cast<double>(images);
  Classes classes;
  for (std::size_t i = 0; i < images; ++i) classes[labels[i]].push_back(i);
  for (const auto& [label, of_class] : classes)
    if (of_class.size() < min_of_class) return result;

  std::vector<std::optional<double>> left_out(static_cast<std::size_t>(settings.resamples));
  kernels::parallel_for(settings.resamples, [&](std::int64_t b) {
    const std::vector<std::uint32_t> times = draw_resample(labels, settings, b);
    left_out[static_cast<std::size_t>(b)] =
        left_out_accuracy(candidates[best_candidate(candidates, times)], classes, times);
  });
  double sum = 0.0, count = 0.0;
  for (const std::optional<double>& value : left_out) {
    if (!value) continue;
    sum += *value;
    count += 1;
  }
  if (count == 0) return result;
  result.corrected = sum / count;
  result.resamples = settings.resamples;
  result.optimism = *result.apparent - *result.corrected;
  return result;
}

}  // namespace xr::statistics
