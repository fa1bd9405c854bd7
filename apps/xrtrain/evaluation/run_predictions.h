// What the checkpoint that a run chose says of its test images.
#pragma once

#include "apps/xrtrain/evaluation/predictions.h"
#include "apps/xrtrain/evaluation/selection.h"

namespace xr::apps {

struct RunPredictions {
  std::vector<std::string> class_names;
  data::Task task = data::Task::multi_class;
  std::size_t positive = 0;  ///< class index
  Selection selection;
  SplitPredictions test;  ///< or of the validation images: SplitPredictions::split
};

/// Which images: `test`, or those of validation for a run without test images.
enum class RunImages { test, test_or_validation };

/// Reads RUN/metrics.json and RUN/predictions.csv. Throws DataError that names the file and what is wrong: a
/// run that was not evaluated, one without test images, probabilities that are no numbers.
[[nodiscard]] RunPredictions read_run_predictions(const std::filesystem::path& run,
                                                  RunImages images = RunImages::test);

}  // namespace xr::apps
