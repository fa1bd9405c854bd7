#include "apps/xrtrain/options/options.h"

#include <fmt/format.h>
#include <cstdio>

#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/options/data_folders.h"
#include "apps/xrtrain/training/normalization.h"
#include "data/dataset/patient_table.h"

namespace xr::apps {

namespace {

// Chosen by results on validation images; see README.md for the figures.
TrainOptions default_preset() {
  TrainOptions options;
  options.preset = "default";
  options.model = "xray_resnet";
  options.epochs = 60;
  options.batch_size = 8;
  options.optimizer = Optimizer::adamw;
  options.lr = 1e-3;
  options.weight_decay = 0.05;
  options.schedule = engine::ScheduleKind::cosine;
  options.warmup_epochs = 2;
  options.dropout = 0.2;
  options.augment = Augmentation::mild;
  options.class_weights = ClassWeights::balanced;
  options.normalize = true;
  return options;
}

// The report's program after its tuning.
TrainOptions report_preset() {
  TrainOptions options;
  options.preset = "report";
  options.model = "report_cnn";
  options.epochs = 20;
  options.batch_size = 60;
  options.padding = 2;
  options.dropout = 0.25;
  options.optimizer = Optimizer::adam;
  options.lr = 1e-3;
  options.weight_decay = 0.0;
  options.schedule = engine::ScheduleKind::constant;
  options.augment = Augmentation::report;
  options.class_weights = ClassWeights::none;
  options.normalize = false;
  return options;
}

// And before.
TrainOptions report_before_preset() {
  TrainOptions options = report_preset();
  options.preset = "report-before";
  options.epochs = 5;
  options.batch_size = 32;
  options.padding = 1;
  return options;
}

// A head on the features of pretrained weights (--init). Chosen by cross-validation on training images alone; see
// docs/benchmarks/transfer.md for the figures.
TrainOptions transfer_preset() {
  TrainOptions options;
  options.preset = "transfer";
  options.model = "efficientnet_lite0";
  options.channels = 3;
  options.image_size = 256;
  options.freeze = Freeze::backbone;
  options.augment = Augmentation::none;
  options.epochs = 15;
  options.batch_size = 32;
  options.optimizer = Optimizer::adamw;
  options.lr = 3e-3;
  options.weight_decay = 1.0;
  options.schedule = engine::ScheduleKind::cosine;
  options.dropout = 0.2;
  options.class_weights = ClassWeights::balanced;
  options.normalize = true;
  return options;
}

}  // namespace

std::vector<std::string> preset_names() {
  return {"default", "report", "report-before", "transfer"};
}

TrainOptions preset_options(const std::string& name) {
  if (name == "default") return default_preset();
  if (name == "report") return report_preset();
  if (name == "report-before") return report_before_preset();
  if (name == "transfer") return transfer_preset();
  throw UsageError(fmt::format("--preset is '{}': use {}", name, fmt::join(preset_names(), ", ")));
}

data::FoldSettings fold_settings(const TrainOptions& options) {
  data::FoldSettings settings;
  char rest = 0;
  if (std::sscanf(options.fold.c_str(), "%d/%d%c", &settings.fold, &settings.folds, &rest) != 2 ||
      settings.folds < 2 || settings.fold < 1 || settings.fold > settings.folds)
    throw UsageError(fmt::format("--fold is '{}': it must be K/N with K from 1 to N and N at least 2, as 2/5",
                                 text::one_line(options.fold)));
  settings.seed = static_cast<std::uint64_t>(options.fold_seed);
  settings.with_test = options.fold_all;
  settings.validation_fraction = options.val_fraction;
  return settings;
}

data::LabelSettings label_settings(const TrainOptions& options) {
  return LabelOptions{options.labels, options.image_column, options.label_column, options.uncertain,
                      options.split_list}
      .settings();
}

void check_group_pattern(const std::string& pattern) {
  if (!pattern.empty()) errors_as<UsageError>([&] { (void)data::PathPattern(pattern); });
}

void validate(const TrainOptions& options) {
  if (options.quiet && options.json) throw UsageError("--quiet and --json exclude each other: use one");
  if (options.resume && options.force)
    throw UsageError("--resume and --force exclude each other: continue the run, or replace it");
  if (options.shards > options.batch_size)
    throw UsageError(
        fmt::format("--shards is {}, but --batch-size is {}: a shard has at least one image, use at most {}",
                    options.shards, options.batch_size, options.batch_size));
  if (!options.fold.empty()) (void)fold_settings(options);
  if (!options.groups.empty() && !options.group_regex.empty())
    throw UsageError("--groups and --group-regex exclude each other: use one");
  check_group_pattern(options.group_regex);
  (void)skip_folders_of(options.skip_folders);
  (void)label_settings(options);
  check_normalization(options);
  if (options.freeze != Freeze::none && options.init.empty())
    throw UsageError("--freeze backbone needs --init FILE: a backbone of random weights is worth nothing");
  if (options.freeze == Freeze::none && options.freeze_epochs > 0)
    throw UsageError(fmt::format("--freeze-epochs is {} without --freeze backbone: give both, or none",
                                 options.freeze_epochs));
  if (options.freeze == Freeze::backbone && options.freeze_epochs == 0 && options.lr_backbone > 0)
    throw UsageError(
        "--lr-backbone and --freeze backbone exclude each other: train the backbone, leave it, or unfreeze it with "
        "--freeze-epochs");
  errors_as<UsageError>([&] {
    const model::ModelSettings settings = model_settings(options, 2, {});
    const std::int64_t least = model::min_image_size(settings);
    XR_CHECK(settings.image_size >= least, "--image-size is {}: too small for {}, use at least {}",
             settings.image_size, settings.name, least);
  });
}

bool trains_head_alone(const TrainOptions& options, std::int64_t epoch) {
  return options.freeze == Freeze::backbone && (options.freeze_epochs == 0 || epoch < options.freeze_epochs);
}

kernels::Device choose_device(const std::string& name, std::string* why_not_the_gpu) {
  if (name == "auto") {
    const kernels::Device gpu{kernels::DeviceType::cuda, 0};
    try {
      if (!kernels::backend(gpu).is_simulated()) return gpu;
      if (why_not_the_gpu != nullptr) *why_not_the_gpu = "the GPU of this build is simulated";
      return {};
    } catch (const Error& error) {
      if (why_not_the_gpu != nullptr && kernels::has_cuda_backend()) *why_not_the_gpu = error.what();
      return {};
    }
  }
  return errors_as<UsageError>([&] {
    const kernels::Device device = kernels::Device::parse(name);
    (void)kernels::backend(device);
    return device;
  });
}

kernels::Precision configure_device(const kernels::Device& device, kernels::Precision precision,
                                    kernels::KernelChoice choice) {
  kernels::Backend& backend = kernels::backend(device);
  if (device.type == kernels::DeviceType::cpu && precision == kernels::Precision::bf16 &&
      !backend.has_precision(precision))
    precision = kernels::Precision::fp32;
  errors_as<UsageError>([&] { backend.configure({precision, choice}); });
  return precision;
}

model::ModelSettings model_settings(const TrainOptions& options, std::size_t classes,
                                    const kernels::Device& device) {
  model::ModelSettings settings;
  settings.name = options.model;
  settings.channels = options.channels;
  settings.image_size = options.image_size;
  settings.classes = static_cast<std::int64_t>(classes);
  settings.padding = options.padding;
  settings.dropout = static_cast<float>(options.dropout);
  settings.seed = static_cast<std::uint64_t>(options.seed);
  settings.device = device;
  return settings;
}

}  // namespace xr::apps
