#include "apps/xrtrain/options/option_table.h"

#include <algorithm>
#include <limits>

#include "apps/command_line/backend_names.h"
#include "apps/xrtrain/options/config.h"
#include "apps/xrtrain/options/data_folders.h"

namespace xr::apps {

namespace {

constexpr Range nonnegative_float{0.0, 1e38};
constexpr Range fraction{0.0, 1.0, false, true};
constexpr double largest_seed = 9007199254740992.0;  // 2^53: exact in every format that keeps it

using O = TrainOptions;

using command_line::Names;
using command_line::names_of;

const Names<data::Mask> masks = {
    {"none", data::Mask::none}, {"middle", data::Mask::middle}, {"border", data::Mask::border}};
const Names<Optimizer> optimizers = {
    {"adam", Optimizer::adam}, {"adamw", Optimizer::adamw}, {"sgd", Optimizer::sgd}};
const Names<engine::ScheduleKind> schedules = {{"constant", engine::ScheduleKind::constant},
                                               {"step", engine::ScheduleKind::step},
                                               {"cosine", engine::ScheduleKind::cosine}};
const Names<Augmentation> augmentations = {
    {"report", Augmentation::report}, {"mild", Augmentation::mild}, {"none", Augmentation::none}};
const Names<ClassWeights> class_weights = {{"auto", ClassWeights::balanced}, {"none", ClassWeights::none}};
const Names<Freeze> freezes = {{"none", Freeze::none}, {"backbone", Freeze::backbone}};
const Names<RecomputeStatistics> recomputations = {{"auto", RecomputeStatistics::automatic},
                                                   {"yes", RecomputeStatistics::yes},
                                                   {"no", RecomputeStatistics::no}};
const Names<LogLevel> log_levels = {
    {"debug", LogLevel::debug}, {"info", LogLevel::info}, {"warning", LogLevel::warning}};

template <class Value>
ChoiceMember one_of(Value O::*member, Names<Value> names) {
  ChoiceMember result;
  result.place = [member, names](const TrainOptions& options) {
    const auto found = std::ranges::find(names, options.*member, &std::pair<std::string, Value>::second);
    return static_cast<std::size_t>(found - names.begin());
  };
  result.set = [member, names](TrainOptions& options, std::size_t place) {
    options.*member = names[place].second;
  };
  return result;
}

/// An option whose value help calls `value`.
OptionSpec with_value(const char* value, OptionSpec spec) {
  spec.value = value;
  return spec;
}

std::vector<OptionSpec> make_table() {
  const auto precisions = command_line::precision_names();
  const auto kernel_choices = command_line::kernel_choice_names();
  const char *run = "Run", *images = "Data", *network = "Network", *training = "Training",
             *evaluation = "Evaluation", *machine = "Machine", *output = "Output";
  return {
      {"preset",
       run,
       "Settings to start from; report: the PyTorch project that is re-created; transfer: a new head on --init",
       &O::preset,
       {},
       preset_names()},
      with_value("DIR", {"out",
                         run,
                         "Folder of the run, for checkpoints and results",
                         &O::out,
                         {},
                         {},
                         InFile::read,
                         OnResume::free}),
      {"keep",
       run,
       "Keep the best checkpoint on validation and the last N; 0: all",
       &O::keep,
       {0, 1e6},
       {},
       InFile::kept,
       OnResume::free},
      {"tensorboard",
       run,
       "Write the history for TensorBoard into tensorboard/ of the run",
       &O::tensorboard,
       {},
       {},
       InFile::kept,
       OnResume::free},
      {"resume", run, "Continue the run in --out", &O::resume, {}, {}, InFile::no, OnResume::free},
      {"force", run, "Replace the run in --out", &O::force, {}, {}, InFile::no, OnResume::free},

      with_value(
          "PATH",
          {"data",
           images,
           "Folder with train/<class>/ and test/<class>/, folder of <class>/ folders, or .npz file of MedMNIST",
           &O::data,
           {},
           {},
           InFile::kept,
           OnResume::free}),
      {"val-fraction", images,
       "Fraction of the training images of each class held out for validation, if there is no val/",
       &O::val_fraction, fraction},
      with_value("K/N", {"fold", images, "Train on all folds but K of N and test on fold K", &O::fold}),
      {"fold-seed", images, "Random seed of the folds", &O::fold_seed, {0, largest_seed}},
      {"fold-all", images, "With --fold: the images of test/ take part in the folds", &O::fold_all},
      with_value("FILE", {"groups", images,
                          "CSV file with columns file and patient; default: sources.csv of the data folder",
                          &O::groups}),
      with_value(
          "REGEX",
          {"group-regex", images,
           "Regular expression whose first capture is the patient in the path of an image (no capture: the whole match). A patient is never split",
           &O::group_regex}),
      {"split-by-group", images, "Split all images again by patient; ignores train/, val/ and test/",
       &O::split_by_group},
      with_value("NAMES", {"skip-folders", images, skip_folders_help, &O::skip_folders}),
      with_value("FILE", {"labels", images, labels_help, &O::labels}),
      with_value("NAME", {"image-column", images, image_column_help, &O::image_column}),
      with_value("NAMES", {"label-column", images, label_column_help, &O::label_column}),
      {"uncertain",
       images,
       uncertain_help,
       one_of(&O::uncertain, uncertain_names()),
       {},
       names_of(uncertain_names())},
      with_value("FILES", {"split-list", images, split_list_help, &O::split_list}),
      {"mask",
       images,
       "Black out this part of every image, as a control experiment",
       one_of(&O::mask, masks),
       {},
       names_of(masks)},
      {"strict", images, "Stop at the first image that cannot be decoded, instead of skipping it",
       &O::strict},

      {"model", network, "Architecture", &O::model, {}, model::model_names()},
      {"image-size", network, "Side of the square input, in pixels", &O::image_size, {1, 4096}},
      {"channels", network, "1: grey, 3: RGB", &O::channels, {1, 3}, {"1", "3"}},
      {"padding", network, "Padding of report_cnn's first convolution", &O::padding, {0, 8}},
      with_value("FILE", {"init", network,
                          "Initial weights: a checkpoint, safetensors, or a PyTorch state dict (.pth, .pt)",
                          &O::init}),
      {"freeze",
       network,
       "backbone: train the head alone, with frozen running statistics",
       one_of(&O::freeze, freezes),
       {},
       names_of(freezes)},
      {"freeze-epochs",
       network,
       "With --freeze backbone: train all layers after this many epochs, the backbone with --lr-backbone; 0: never",
       &O::freeze_epochs,
       {0, 100000}},
      {"dropout", network, "Dropout probability before the last layers", &O::dropout, fraction},

      {"epochs",
       training,
       "Passes over the training images",
       &O::epochs,
       {1, 100000},
       {},
       InFile::kept,
       OnResume::free},
      {"patience",
       training,
       "Early stopping: end after N epochs without a better validation result; 0: off",
       &O::patience,
       {0, 100000},
       {},
       InFile::kept,
       OnResume::free},
      {"batch-size", training, "Images per step", &O::batch_size, {1, 65536}},
      {"shards",
       training,
       "Cut each batch into N parts, whose gradients are added in a fixed order; mpirun shares them "
       "(docs/distributed.md)",
       &O::shards,
       {1, 65536}},
      {"seed", training, "Random seed", &O::seed, {0, largest_seed}},
      {"optimizer", training, "Optimizer", one_of(&O::optimizer, optimizers), {}, names_of(optimizers)},
      {"lr", training, "Learning rate", &O::lr, nonnegative_float},
      {"lr-backbone", training, "Learning rate of all layers but the head; 0: as --lr", &O::lr_backbone,
       nonnegative_float},
      {"recompute-statistics",
       training,
       "Recompute the running statistics of batch norms over the training images after each epoch; auto: where an epoch has too few steps",
       one_of(&O::recompute_statistics, recomputations),
       {},
       names_of(recomputations)},
      {"ema", training,
       "Decay factor of an exponential moving average of the weights, such as 0.99, used for validation and checkpoints; 0: off",
       &O::ema, fraction},
      {"momentum", training, "Momentum of sgd", &O::momentum, fraction},
      {"weight-decay", training, "Weight decay; decoupled with adamw", &O::weight_decay, nonnegative_float},
      {"schedule",
       training,
       "Learning-rate schedule; validation accuracy (with labels: mean AUROC) selects the checkpoint, with cosine among the last quarter",
       one_of(&O::schedule, schedules),
       {},
       names_of(schedules)},
      {"warmup-epochs", training, "Epochs of linear warm-up", &O::warmup_epochs, {0, 100000}},
      {"step-epochs", training, "Step schedule: epochs between two decays", &O::step_epochs, {1, 100000}},
      {"step-factor", training, "Step schedule: decay factor", &O::step_factor, {0, 1, true, false}},
      {"augment",
       training,
       "Augmentation of training images",
       one_of(&O::augment, augmentations),
       {},
       names_of(augmentations)},
      {"class-weights",
       training,
       "auto: weight classes by inverse frequency",
       one_of(&O::class_weights, class_weights),
       {},
       names_of(class_weights)},
      {"label-smoothing", training, "Label smoothing", &O::label_smoothing, fraction},
      {"normalize", training,
       "With --preprocessing auto, where --init names no normalization: yes means dataset, no means none",
       &O::normalize},
      {"preprocessing",
       training,
       "Normalization of pixels: by the training images (dataset), none, or a known one; auto: that of --init, else --normalize decides",
       &O::preprocessing,
       {},
       {"auto", "dataset", "none", "imagenet", "torchxrayvision", "efficientnet_lite"}},
      with_value("X,...", {"mean", training,
                           "Mean of pixels in [0, 1]: one value, or one per channel with commas", &O::mean}),
      with_value("X,...", {"std", training, "Standard deviation that belongs to --mean", &O::std}),

      with_value("CLASS",
                 {"positive",
                  evaluation,
                  "Positive class of two; default: the one not called normal, negative, control or the like",
                  &O::positive,
                  {},
                  {},
                  InFile::kept,
                  OnResume::free}),
      {"target-sensitivity",
       evaluation,
       "Sensitivity that a threshold must reach on validation",
       &O::target_sensitivity,
       {0, 1, true, false},
       {},
       InFile::kept,
       OnResume::free},
      with_value(
          "FILE",
          {"subgroups",
           evaluation,
           "CSV file with a column file and columns of subgroups; default: sources.csv of the data folder",
           &O::subgroups,
           {},
           {},
           InFile::kept,
           OnResume::free}),

      with_value(
          "DEVICE",
          {"device", machine,
           "auto, cpu, cuda, cuda:N or simt; auto: the GPU if there is one; simt: CUDA kernels on the CPU, to test them",
           &O::device}),
      {"precision",
       machine,
       "Precision of activations and matrix products",
       one_of(&O::precision, precisions),
       {},
       names_of(precisions)},
      {"kernels",
       machine,
       "auto: hand-written kernels, with cuDNN and cuBLAS as fallback (cuda)",
       one_of(&O::kernel_choice, kernel_choices),
       {},
       names_of(kernel_choices)},
      {"cuda-graph",
       machine,
       "Record a training step once and replay it as a CUDA graph",
       &O::cuda_graph,
       {},
       {},
       InFile::kept,
       OnResume::free},
      {"cache",
       machine,
       "Keep decoded images for the next run, in $XRTRAIN_CACHE, $XDG_CACHE_HOME/xrtrain or ~/.cache/xrtrain",
       &O::cache,
       {},
       {},
       InFile::kept,
       OnResume::free},
      {"cache-features",
       machine,
       "With --freeze backbone and --augment none: compute the features of each image once",
       &O::cache_features,
       {},
       {},
       InFile::kept,
       OnResume::free},
      {"workers",
       machine,
       "Threads that prepare batches; 0: the main thread",
       &O::workers,
       {0, 256},
       {},
       InFile::kept,
       OnResume::free},
      {"threads",
       machine,
       "Compute threads; 0: one per core (cores / S with --shards S)",
       &O::threads,
       {0, 1024}},
      {"timeout",
       machine,
       "With mpirun: seconds that a rank waits for another before the run ends",
       &O::timeout,
       {0, 1e6, true, false},
       {},
       InFile::read,
       OnResume::free},

      {"log-level",
       output,
       "Minimum severity of messages to print",
       one_of(&O::log_level, log_levels),
       {},
       names_of(log_levels),
       InFile::read,
       OnResume::free},
      {"quiet", output, "Print warnings and errors only", &O::quiet, {}, {}, InFile::read, OnResume::free},
      {"verbose",
       output,
       "Print all figures: every checkpoint, metrics, thresholds, calibration",
       &O::verbose,
       {},
       {},
       InFile::read,
       OnResume::free},
      {"json", output, "Print one JSON object per line", &O::json, {}, {}, InFile::read, OnResume::free},
  };
}

}  // namespace

const std::vector<OptionSpec>& option_table() {
  static const std::vector<OptionSpec> table = make_table();
  return table;
}

}  // namespace xr::apps
