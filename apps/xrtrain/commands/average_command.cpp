#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/text/text.h"
#include "apps/xrtrain/averaging/checkpoint_average.h"
#include "apps/xrtrain/commands/commands.h"
#include "apps/xrtrain/data_notices.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/options/common_flags.h"
#include "apps/xrtrain/options/config.h"
#include "apps/xrtrain/options/machine_options.h"
#include "apps/xrtrain/run/run_folder.h"
#include "apps/xrtrain/training/loader_settings.h"
#include "apps/xrtrain/training/running_statistics.h"

namespace xr::apps {

namespace {

namespace fs = std::filesystem;

struct AverageOptions {
  std::vector<std::string> given;  ///< a run, or checkpoints of one
  std::string out, data;
  std::int64_t last = 0;
  CommonFlags flags;
  MachineOptions machine;
};

/// The checkpoints to average, and the folder of their run.
struct Checkpoints {
  fs::path run;
  std::vector<fs::path> files;
};

Checkpoints last_of_run(const fs::path& run, std::int64_t count) {
  const std::vector<std::int64_t> epochs = list_checkpoints(run);
  Checkpoints result{run, {}};
  const std::int64_t end = epochs.empty() ? 0 : epochs.back() + 1;
  for (std::int64_t epoch = end - count; epoch < end; ++epoch) {
    if (std::ranges::find(epochs, epoch) == epochs.end())
      throw UsageError(
          fmt::format("--last is {}, but of the last epochs {} has the checkpoints {}: use a smaller one, "
                      "or give checkpoints",
                      count, run.string(), fmt::join(epochs, ", ")));
    result.files.push_back(checkpoint_path(run, epoch));
  }
  return result;
}

Checkpoints find_checkpoints(const AverageOptions& options) {
  std::error_code code;
  if (options.given.size() == 1 && fs::is_directory(options.given.front(), code)) {
    if (inspect_folder(options.given.front()) != FolderKind::run)
      throw DataError(
          fmt::format("{} is not the folder of a run: it has no config.toml", options.given.front()));
    if (options.last < 2)
      throw UsageError(
          "the average of a run needs --last N with N at least 2: how many of its last checkpoints");
    return last_of_run(options.given.front(), options.last);
  }
  if (options.last > 0) throw UsageError("--last belongs to the folder of a run: give one, or leave it out");
  if (options.given.size() < 2)
    throw UsageError("an average needs at least two checkpoints, or a run with --last N");
  Checkpoints result;
  for (const std::string& file : options.given) {
    const fs::path run = fs::absolute(file).lexically_normal().parent_path().parent_path();
    if (result.run.empty()) result.run = run;
    if (run != result.run)
      throw UsageError(fmt::format("{} and {} are not of one run: give checkpoints of RUN/checkpoints",
                                   options.given.front(), file));
    if (std::ranges::find(result.files, fs::path(file)) != result.files.end())
      throw UsageError(fmt::format("{} is given twice", file));
    result.files.emplace_back(file);
  }
  return result;
}

/// --out: a checkpoint, or the folder of a run that has it alone.
bool is_file(const fs::path& out) {
  return out.extension() == ".safetensors";
}

void check_out(const AverageOptions& options) {
  std::error_code code;
  const fs::path out = fs::absolute(options.out).lexically_normal();
  if (is_file(out) ? fs::exists(out, code) : inspect_folder(out) > FolderKind::empty)
    throw UsageError(fmt::format("--out {} is there already: give a new one", options.out));
  // There a checkpoint of this epoch has the run's thresholds and temperature, which were chosen for another one.
  if (is_file(out) && inspect_folder(out.parent_path().parent_path()) == FolderKind::run)
    throw UsageError(fmt::format("--out {} lies in a folder of the run {}: choose another place", options.out,
                                 out.parent_path().parent_path().string()));
}

/// The run's training images, as its checkpoints saw them.
data::ImageSet load_training_images(const AverageOptions& options, const TrainOptions& of_run,
                                    const CheckpointInfo& info, const data::StoredFormat& format,
                                    Console& console) {
  const data::Dataset dataset = find_dataset(of_run, console);
  print_notices(dataset.notices, console);
  data::ImageSet images =
      load_split(dataset, dataset.train, format,
                 {options.machine.workers, options.flags.strict, options.flags.cache}, console);
  print_skipped(images.skipped, console);
  const std::string now = identity_of(images);
  if (dataset.class_names != info.class_names || (info.data != now && !info.data.starts_with(now + " and ")))
    throw DataError(
        fmt::format("the training images in {} are not those of the checkpoints ({} now, {} then): restore "
                    "them, or give their folder with --data",
                    of_run.data, now, info.data));
  return images;
}

/// Running statistics of the averaged weights over the training images. Nothing for a network without batch norm that
/// was trained.
void recompute_statistics(const AverageOptions& options, const TrainOptions& of_run,
                          LoadedCheckpoint& average, Console& console) {
  CheckpointInfo& info = average.info;
  if (info.head_alone) average.network->freeze_except(model::head_parameters(info.model));
  if (!has_trained_batch_norm(*average.network)) return;
  Preprocessing preprocessing = make_preprocessing(of_run);
  preprocessing.train.depths = info.format.depths;
  set_normalization(preprocessing, info.normalization);
  const data::ImageSet images = load_training_images(options, of_run, info, preprocessing.train, console);
  data::LoaderSettings batching = training_loader_settings(of_run, preprocessing);
  if (options.machine.batch_size > 0) batching.batch_size = static_cast<int>(options.machine.batch_size);
  const auto batches = BatchSource::make(images, batching, info.model.device);
  info.statistics_images =
      recompute_running_statistics(*average.network, *batches, static_cast<std::uint64_t>(info.epoch));
  console.line(fmt::format("Running statistics of batch norms recomputed over {} training images",
                           info.statistics_images));
}

void write_file(const LoadedCheckpoint& average, const fs::path& file) {
  if (file.has_parent_path()) {
    std::error_code code;
    fs::create_directories(file.parent_path(), code);
    XR_CHECK(!code, "cannot make the folder {}: {}", file.parent_path().string(), code.message());
  }
  engine::save_safetensors(file, average.network->state(), to_metadata(average.info));
}

/// A run with this one checkpoint, so that eval chooses its thresholds and temperature.
void write_run(const LoadedCheckpoint& average, const TrainOptions& of_run, const fs::path& run,
               const fs::path& out) {
  const RunFolder folder(out, RunFolder::Begin::fresh);
  folder.prepare(false);
  write_file(average, folder.checkpoint(average.info.epoch));
  for (const char* name : {"provenance.json", "findings.json", "initial_weights.json", "seen_images.txt"})
    if (const std::string text = text::read_file(run / name); !text.empty())
      engine::write_file_atomically(folder.file(name), text);
  engine::write_file_atomically(folder.config(), config_text(of_run));  // last: then it is a run
}

int run_average(const AverageOptions& options) {
  options.flags.check();
  const Checkpoints checkpoints = find_checkpoints(options);
  check_out(options);
  const fs::path config = checkpoints.run / "config.toml";
  if (inspect_folder(checkpoints.run) != FolderKind::run)
    throw DataError(
        fmt::format("{} is not the folder of a run: it has no config.toml", checkpoints.run.string()));
  Console console({options.flags.quiet, options.flags.json, LogLevel::info, options.flags.verbose});
  TrainOptions of_run = resolve_options({}, config.string());
  if (!options.data.empty()) of_run.data = fs::absolute(options.data).lexically_normal().string();
  const kernels::Device device = options.machine.apply();
  LoadedCheckpoint average = average_checkpoints(checkpoints.files, device);
  std::vector<std::string> names;
  for (const fs::path& file : checkpoints.files) names.push_back(file.filename().string());
  console.line(fmt::format("Average of {} checkpoints of {}: {}", names.size(), checkpoints.run.string(),
                           fmt::join(names, ", ")));
  recompute_statistics(options, of_run, average, console);
  if (is_file(options.out)) {
    write_file(average, options.out);
    console.line(fmt::format("Written: {}", options.out));
  } else {
    write_run(average, of_run, checkpoints.run, options.out);
    const std::string out = text::shell_word(options.out);
    console.line(fmt::format("Written: {}, a run with this checkpoint; evaluate it: xrtrain eval {}",
                             options.out, out));
  }
  console.event(
      "average",
      {{"checkpoints", names}, {"out", options.out}, {"statistics_images", average.info.statistics_images}});
  return exit_done;
}

}  // namespace

void add_average_command(command_line::Command app, Action& action) {
  command_line::Command command =
      app.subcommand("average", "Average the weights of several checkpoints of a run");
  auto options = std::make_shared<AverageOptions>();
  command.option("checkpoints", options->given, "Folder of a run with --last, or checkpoints of one run")
      .required()
      .type_name("RUN|CHECKPOINT");
  command.option("--last", options->last, "Average the last N checkpoints of the run")
      .type_name("N")
      .range(2, 100000);
  command
      .option("--out", options->out,
              "New file FILE.safetensors, or new folder: a run with this one checkpoint, for xrtrain eval")
      .type_name("PATH")
      .required();
  command
      .option("--data", options->data,
              "Images of the run, if they moved; running statistics are recomputed over its training images")
      .type_name("PATH");
  options->flags.add(command);
  options->machine.add(command, "as in training");
  command.example("the last 5 checkpoints, as a run to evaluate",
                  "xrtrain average run --last 5 --out averaged && xrtrain eval averaged");
  command.when_chosen([&action, options] { action = [options] { return run_average(*options); }; });
}

}  // namespace xr::apps
