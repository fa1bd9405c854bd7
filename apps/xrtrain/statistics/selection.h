// By how much "the best of N checkpoints on the test images" flatters.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "apps/xrtrain/statistics/bootstrap.h"

namespace xr::apps {

/// What one candidate (a checkpoint) did with each image. All candidates saw the same images.
struct CandidateResult {
  std::vector<std::uint8_t> right;
  std::vector<double> loss;  ///< decides between candidates that are right equally often
};

/// Estimated by the bootstrap bias correction of I. Tsamardinos, E. Greasidou, G. Borboudakis, "Bootstrapping
/// the out-of-sample predictions for efficient and accurate cross-validation", Machine Learning 107, 2018: in
/// each resample of the images (drawn with replacement, not stratified) the candidate with the best accuracy
/// is chosen, and its accuracy is taken on the images that were not drawn.
struct SelectionOptimism {
  std::size_t best = 0;              ///< the candidate chosen on all images
  std::optional<double> apparent;    ///< its accuracy on the images that it was chosen on
  std::optional<double> corrected;   ///< mean accuracy of the chosen on images left out
  std::optional<Interval> interval;  ///< 95 % percentile interval of the latter
  std::optional<double> optimism;    ///< apparent - corrected; may be a little below 0 by chance
};
/// Undefined without candidates or with fewer than two images.
[[nodiscard]] SelectionOptimism selection_optimism(std::span<const CandidateResult> candidates,
                                                   const BootstrapSettings& settings = {});

/// The candidate with the most weighted hits, of equal ones that with the least loss, then the first.
[[nodiscard]] std::size_t best_candidate(std::span<const CandidateResult> candidates, Times times = {});

}  // namespace xr::apps
