#include <algorithm>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/audit/quick.h"
#include "apps/text/text.h"
#include "apps/xrtrain/commands/commands.h"
#include "apps/xrtrain/commands/train_command.h"
#include "apps/xrtrain/commands/train_output.h"
#include "apps/xrtrain/data_notices.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/evaluation/evaluation_details.h"
#include "apps/xrtrain/evaluation/seen_images.h"
#include "apps/xrtrain/evaluation/small_validation.h"
#include "apps/xrtrain/interrupt.h"
#include "apps/xrtrain/options/config.h"
#include "apps/xrtrain/options/machine_options.h"
#include "apps/xrtrain/run/begin_run.h"
#include "apps/xrtrain/run/provenance.h"
#include "apps/xrtrain/run/run_results.h"
#include "apps/xrtrain/training/batch_check.h"
#include "apps/xrtrain/training/initial_weights.h"
#include "apps/xrtrain/training/normalization.h"
#include "apps/xrtrain/training/optimizer_setup.h"
#include "apps/xrtrain/training/task_check.h"
#include "apps/xrtrain/training/trainer.h"
#include "apps/xrtrain/training_warnings.h"
#include "apps/xrtrain/warning_id.h"
#include "data/dataset/find_sample_depths.h"
#include "engine/core/allocator.h"
#include "engine/io/atomic_file.h"
#include "kernels/common/parallel.h"

namespace xr::apps {

namespace {

namespace fs = std::filesystem;

/// One run of `train`, from options to results.
class TrainCommand {
 public:
  TrainCommand(Ranks& ranks, TrainOptions options, std::unique_ptr<RunFolder> folder, double started)
      : ranks_(ranks),
        options_(std::move(options)),
        folder_(std::move(folder)),
        started_(started),
        console_({.quiet = options_.quiet,
                  .json = options_.json,
                  .level = options_.log_level,
                  .verbose = options_.verbose,
                  .silent = !ranks.is_first()}) {}

  void run();

 private:
  using Images = LoadedSplits;

  void choose_machine();
  void read_state();
  void start_from_weights(model::Module& network);
  void begin_files(const data::Dataset& dataset, const Images& images, const model::Module& network);
  void write_config();
  [[nodiscard]] Images load_images(const data::Dataset& dataset);
  void report_skipped(const data::Dataset& dataset, const Images& images);
  void print_data(const data::Dataset& dataset, const Images& images);
  void train(model::Module& network, const Images& images);
  [[nodiscard]] CheckpointResults evaluate(model::Module& network);
  void write_and_print(CheckpointResults evaluated, model::Module& network);
  [[nodiscard]] std::unique_ptr<EvaluationSplit> make_split(const char* name, data::ImageSet images) const;

