// Evaluating the checkpoints of a run and telling the results.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "apps/xrtrain/console.h"
#include "apps/xrtrain/evaluation/ensemble.h"
#include "apps/xrtrain/evaluation/evaluate.h"
#include "apps/xrtrain/evaluation/selection.h"
#include "apps/xrtrain/run/checkpoint.h"
#include "apps/xrtrain/run/history.h"

namespace xr::apps {

using CheckpointResults = std::vector<CheckpointResult>;

/// Loads each checkpoint of `run` into `network` and evaluates it on all splits, validation before test. Of the ranks of
/// `communicator` (null: this process alone) rank 0 reads the checkpoints and sends them; all get the results.
[[nodiscard]] CheckpointResults evaluate_checkpoints(const std::filesystem::path& run,
                                                     const std::vector<std::int64_t>& epochs,
                                                     model::Module& network,
                                                     const std::vector<EvaluationSplit*>& splits,
                                                     Console& console,
                                                     engine::Communicator* communicator = nullptr);

/// The class probabilities of all results.
[[nodiscard]] Predictions predictions_of(const CheckpointResults& results,
                                         const std::vector<std::string>& class_names);

/// The checkpoint to use, as far as results tell.
[[nodiscard]] Selection select(const CheckpointResults& results, std::int64_t first_candidate);

/// The result of a checkpoint on a split, or nullptr.
[[nodiscard]] const CheckpointResult* find_result(const CheckpointResults& results, std::int64_t epoch,
                                                  const std::string& split);

/// eval.csv
[[nodiscard]] std::string evaluation_csv(const CheckpointResults& results,
                                         const std::vector<std::string>& class_names);
/// summary.json; the same for the same results, without times.
[[nodiscard]] std::string summary_json(const CheckpointResults& results, const Selection& selection,
                                       const History& history, const CheckpointInfo& info,
                                       const Averaging& averaging);

}  // namespace xr::apps
