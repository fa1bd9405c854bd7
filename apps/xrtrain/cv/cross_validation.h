// `xrtrain cv`: one training run per fold and repeat, each a process of its own, and what they found.
#pragma once

#include <filesystem>
#include <optional>

#include "apps/xrtrain/distributed/ranks.h"
#include "apps/xrtrain/options/options.h"

namespace xr::apps {

struct CvSettings {
  TrainOptions options;  ///< of every fold's run; out is the folder of the cross-validation
  int folds = 5, repeats = 1;
  int jobs = 0;            ///< folds at a time, on each machine
  bool keep_runs = false;  ///< keep the runs' checkpoints
};

/// How a cross-validation was begun: `options` without an `out`, folds and repeats.
struct BegunCv {
  TrainOptions options;
  int folds = 5, repeats = 1;
};
/// Of OUT/cv.toml; nothing if there is none. Throws DataError for a file that no cross-validation wrote.
[[nodiscard]] std::optional<BegunCv> read_begun_cv(const std::filesystem::path& out);

/// Trains, evaluates and writes OUT/cv.csv, OUT/cv.json, OUT/predictions.csv. With options.resume it goes on
/// with what is there: folds that are complete are read, the one that was interrupted is resumed. Throws
/// Error that names the fold that failed and why, Interrupted after a signal. Several ranks train folds each, into the same
/// folder; the first writes the results.
void run_cross_validation(const CvSettings& settings, Ranks& ranks);

}  // namespace xr::apps
