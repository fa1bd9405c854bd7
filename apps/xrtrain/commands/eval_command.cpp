#include <fmt/format.h>
#include <algorithm>
#include <memory>

#include "apps/xrtrain/commands/commands.h"
#include "apps/xrtrain/commands/eval_options.h"
#include "apps/xrtrain/commands/eval_output.h"
#include "apps/xrtrain/data_notices.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/evaluation/evaluation_details.h"
#include "apps/xrtrain/evaluation/seen_images.h"
#include "apps/xrtrain/evaluation/views.h"
#include "apps/xrtrain/options/config.h"
#include "apps/xrtrain/run/provenance.h"
#include "apps/xrtrain/run/resume_state.h"
#include "apps/xrtrain/run/run_results.h"
#include "apps/xrtrain/warning_id.h"

namespace xr::apps {

namespace {

namespace fs = std::filesystem;

std::vector<std::int64_t> wanted_checkpoints(const EvalOptions& options) {
  std::vector<std::int64_t> epochs = list_checkpoints(options.run());
  if (epochs.empty())
    throw DataError(fmt::format("there are no checkpoints in {}: give the folder of a run that was trained",
                                (fs::path(options.run()) / "checkpoints").string()));
  if (options.checkpoint < 0) return epochs;
  if (std::ranges::find(epochs, options.checkpoint) == epochs.end())
    throw UsageError(fmt::format("--checkpoint is {}: {} has {}", options.checkpoint, options.run(),
                                 fmt::join(epochs, ", ")));
  return {options.checkpoint};
}

/// Validation and test images as in training, or the images of another folder as test.
data::Dataset find_images(const EvalOptions& options, const TrainOptions& of_run, const CheckpointInfo& info,
                          Console& console) {
  const std::vector<std::string>& class_names = info.class_names;
  if (!options.data.empty())
    return errors_as<DataError>([&] {
      return data::read_evaluation_folder(
          options.data, class_names, info.task,
          skip_folders_of(options.skip_folders.empty() ? of_run.skip_folders : options.skip_folders),
          options.labels.settings(), listing_progress(console));
    });
  data::Dataset dataset = find_dataset(of_run, console);
  if (dataset.class_names != class_names)
    throw DataError(fmt::format("the classes in {} are {}, those of the run are {}", of_run.data,
                                fmt::join(dataset.class_names, ", "), fmt::join(class_names, ", ")));
  return dataset;
}

/// Refuses images that are not those of the run: after a change of the folder, its tables or its patients
/// what the network was trained on may be among them.
void require_images_of_run(const EvalOptions& options, const TrainOptions& of_run,
                           const EvaluationSplit& split) {
  const std::optional<Provenance> provenance = read_provenance(fs::path(options.run()) / "provenance.json");
  if (!provenance) return;
  const auto& splits = provenance->data.splits;
  const auto then = std::ranges::find(splits, split.name(), &SplitFacts::name);
  if (then == splits.end() || then->identity.empty()) return;
  if (const std::string now = identity_of(split.images()); now != then->identity)
    throw DataError(fmt::format(
        "the {} images in {} are not those of the run ({} now, {} then), and it may have been trained on "
        "some of them: restore them, or evaluate them as other images: xrtrain eval {} --data {} --out "
        "FOLDER",
        split.name(), of_run.data, now, then->identity, options.run(), of_run.data));
}

/// Of another folder's images, those that the network has seen.
void warn_of_seen_images(const EvalOptions& options, const TrainOptions& of_run, const data::Dataset& dataset,
                         const data::ImageSet& images, Console& console) {
  const SeenImages of_training = images_of_run(options.run(), of_run, console);
  if (!of_training.known())
    return console.warn(warning_id::training_images_unknown,
                        "what the run was trained on cannot be found: these images may be among it");
  SeenMarks seen;
  seen.mark(images, dataset.directory, of_training);
  if (const std::int64_t count = seen.count(); count > 0)
    console.warn(
        warning_id::training_images_evaluated,
        fmt::format("{} of these {} images are the run's own training or validation images{}: what it gets "
                    "right of them says nothing about new ones",
                    count, images.count(), seen.by_content_text()));
}

History history_of(const fs::path& run) {
  const fs::path state = run / "resume.safetensors";
  return fs::exists(state) ? read_resume_state(state).history : History{};
}

std::unique_ptr<EvaluationSplit> load(const char* name, const data::Dataset& dataset,
                                      const std::vector<data::Sample>& samples, const CheckpointInfo& info,
                                      const EvalOptions& options, std::int64_t batch_size,
                                      const kernels::Device& device, Console& console, Ranks& ranks) {
  require_same_samples(ranks, samples);
  if (samples.empty()) return nullptr;
  // Of the run's own data the training has judged what a class may lose.
  data::ImageSet images = load_split(
      dataset, samples, info.format,
      {options.machine.workers, options.flags.strict, options.flags.cache, !options.data.empty(), &ranks},
      console);
  console.line(
      fmt::format("{}: {} images, {}", name, images.count(), class_counts_text(images, info.class_names)));
  return std::make_unique<EvaluationSplit>(
      name, std::move(images), preprocessing_of(info), info.model.image_size, batch_size,
      std::max<std::int64_t>(1, options.machine.workers), info.class_names.size(), device, options.views,
      ranks.communicator());
}

/// The run's settings of the evaluation, with what the command line changes.
DetailSettings detail_settings(const EvalOptions& options, const TrainOptions& of_run,
                               const data::Dataset& dataset) {
  const bool own = options.data.empty();  // a table of groups is about the images that it was given for
  std::optional<Selection> before =
      !own || options.checkpoint >= 0 ? read_selection(options.run()) : std::nullopt;
  if (options.checkpoint >= 0 && !(before && before->checkpoint == options.checkpoint)) {
    before.emplace();
    before->checkpoint = options.checkpoint;
    before->on = SelectedOn::command_line;
  } else if (own) {
    before.reset();
  } else if (before) {
    before->on = SelectedOn::run_validation;
  }
  const std::string table = options.subgroups.empty() && own ? of_run.subgroups : options.subgroups;
  return {options.positive.empty() ? of_run.positive : options.positive,
          options.target_sensitivity.value_or(of_run.target_sensitivity),
          static_cast<std::uint64_t>(of_run.seed),
          with_dicom_tags(read_subgroups(table, dataset.sources, dataset.root), dataset.dicom.get()),
          before,
          Averaging{.views = options.views}};
}

int run_eval_as(Ranks& ranks, const EvalOptions& options) {
  ranks.require_same_command();
  ranks.set_timeout(options.wait.seconds);
  options.flags.check();
  if (options.networks.size() > 1 || is_cross_validation(options.run()))
    return run_eval_ensemble(ranks, options);
  if (options.target_sensitivity && !options.data.empty())
    throw UsageError(
        "--target-sensitivity chooses on the run's validation images: it does not go with --data");
  if (options.data.empty() && !options.labels.labels.empty())
    throw UsageError("--labels is for the images of --data: the run knows the labels of its own");
  if (ranks.is_first()) require_new_output(options.out);
  Console console(options.flags.console(ranks));
  const kernels::Device device = options.machine.apply(ranks);
  if (inspect_folder(options.run()) != FolderKind::run)
    throw DataError(fmt::format("{} is not the folder of a run: it has no config.toml", options.run()));
  const TrainOptions of_run = resolve_options({}, (fs::path(options.run()) / "config.toml").string());
  const std::vector<std::int64_t> epochs =
      ranks.numbers_from_first([&] { return wanted_checkpoints(options); });
  LoadedCheckpoint first = load_checkpoint(checkpoint_path(options.run(), epochs.front()), device);
  const CheckpointInfo& info = first.info;

  const data::Dataset dataset = find_images(options, of_run, info, console);
  print_notices(dataset.notices, console);
  const DetailSettings settings = detail_settings(options, of_run, dataset);
  if (settings.subgroups) check_subgroups(*settings.subgroups, !options.subgroups.empty(), dataset.test);
  if (info.task == data::Task::multi_class)
    warn_of_guessed_positive(info.class_names, settings.positive, console);
  console.line(fmt::format("Data {}", dataset.directory.string()));
  // As after the training, for the same figures to the last digit.
  const std::int64_t batch =
      options.machine.batch_size > 0 ? options.machine.batch_size : evaluation_batch(of_run.batch_size);
  const auto validation =
      load("validation", dataset, dataset.validation, info, options, batch, device, console, ranks);
  const auto test = load("test", dataset, dataset.test, info, options, batch, device, console, ranks);
  std::vector<EvaluationSplit*> splits;
  std::vector<data::SkippedFile> skipped = dataset.skipped;
  for (EvaluationSplit* split : {validation.get(), test.get()}) {
    if (split == nullptr) continue;
    splits.push_back(split);
    skipped.insert(skipped.end(), split->images().skipped.begin(), split->images().skipped.end());
  }
  print_skipped(skipped, console);
  for (const EvaluationSplit* split : splits)
    if (ranks.are_several()) ranks.require_same({{split->name() + " images", identity_of(split->images())}});
  if (options.data.empty())
    for (const EvaluationSplit* split : splits) require_images_of_run(options, of_run, *split);
  else if (test)
    warn_of_seen_images(options, of_run, dataset, test->images(), console);

  // The run's own results are renewed only by the run's own data, seen as they are, and all its checkpoints.
  const bool own = options.data.empty() && options.checkpoint < 0 && options.views == 1;
  CheckpointResults evaluated =
      evaluate_checkpoints(options.run(), epochs, *first.network, splits, console, ranks.communicator());
  ranks.leave();
  if (!ranks.is_first()) return exit_done;
  const History history = own ? history_of(options.run()) : History{};
  const RunResults results = make_results(std::move(evaluated), of_run, info, history, settings);
  print_results(results, console);
  if (!options.out.empty()) {
    write_elsewhere(results, skipped, options.out, console);
  } else if (own) {
    const RunFolder folder(options.run(), RunFolder::Begin::resume);
    write_results(results, {of_run, info, history, folder, device}, test ? &test->images() : nullptr,
                  *first.network);
    console.line(
        fmt::format("Results are in {}: report.html, eval.csv, summary.json, metrics.json, predictions.csv",
                    options.run()));
  }
  console.event_text("summary", results.summary);
  return exit_done;
}

int run_eval(const EvalOptions& options) {
  Ranks ranks;
  return ranks.run([&] { return run_eval_as(ranks, options); });
}

}  // namespace

void add_eval_command(command_line::Command app, Action& action) {
  command_line::Command command = app.subcommand("eval", "Evaluate the checkpoints of a run, or an ensemble");
  auto options = std::make_shared<EvalOptions>();
  command
      .option(
          "run", options->networks,
          "Folder of a run. Several runs or checkpoints, or a cross-validation (cv --keep-runs), are an ensemble and need "
          "--data")
      .required()
      .type_name("RUN");
  command
      .option("--data", options->data,
              "Other images, in test/<class>/ or <class>/; default: those of the run, with the results "
              "written into the run")
      .type_name("PATH")
      .group("Data");
  add_skip_folders(command, options->skip_folders);
  options->labels.add(command);
  command.option("--tta", options->views, views_help).range(1, max_views).type_name("N");
  command.option("--checkpoint", options->checkpoint, "Evaluate this checkpoint only").not_negative();
  command.option("--positive", options->positive, "Positive class of two; default: as in training")
      .type_name("CLASS");
  command
      .option("--target-sensitivity", options->target_sensitivity,
              "Sensitivity that a threshold must reach on validation; default: as in training")
      .range(1e-9, 1.0);
  command
      .option("--subgroups", options->subgroups,
              "CSV file with a column file and columns of subgroups; default: sources.csv of the data folder")
      .type_name("FILE")
      .group("Data");
  command
      .option("--out", options->out,
              "Write the results into this new folder, or the table alone into FILE.csv")
      .type_name("PATH");
  options->flags.add(command);
  options->machine.add(command, "as after training");
  options->wait.add(command);
  command.example("all checkpoints of a run on its own images", "xrtrain eval run");
  command.example("the selected checkpoint on other images", "xrtrain eval run --data other --out results");
  command.example("an ensemble", "xrtrain eval run run_b --data other --out ensemble");
  command.when_chosen([&action, options] { action = [options] { return run_eval(*options); }; });
}

}  // namespace xr::apps
