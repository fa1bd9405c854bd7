// By how much "the best of N checkpoints on the test images" flatters.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "apps/statistics/bootstrap.h"

namespace xr::statistics {

/// What one candidate (a checkpoint) did with each image. All candidates saw the same images.
struct CandidateResult {
  std::vector<std::uint8_t> right;
  std::vector<double> loss;  ///< decides between candidates that are right equally often
};

/// Estimated by the bootstrap bias correction of I. Tsamardinos, E. Greasidou, G. Borboudakis, "Bootstrapping
/// the out-of-sample predictions for efficient and accurate cross-validation", Machine Learning 107, 2018: in
/// each resample of the images (drawn with replacement within each class) the candidate with the best
/// accuracy is chosen, and its accuracy is taken on the images that were not drawn: the mean of its
/// accuracies on those of each class, weighted by the classes' sizes. Without the classes kept apart, a
/// resample with more images of one class would choose the candidate that prefers that class, and be tested
/// on more of the other. No interval: how the left-out accuracy varies between resamples is not how sure the
/// estimate is.
struct SelectionOptimism {
  std::size_t best = 0;             ///< the candidate chosen on all images
  std::optional<double> apparent;   ///< its accuracy on the images that it was chosen on
  std::optional<double> corrected;  ///< mean accuracy of the chosen on images left out
  std::optional<double> optimism;   ///< apparent - corrected; may be a little below 0 by chance
  std::int64_t resamples = 0;       ///< choices that `corrected` is the mean of
};
/// Of fewer images of a class than this there is no estimate: few are left out, and by chance none.
constexpr std::size_t min_images_to_correct = 10;
/// `labels`: the class of each image. Only `apparent` with fewer than min_images_to_correct of one of them,
/// nothing without candidates or images.
[[nodiscard]] SelectionOptimism selection_optimism(std::span<const CandidateResult> candidates,
                                                   std::span<const std::int64_t> labels,
                                                   const BootstrapSettings& settings = {},
                                                   std::size_t min_of_class = min_images_to_correct);

/// The candidate with the most weighted hits, of equal ones that with the least loss, then the first.
[[nodiscard]] std::size_t best_candidate(std::span<const CandidateResult> candidates, Times times = {});

}  // namespace xr::statistics