  Ranks& ranks_;
  TrainOptions options_;
  std::unique_ptr<RunFolder> folder_;
  double started_;
  Console console_;
  kernels::Device device_;
  std::string why_not_the_gpu_;  // empty unless --device auto fell back to the CPU
  bool is_without_bf16_ = false;
  int threads_ = 1;
  std::optional<ResumeState> resume_;
  Preprocessing preprocessing_;
  CheckpointInfo info_;
  InitialWeights initial_weights_;  // of --init
  DetailSettings details_;
  std::unique_ptr<EvaluationSplit> validation_, test_;
  std::unique_ptr<FeatureExtractor> features_;  // or none
  History history_;
};

void TrainCommand::run() {
  choose_machine();
  if (ranks_.is_first()) warn_of_folder(*folder_, options_.resume, console_);
  read_state();
  preprocessing_ = make_preprocessing(options_);
  const data::Dataset dataset = find_dataset(options_, console_);
  if (ranks_.is_first()) catch_interrupts();  // not before: a pattern of groups may take for ever
  print_notices(dataset.notices, console_);
  // What the evaluation needs is checked before the training.
  check_task(options_, dataset, console_);
  details_ = {
      options_.positive,
      options_.target_sensitivity,
      static_cast<std::uint64_t>(options_.seed),
      with_dicom_tags(read_subgroups(options_.subgroups, dataset.sources, dataset.root), dataset.dicom.get()),
      {}};

  if (details_.subgroups) check_subgroups(*details_.subgroups, !options_.subgroups.empty(), dataset.test);

  if (!options_.init.empty() && !resume_ && ranks_.is_first())
    check_initial_weights(options_.init, model_settings(options_, dataset.class_names.size(), device_));

  // Images are decoded while the network gets its initial weights.
  auto loading = std::async(std::launch::async, [&] { return load_images(dataset); });
  std::unique_ptr<model::Module> network =
      model::make_model(model_settings(options_, dataset.class_names.size(), device_));
  Images images = loading.get();

  info_.model = model_settings(options_, dataset.class_names.size(), device_);
  require_batches(options_, info_.model, images.train.count());
  if (dataset.task == data::Task::multi_label && std::ranges::none_of(images.train.targets, data::is_known))
    throw DataError(fmt::format("none of the {} labels is known of any of the {} training images",
                                dataset.class_names.size(), images.train.count()));
  info_.task = dataset.task;
  info_.class_names = dataset.class_names;
  info_.format = preprocessing_.evaluation;
  if (!options_.init.empty()) start_from_weights(*network);
  if (options_.freeze == Freeze::backbone)
    features_ = freeze_backbone(*network, info_.model, options_, console_);
  const ChosenNormalization normalization =
      choose_normalization(options_, images.train, initial_weights_.normalization);
  info_.normalization = normalization.statistics;
  if (!options_.init.empty()) console_.line(fmt::format("Preprocessing: {}", normalization.source));
  set_normalization(preprocessing_, info_.normalization);
  info_.data = identity_of(images.train);
  if (images.validation.count() > 0) info_.data += " and " + identity_of(images.validation);

  ranks_.require_same({{"images", info_.data}});
  if (ranks_.is_first()) begin_files(dataset, images, *network);
  validation_ = make_split("validation", std::move(images.validation));
  test_ = make_split("test", std::move(images.test));
  train(*network, images);
  CheckpointResults results = evaluate(*network);
  ranks_.leave();
  if (ranks_.is_first()) write_and_print(std::move(results), *network);
}

/// What the run's folder and the console have before the first step.
void TrainCommand::begin_files(const data::Dataset& dataset, const Images& images,
                               const model::Module& network) {
  write_config();
  report_skipped(dataset, images);
  print_data(dataset, images);
  if (dataset.task == data::Task::multi_class) warn_of_small_validation(images.validation, dataset, console_);
  engine::write_file_atomically(
      folder_->file("provenance.json"),
      provenance_json({machine_facts(device_, threads_),
                       data_facts(options_, dataset, images.train, images.validation, images.test)}));
  engine::write_file_atomically(folder_->file(seen_images_file),
                                seen_images_text(images.train, images.validation));
  if (options_.mask == data::Mask::none && options_.fold.empty()) {  // of controls and folds it has been told
    const std::vector<audit::Check> findings =
        audit::quick_findings(dataset, {images.train, images.validation, images.test});
    warn_of_findings(findings, options_, console_);
    engine::write_file_atomically(folder_->file("findings.json"), audit::checks_json(findings) + "\n");
  }
  require_disk(disk_need(options_, network, images.validation.count() > 0), *folder_, console_);
}

void TrainCommand::choose_machine() {
  device_ = ranks_.own_device(choose_device(options_.device, &why_not_the_gpu_), options_.device);
  const kernels::Precision precision = configure_device(device_, options_.precision, options_.kernel_choice);
  is_without_bf16_ = precision != options_.precision;
  options_.precision = precision;
  threads_ = ranks_.set_threads(options_.threads, options_.shards);
  ranks_.require_same({{"device", kernels::backend(device_).description()},
                       {"precision", option_text(options_, "precision")}});
}

void TrainCommand::read_state() {
  if (!options_.resume) return;
  const std::string state = ranks_.from_first([&]() -> std::string {
    if (fs::exists(folder_->resume_state()))
      return resume_state_text(read_resume_state(folder_->resume_state()));
    require_no_average(folder_->path());
    return {};
  });
  if (state.empty()) return;
  resume_ = resume_state_of_text(state, folder_->resume_state().string());
  const Progress& progress = resume_->progress;
  const std::int64_t begun = progress.epoch + (progress.batch > 0 ? 1 : 0);
  if (begun > options_.epochs)
    throw UsageError(fmt::format(
        "--epochs is {}, but the run {} reached epoch {} already, counted from 0: use at least {}",
        options_.epochs, folder_->path().string(), begun - 1, begun));
  if (threads_ == resume_->threads) return;
  // Sums may be split among threads: the same number gives the same bits.
  kernels::set_thread_count(resume_->threads);
  threads_ = resume_->threads;
}

/// The network's first weights are those of a file, but for a run that is resumed: it has its own.
void TrainCommand::start_from_weights(model::Module& network) {
  const fs::path record = folder_->file("initial_weights.json");
  if (ranks_.is_first())
    initial_weights_ = resume_ ? read_initial_weights(record)
                               : load_initial_weights(options_.init, info_.model, network, record, console_);
  const std::string text = ranks_.from_first([&] { return text::read_file(record); });
  if (!ranks_.is_first())
    initial_weights_ = initial_weights_of_text(text, record.string());  // the trainer sends weights
  info_.initial_weights = initial_weights_.identity;
}

void TrainCommand::write_config() {
  engine::write_file_atomically(folder_->config(), config_text(options_));
  folder_->prepare(options_.tensorboard);
  console_.open_log(folder_->file("log.txt"));
}

TrainCommand::Images TrainCommand::load_images(const data::Dataset& dataset) {
  const DecodeOptions decode{0, options_.strict, options_.cache, true, &ranks_};
  require_same_samples(ranks_, dataset.train);
  // Decided by the training images, for all of them and for those of later predictions.
  const data::SampleDepths depths = data::find_sample_depths(dataset.directory, dataset.train,
                                                             ranks_.own_workers(0), ranks_.communicator());
  preprocessing_.train.depths = preprocessing_.evaluation.depths = depths;
  return load_splits(dataset, preprocessing_, decode, console_);
}

void TrainCommand::report_skipped(const data::Dataset& dataset, const Images& images) {
  std::vector<data::SkippedFile> skipped = dataset.skipped;
  for (const data::ImageSet* set : {&images.train, &images.validation, &images.test})
    skipped.insert(skipped.end(), set->skipped.begin(), set->skipped.end());
  print_skipped(skipped, console_);
  write_skipped(skipped, folder_->path());
}

void TrainCommand::print_data(const data::Dataset& dataset, const Images& images) {
  console_.line(fmt::format("xrtrain {}: {}, {} parameters, preset {}, seed {}", XR_VERSION, options_.model,
                            model::parameter_count(info_.model), options_.preset, options_.seed));
  console_.line(
      fmt::format("Device {}, {} thread{}", device_.to_string(), threads_, threads_ == 1 ? "" : "s"));
  if (const std::string text = simulation_text(device_); !text.empty()) console_.line(text);
  if (!why_not_the_gpu_.empty())
    console_.warn(warning_id::gpu_not_used, why_not_the_gpu_ + " (--device auto uses the CPU)");
  if (is_without_bf16_) console_.warn(warning_id::bf16_not_used, without_bf16);
  const std::size_t decoded = images.train.decoded + images.validation.decoded + images.test.decoded;
  console_.line(
      fmt::format("Data {}: {}", options_.data,
                  decoded == 0 ? "all images from the cache" : fmt::format("{} images decoded", decoded)));
  if (const data::SampleDepths& depths = info_.format.depths; !depths.empty())
    console_.line(fmt::format("Images of 16 bits: scaled by the {} bits in use", depths.text()));
  const auto& names = dataset.class_names;
  nlohmann::json counts;
  const std::pair<const char*, const data::ImageSet*> parts[] = {
      {"train", &images.train}, {"validation", &images.validation}, {"test", &images.test}};
  for (const auto& [name, set] : parts) {
    counts[name] = set->count();
    const bool split = (set == &images.validation && dataset.validation_split_by_program) ||
                       (set == &images.test && dataset.test_split_by_program);
    if (set->count() > 0)
      console_.line(fmt::format("  {}: {} images, {}{}", name, set->count(), class_counts_text(*set, names),
                                split ? " (held out at random)" : ""));
  }
  console_.event("start", {{"model", options_.model},
                           {"parameters", model::parameter_count(info_.model)},
                           {"device", device_.to_string()},
                           {"threads", threads_},
                           {"classes", names},
                           {"images", counts},
                           {"decoded", decoded},
                           {"out", folder_->path().string()}});
}

std::unique_ptr<EvaluationSplit> TrainCommand::make_split(const char* name, data::ImageSet images) const {
  if (images.count() == 0) return nullptr;
  return std::make_unique<EvaluationSplit>(name, std::move(images), preprocessing_of(info_),
                                           options_.image_size, evaluation_batch(options_.batch_size),
                                           options_.workers, info_.class_names.size(), device_, 1,
                                           ranks_.communicator());
}

void TrainCommand::train(model::Module& network, const Images& images) {
  Trainer trainer(
      {options_, device_, *folder_, console_, info_, network, images.train, preprocessing_, validation_.get(),
       features_.get(), loss_weights(options_, images.train, info_.class_names.size()), info_.data, threads_,
       ranks_.communicator()},
      resume_);
  engine::allocator(device_).empty_cache();  // the initial weights have moved into the optimizer's arena
  const double started = now_seconds();
  console_.detail(fmt::format("Start-up took {:.2f} s", started - started_));
  if (resume_)
    console_.line(trainer.finished() ? std::string("The training is complete")
                                     : fmt::format("Resuming at epoch {}, step {}", resume_->progress.epoch,
                                                   resume_->progress.batch));
  trainer.run();
  history_ = trainer.history();
  double best = 0.0;
  for (const EpochRecord& record : history_) best = std::max(best, record.train_accuracy());
  console_.line(fmt::format("Training complete in {}", text::duration_text(now_seconds() - started)));
  const std::string waiting = fmt::format("Waiting for batches: {:.1f}% of the training steps' time",
                                          100 * trainer.data_wait_share());
  if (trainer.data_wait_share() > 0.1)
    console_.line(waiting + " (more --workers may help)");
  else
    console_.detail(waiting);
  if (ranks_.are_several())
    console_.line(fmt::format("Waiting for other ranks: {:.1f}% of the training steps' time",
                              100 * trainer.rank_wait_share()));
  console_.detail(fmt::format("Best train Acc: {:.6f}", best));
}

CheckpointResults TrainCommand::evaluate(model::Module& network) {
  std::vector<EvaluationSplit*> splits;
  for (const auto& split : {validation_.get(), test_.get()})
    if (split != nullptr) splits.push_back(split);
  if (features_ != nullptr && trains_head_alone(options_, options_.epochs - 1))  // one backbone for all
    for (EvaluationSplit* split : splits) split->use_features(*features_);
  const std::vector<std::int64_t> epochs =
      ranks_.numbers_from_first([&] { return list_checkpoints(folder_->path()); });
  return evaluate_checkpoints(folder_->path(), epochs, network, splits, console_, ranks_.communicator());
}

void TrainCommand::write_and_print(CheckpointResults evaluated, model::Module& network) {
  const RunResults results = make_results(std::move(evaluated), options_, info_, history_, details_);
  write_results(results, {options_, info_, history_, *folder_, device_}, test_ ? &test_->images() : nullptr,
                network);
  print_results(results, console_);
  print_places(options_, *folder_, results.selection.checkpoint, console_);
  console_.event_text("summary", results.summary);
}

int run_train_as(Ranks& ranks, const GivenOptions& given, const std::string& config_file, double started) {
  auto [options, folder] = begin_run(ranks, given, config_file);
  const std::string out = options.out;
  try {
    TrainCommand(ranks, std::move(options), std::move(folder), started).run();
  } catch (const Interrupted& interruption) {
    if (inspect_folder(out) != FolderKind::run) throw Error(interruption.what());
    throw Error(fmt::format("{}; continue with: xrtrain train --out {} --resume", interruption.what(),
                            text::shell_word(out)));
  }
  return exit_done;
}

}  // namespace

int run_train(const GivenOptions& given, const std::string& config_file) {
  const double started = now_seconds();
  Ranks ranks;
  return ranks.run([&] { return run_train_as(ranks, given, config_file, started); });
}

void add_train_command(command_line::Command app, Action& action) {
  command_line::Command command =
      app.subcommand("train", "Train a network, keep a checkpoint of each epoch and evaluate them");
  auto given = std::make_shared<GivenOptions>();
  auto config = std::make_shared<std::string>();
  add_train_options(command, *given);
  command.option("--config", *config, config_help).type_name("FILE").group("Run");
  command.example("a folder with train/<class>/ and test/<class>/, or with <class>/",
                  "xrtrain train --data xrays --out run --epochs 20");
  command.example("another random seed", "xrtrain train --data xrays --out run_b --epochs 20 --seed 1");
  command.example("classes from a table instead of folders",
                  "xrtrain train --data xrays --labels labels.csv --out labelled --epochs 20");
  command.example(
      "the head alone, from a checkpoint or a PyTorch file",
      "xrtrain train --data xrays --out head --epochs 20 --freeze backbone --init run/checkpoints/05.safetensors");
  command.example("after Ctrl-C or a crash", "xrtrain train --out run --resume");
  command.when_chosen(
      [&action, given, config] { action = [given, config] { return run_train(*given, *config); }; });
}

}  // namespace xr::apps
