// What a run leaves when its checkpoints have been evaluated: `train` and `eval` write the same files.
#pragma once

#include <filesystem>

#include "apps/xrtrain/evaluation/evaluation_details.h"
#include "apps/xrtrain/report/html_report.h"
#include "apps/xrtrain/run/run_folder.h"

namespace xr::apps {

struct RunResults {
  CheckpointResults checkpoints;
  Selection selection;
  Predictions predictions;
  EvaluationDetails details;
  std::string table;    ///< eval.csv
  std::string summary;  ///< summary.json
};

/// `options` are those of the run; `history` may be empty.
[[nodiscard]] RunResults make_results(CheckpointResults checkpoints, const TrainOptions& options,
                                      const CheckpointInfo& info, const History& history,
                                      const DetailSettings& settings);

/// All figures as details, then the result in a few lines.
void print_results(const RunResults& results, Console& console);

/// eval.csv, summary.json, predictions.csv and metrics.json, into a folder that is there.
void write_figures(const RunResults& results, const std::filesystem::path& folder);

/// Where the results come from and go to.
struct RunOutput {
  const TrainOptions& options;
  const CheckpointInfo& info;
  const History& history;
  const RunFolder& folder;
  const kernels::Device& device;
};
/// eval.csv, summary.json, predictions.csv, metrics.json and report.html. `test_images` may be null. Loads
/// the chosen checkpoint into `network`, for the errors in the report.
void write_results(const RunResults& results, const RunOutput& output, const data::ImageSet* test_images,
                   model::Module& network);

}  // namespace xr::apps
