// What the checkpoint that a run chose says of its test images.
#pragma once

#include "apps/xrtrain/evaluation/predictions.h"

namespace xr::apps {

struct ChosenPredictions {
  std::vector<std::string> class_names;
  std::size_t positive = 0;    ///< class index
  std::int64_t epoch = 0;      ///< of the checkpoint
  bool on_validation = false;  ///< chosen there; otherwise it is the last one
  SplitPredictions test;
};

/// Reads RUN/metrics.json and RUN/predictions.csv. Throws DataError that names the file and what is wrong: a
/// run that was not evaluated, one without test images, probabilities that are no numbers.
[[nodiscard]] ChosenPredictions read_chosen(const std::filesystem::path& run);

}  // namespace xr::apps
