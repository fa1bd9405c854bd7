// What each epoch of a run brought.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/xrtrain/evaluation/metrics.h"
#include "engine/train/schedule.h"

namespace xr::apps {

struct EpochRecord {
  std::int64_t epoch = 0;
  double learning_rate = 0.0;                        ///< of the last step
  double train_loss = 0.0;                           ///< mean over images of the batch losses
  std::int64_t train_correct = 0, train_images = 0;  ///< of several labels: known targets (Answers)
  std::optional<Evaluation> validation;
  bool head_alone = false;  ///< the backbone was frozen

  [[nodiscard]] double train_accuracy() const;
};

using History = std::vector<EpochRecord>;

/// history.csv
[[nodiscard]] std::string history_csv(const History& history);
/// As JSON text that reads back bit for bit, for the state that resuming needs.
[[nodiscard]] std::string history_to_json(const History& history);
/// Throws Error if the text is not from history_to_json.
[[nodiscard]] History history_from_json(const std::string& text);

/// The first epoch whose checkpoint validation may choose. Near the end of a cosine schedule the weights
/// hardly move any more; an earlier checkpoint that does better on a few validation images mostly does so by
/// luck. Hence the last quarter of the epochs (rounded up), and all of them with the other schedules.
[[nodiscard]] std::int64_t first_candidate(engine::ScheduleKind schedule, std::int64_t epochs);

/// The epoch with the best validation result (better_result) from `first_candidate` on, or of all if there is none yet; of
/// equal ones that with the least loss, then the first. Nothing without validation.
[[nodiscard]] std::optional<std::int64_t> best_on_validation(const History& history,
                                                             std::int64_t first_candidate = 0);

/// Whether the last `patience` epochs brought no better validation than the best before them, by the same rule. Never
/// with patience 0 or without validation.
[[nodiscard]] bool is_out_of_patience(const History& history, std::int64_t patience,
                                      std::int64_t first_candidate);

}  // namespace xr::apps
