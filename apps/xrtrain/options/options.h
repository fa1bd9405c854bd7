// What `xrtrain train` can be told, and the presets: every default of the program is in options.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/xrtrain/options/log_level.h"
#include "data/dataset/folds.h"
#include "data/dataset/image_set.h"
#include "engine/train/schedule.h"
#include "kernels/registry.h"
#include "model/model.h"

namespace xr::apps {

// Named in option_table.cpp alone.
enum class Optimizer { adam, adamw, sgd };
enum class Augmentation { report, mild, none };
enum class ClassWeights { balanced, none };
enum class Freeze { none, backbone };
enum class RecomputeStatistics { automatic, yes, no };

struct TrainOptions {
  // The run.
  std::string preset = "default", data, out;
  double val_fraction = 0.15;
  std::string groups, group_regex;  ///< whose images must not be split (data::GroupSettings)
  bool split_by_group = false;
  std::string labels, image_column, label_column;  ///< a table of labels (data::LabelSettings)
  data::Uncertain uncertain = data::Uncertain::ignore;
  std::string split_list;              ///< files with commas between
  std::string skip_folders = "auto";   ///< skip_folders_of
  data::Mask mask = data::Mask::none;  ///< what of the images is black: a control
  std::string fold;                    ///< "2/5": test on this fold of a cross-validation; empty: none
  std::int64_t fold_seed = 0;          ///< of the cut into folds
  bool fold_all = false;               ///< the test images take part in the folds, too
  std::int64_t keep = 0;               ///< checkpoints to keep; 0: all
  bool strict = false;
  bool tensorboard = false;  ///< the history as an event file, too
  // The network.
  std::string model;
  std::int64_t image_size = 224, channels = 1, padding = 2;
  double dropout = 0.25;
  Freeze freeze = Freeze::none;    ///< what of the network is not trained
  std::int64_t freeze_epochs = 0;  ///< for how many epochs; 0: for all
  std::string init;                ///< a file of weights to start from; empty: at random
  // Training.
  std::int64_t epochs = 20, batch_size = 32, seed = 0;
  std::int64_t shards = 1;    ///< parts of a batch that are computed by themselves, by one rank or several
  std::int64_t patience = 0;  ///< epochs without a better validation after which training ends; 0: never
  double ema = 0;             ///< decay of the moving average of the weights; 0: none
  Optimizer optimizer = Optimizer::adam;
  engine::ScheduleKind schedule = engine::ScheduleKind::constant;
  double lr_backbone = 0;  ///< of all but the head; 0: as lr
  RecomputeStatistics recompute_statistics = RecomputeStatistics::automatic;
  double lr = 1e-3, momentum = 0.9, weight_decay = 0.0;
  std::int64_t warmup_epochs = 0, step_epochs = 10;
  double step_factor = 0.1;
  Augmentation augment = Augmentation::none;
  ClassWeights class_weights = ClassWeights::none;
  double label_smoothing = 0.0;
  bool normalize = false;
  std::string preprocessing = "auto", mean, std;  ///< choose_normalization
  // The machine.
  std::string device = "auto";
  kernels::Precision precision = kernels::Precision::fp32;
  kernels::KernelChoice kernel_choice = kernels::KernelChoice::automatic;
  std::int64_t workers = 1, threads = 0;
  double timeout = 600;  ///< seconds that a rank waits for another
  bool cuda_graph = true;
  bool cache = true;           ///< decoded images are kept for the next run
  bool cache_features = true;  ///< of a frozen backbone: computed once instead of in every epoch
  // Evaluation.
  std::string positive, subgroups;
  double target_sensitivity = 0.95;
  // What is said, and how to begin.
  LogLevel log_level = LogLevel::info;
  bool quiet = false, json = false, verbose = false, resume = false, force = false;
};

[[nodiscard]] std::vector<std::string> preset_names();
/// The options of a preset; throws UsageError for an unknown one.
[[nodiscard]] TrainOptions preset_options(const std::string& name);

/// Checks what single options cannot: combinations, what the device has, the least image size of the network.
/// Throws UsageError.
void validate(const TrainOptions& options);
/// Whether an epoch trains the head alone, by options.freeze and options.freeze_epochs.
[[nodiscard]] bool trains_head_alone(const TrainOptions& options, std::int64_t epoch);
/// Throws UsageError unless it is empty or a regular expression.
void check_group_pattern(const std::string& pattern);
/// Of options.labels and those that belong to it. Throws UsageError.
[[nodiscard]] data::LabelSettings label_settings(const TrainOptions& options);
/// Of options.fold. Throws UsageError unless it is K/N.
[[nodiscard]] data::FoldSettings fold_settings(const TrainOptions& options);

/// The device that "auto", "cpu", "cuda:N", ... means on this machine. Throws UsageError if it is not there.
/// Where "auto" is the CPU though the binary has CUDA kernels, why_not_the_gpu gets the reason in one line.
[[nodiscard]] kernels::Device choose_device(const std::string& name, std::string* why_not_the_gpu = nullptr);
/// Sets the device's precision and choice of kernels, and returns the precision: fp32 instead of bf16 where the
/// processor has no instructions for bf16. Throws UsageError for what the device does not have.
kernels::Precision configure_device(const kernels::Device& device, kernels::Precision precision,
                                    kernels::KernelChoice choice);
/// What to say where configure_device returned another precision.
inline constexpr const char* without_bf16 =
    "this processor has no bf16 instructions (AVX512-BF16 or AMX): the CPU computes in fp32";

/// Settings of the network for that many classes.
[[nodiscard]] model::ModelSettings model_settings(const TrainOptions& options, std::size_t classes,
                                                  const kernels::Device& device);

}  // namespace xr::apps
