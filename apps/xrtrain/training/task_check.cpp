#include "apps/xrtrain/training/task_check.h"

#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/evaluation/positive_class.h"
#include "apps/xrtrain/run/checkpoint.h"
#include "apps/xrtrain/run/run_folder.h"

namespace xr::apps {

void check_loss(const TrainOptions& options, data::Task task) {
  if (task == data::Task::multi_label && options.label_smoothing > 0)
    throw UsageError(fmt::format("--label-smoothing is {}, but the images have labels: it is for classes",
                                 options.label_smoothing));
}

void check_task(const TrainOptions& options, const data::Dataset& dataset, Console& console) {
  if (options.patience > 0 && dataset.validation.empty())
    throw UsageError(fmt::format(
        "--patience is {}, but the run has no validation images: use --val-fraction, a folder val/, or "
        "--patience 0",
        options.patience));
  if (dataset.task == data::Task::multi_class)
    return warn_of_guessed_positive(dataset.class_names, options.positive, console);
  if (!options.positive.empty())
    throw UsageError(
        fmt::format("--positive is {}, but the images have {} labels: each has its own sensitivity",
                    text::one_line(options.positive), dataset.class_names.size()));
  check_loss(options, dataset.task);
}

void require_no_average(const std::filesystem::path& run) {
  for (const std::int64_t epoch : list_checkpoints(run)) {
    const std::filesystem::path file = checkpoint_path(run, epoch);
    if (!read_info(engine::SafetensorsFile(file), file).averaged.empty())
      throw UsageError(fmt::format(
          "{} is an average of checkpoints, which cannot be trained on: use --init with it", file.string()));
  }
}

}  // namespace xr::apps
