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

std::vector<OptionSpec> make_table() {
  const auto precisions = command_line::precision_names();
  const auto kernel_choices = command_line::kernel_choice_names();
  const char *run = "The run", *network = "The network", *training = "Training", *evaluation = "Evaluation",
             *machine = "The machine", *output = "What is said";
  return {
      {"preset", run, "Start from these settings", &O::preset, {}, preset_names()},
      {"data",
       run,
       "Folder with train/<class>/ and test/<class>/ images, or with <class>/ folders, or a .npz file of MedMNIST",
       &O::data,
       {},
       {},
       InFile::kept,
       OnResume::free},
      {"out",
       run,
       "Folder of the run: made, and filled with checkpoints and results",
       &O::out,
       {},
       {},
       InFile::read,
       OnResume::free},
      {"val-fraction", run, "Part of each class's training images kept for validation, if there is no val/",
       &O::val_fraction, fraction},
      {"fold", run,
       "K/N: cut the training images into N folds, test on fold K, train on the rest (xrtrain cv)", &O::fold},
      {"fold-seed", run, "Of the cut into folds", &O::fold_seed, {0, largest_seed}},
      {"fold-all", run, "With --fold: the images of test/ take part in the folds, too", &O::fold_all},
      {"groups", run, "CSV file with columns file and patient, instead of sources.csv of the data folder",
       &O::groups},
      {"group-regex", run,
       "Regular expression whose first group (without one, all that matches) is the patient in the path of "
       "an image; patients are never split",
       &O::group_regex},
      {"split-by-group", run, "Split all images anew by patient, whether they lie in train/, val/ or test/",
       &O::split_by_group},
      {"skip-folders", run, skip_folders_help, &O::skip_folders},
      {"labels", run, labels_help, &O::labels},
      {"image-column", run, image_column_help, &O::image_column},
      {"label-column", run, label_column_help, &O::label_column},
      {"uncertain",
       run,
       uncertain_help,
       one_of(&O::uncertain, uncertain_names()),
       {},
       names_of(uncertain_names())},
      {"split-list", run, split_list_help, &O::split_list},
      {"mask",
       run,
       "Black out the middle of every image, or all but the middle: a control of where a network looks",
       one_of(&O::mask, masks),
       {},
       names_of(masks)},
      {"keep",
       run,
       "Keep the checkpoint that is best on validation and the last N; 0 keeps all",
       &O::keep,
       {0, 1e6},
       {},
       InFile::kept,
       OnResume::free},
      {"tensorboard",
       run,
       "Write the history for TensorBoard, too, into the run's folder tensorboard/",
       &O::tensorboard,
       {},
       {},
       InFile::kept,
       OnResume::free},
      {"strict", run, "End at the first image that cannot be decoded, instead of leaving it out", &O::strict},

      {"model", network, "Network", &O::model, {}, model::model_names()},
      {"image-size",
       network,
       "Side of the square images that the network sees, in pixels",
       &O::image_size,
       {1, 4096}},
      {"channels", network, "1: grey, 3: colour", &O::channels, {1, 3}, {"1", "3"}},
      {"padding", network, "Padding of report_cnn's first convolution", &O::padding, {0, 8}},
      {"init", network,
       "Start from the weights in this file: a checkpoint, safetensors, or a state dict of PyTorch (.pth, .pt)",
       &O::init},
      {"freeze",
       network,
       "Train the head alone: the backbone stays as it is, with its running statistics",
       one_of(&O::freeze, freezes),
       {},
       names_of(freezes)},
      {"freeze-epochs",
       network,
       "With --freeze backbone: train everything after this many epochs, the backbone at --lr-backbone; 0: never",
       &O::freeze_epochs,
       {0, 100000}},
      {"dropout", network, "Probability of dropout before the last layers", &O::dropout, fraction},

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
       "Early stopping: end after N epochs without a better validation, by the rule that chooses a checkpoint; schedules "
       "are as for all epochs; 0: never",
       &O::patience,
       {0, 100000},
       {},
       InFile::kept,
       OnResume::free},
      {"batch-size", training, "Images in a step", &O::batch_size, {1, 65536}},
      {"seed", training, "Of everything random", &O::seed, {0, largest_seed}},
      {"optimizer", training, "Update rule", one_of(&O::optimizer, optimizers), {}, names_of(optimizers)},
      {"lr", training, "Learning rate", &O::lr, nonnegative_float},
      {"lr-backbone", training, "Learning rate of all but the head; 0: that of --lr", &O::lr_backbone,
       nonnegative_float},
      {"recompute-statistics",
       training,
       "Running statistics of batch norms anew over the training images after each epoch; auto: where their momentum is "
       "too small for an epoch's steps, with --init or a network of small momentum",
       one_of(&O::recompute_statistics, recomputations),
       {},
       names_of(recomputations)},
      {"ema", training,
       "Decay of an exponential moving average of the weights, such as 0.99: validation, checkpoints and evaluation have "
       "the average; 0: none",
       &O::ema, fraction},
      {"momentum", training, "Momentum of sgd", &O::momentum, fraction},
      {"weight-decay", training, "Weight decay; decoupled with adamw", &O::weight_decay, nonnegative_float},
      {"schedule",
       training,
       "How the learning rate goes on; with cosine validation chooses among the last quarter of checkpoints",
       one_of(&O::schedule, schedules),
       {},
       names_of(schedules)},
      {"warmup-epochs",
       training,
       "Epochs in which the learning rate rises to its value",
       &O::warmup_epochs,
       {0, 100000}},
      {"step-epochs", training, "Schedule step: epochs between two drops", &O::step_epochs, {1, 100000}},
      {"step-factor", training, "Schedule step: factor of a drop", &O::step_factor, {0, 1, true, false}},
      {"augment",
       training,
       "Random changes of training images",
       one_of(&O::augment, augmentations),
       {},
       names_of(augmentations)},
      {"class-weights",
       training,
       "auto: a class counts more the fewer images it has",
       one_of(&O::class_weights, class_weights),
       {},
       names_of(class_weights)},
      {"label-smoothing", training, "Part of the target spread over all classes", &O::label_smoothing,
       fraction},
      {"normalize", training, "Shift and scale pixels by the training images' mean and deviation",
       &O::normalize},
      {"preprocessing",
       training,
       "What pixels are normalised with: auto is that of --init where it is known, else as --normalize says",
       &O::preprocessing,
       {},
       {"auto", "dataset", "none", "imagenet", "torchxrayvision", "efficientnet_lite"}},
      {"mean", training, "Mean of pixels from 0 to 1, of every channel or with commas between", &O::mean},
      {"std", training, "Standard deviation that belongs to --mean", &O::std},

      {"positive",
       evaluation,
       "Class that sensitivity is about, of two; else the one that is not called normal, negative, control "
       "or the like",
       &O::positive,
       {},
       {},
       InFile::kept,
       OnResume::free},
      {"target-sensitivity",
       evaluation,
       "Choose a threshold on validation images that reaches this sensitivity",
       &O::target_sensitivity,
       {0, 1, true, false},
       {},
       InFile::kept,
       OnResume::free},
      {"subgroups",
       evaluation,
       "CSV file with a column 'file' and columns to tell groups of images by; else DATA/sources.csv",
       &O::subgroups,
       {},
       {},
       InFile::kept,
       OnResume::free},

      {"device", machine, "auto, cpu, cuda, cuda:N or simt; auto is the GPU if there is one", &O::device},
      {"precision", machine, "Arithmetic", one_of(&O::precision, precisions), {}, names_of(precisions)},
      {"kernels",
       machine,
       "auto: own kernels, cuDNN and cuBLAS where no fast one fits (cuda)",
       one_of(&O::kernel_choice, kernel_choices),
       {},
       names_of(kernel_choices)},
      {"cuda-graph",
       machine,
       "Record a training step and replay it: fewer launches, the same numbers (not on the cpu)",
       &O::cuda_graph,
       {},
       {},
       InFile::kept,
       OnResume::free},
      {"cache",
       machine,
       "Keep decoded images for the next run: in $XRTRAIN_CACHE, else $XDG_CACHE_HOME/xrtrain, else "
       "~/.cache/xrtrain",
       &O::cache,
       {},
       {},
       InFile::kept,
       OnResume::free},
      {"cache-features",
       machine,
       "With --freeze backbone and --augment none: compute the features of each image once and train the head on them",
       &O::cache_features,
       {},
       {},
       InFile::kept,
       OnResume::free},
      {"workers",
       machine,
       "Background threads that prepare batches; 0 prepares them in between",
       &O::workers,
       {0, 256},
       {},
       InFile::kept,
       OnResume::free},
      {"threads", machine, "Threads that compute; 0 is one per processor core", &O::threads, {0, 1024}},

      {"log-level",
       output,
       "Least important lines that are shown",
       one_of(&O::log_level, log_levels),
       {},
       names_of(log_levels),
       InFile::read,
       OnResume::free},
      {"quiet", output, "Show warnings and errors only", &O::quiet, {}, {}, InFile::read, OnResume::free},
      {"verbose",
       output,
       "Show all figures: every checkpoint, metrics, thresholds, calibration",
       &O::verbose,
       {},
       {},
       InFile::read,
       OnResume::free},
      {"json",
       output,
       "Show a JSON object a line instead of text",
       &O::json,
       {},
       {},
       InFile::read,
       OnResume::free},
      {"resume",
       run,
       "Go on with the run in --out; it ends as if it had never been interrupted",
       &O::resume,
       {},
       {},
       InFile::no,
       OnResume::free},
      {"force", run, "Replace the run in --out", &O::force, {}, {}, InFile::no, OnResume::free},
  };
}

}  // namespace

const std::vector<OptionSpec>& option_table() {
  static const std::vector<OptionSpec> table = make_table();
  return table;
}

}  // namespace xr::apps
