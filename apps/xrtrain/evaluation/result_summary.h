// The result of a run or an evaluation in a few lines.
#pragma once

#include "apps/xrtrain/console.h"
#include "apps/xrtrain/evaluation/checkpoint_results.h"
#include "apps/xrtrain/evaluation/evaluation_details.h"

namespace xr::apps {

/// Prints the test result of the selected checkpoint with its intervals and baseline, its validation result, and the
/// best of all checkpoints on the test images with its selection bias: at most eight lines.
void print_result(const CheckpointResults& results, const EvaluationDetails& details, Console& console);

/// "Checkpoint 07 (selected on validation)", or what was averaged.
[[nodiscard]] std::string subject_text(const EvaluationDetails& details);
/// "validation", or "the run's validation images".
[[nodiscard]] const char* validation_name(const EvaluationDetails& details);
/// "selection bias about 0.012", or why there is no estimate; of at least two checkpoints.
[[nodiscard]] std::string selection_bias_text(const EvaluationDetails& details);

}  // namespace xr::apps
