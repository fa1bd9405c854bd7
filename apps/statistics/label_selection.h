// By how much "the best of N checkpoints on the test images" flatters, of several labels.
#pragma once

#include <span>

#include "apps/statistics/label_metrics.h"
#include "apps/statistics/selection.h"

namespace xr::statistics {

/// How many choices are made at most: their mean is wanted and not their tails, and each takes as many rankings as there
/// are candidates times labels.
constexpr std::int64_t max_label_choices = 200;

/// As selection_optimism, with the mean AUROC in place of accuracy: SelectionOptimism::apparent and ::corrected are mean
/// AUROCs. `candidates`: what each checkpoint said of the same images, with the same targets. In each resample (drawn within
/// data::label_strata) the candidate of the largest mean AUROC is chosen, of equal ones that with the least log loss, and
/// its AUROC of each label is taken on the images that were not drawn. `corrected` is the mean over labels of its mean over
/// resamples, so that labels which are sometimes absent from what is left weigh no less. Only over labels that some known
/// image has and some has not. Only `apparent` where fewer than `min_images` known images have one of these labels, or have
/// it not; nothing without candidates or such labels.
[[nodiscard]] SelectionOptimism label_selection_optimism(std::span<const LabelTable> candidates,
                                                         const BootstrapSettings& settings = {},
                                                         std::size_t min_images = min_images_to_correct);

}  // namespace xr::statistics
