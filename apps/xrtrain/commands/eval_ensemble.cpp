// `eval` of several networks: the mean of their probabilities on images of another folder.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "apps/text/text.h"
#include "apps/xrtrain/commands/eval_options.h"
#include "apps/xrtrain/commands/eval_output.h"
#include "apps/xrtrain/data_notices.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/evaluation/ensemble.h"
#include "apps/xrtrain/evaluation/evaluation_details.h"
#include "apps/xrtrain/evaluation/seen_images.h"
#include "apps/xrtrain/options/config.h"
#include "apps/xrtrain/warning_id.h"
#include "engine/distributed/broadcast_tensors.h"

namespace xr::apps {

namespace {

namespace fs = std::filesystem;

constexpr const char* split_name = "test";

void check_options(const EvalOptions& options, const Ranks& ranks) {
  if (options.data.empty())
    throw UsageError(
        "an ensemble has no images of its own: give those to evaluate with --data (the test/ of the folder, "
        "or all its images)");
  if (options.checkpoint >= 0)
    throw UsageError("--checkpoint is for one run: give the files of an ensemble's checkpoints themselves");
  if (options.target_sensitivity)
    throw UsageError(
        "--target-sensitivity chooses on the validation images of one run: it does not go with an ensemble");
  if (ranks.is_first()) require_new_output(options.out);
}

class EnsembleEvaluation {
 public:
  EnsembleEvaluation(Ranks& ranks, const EvalOptions& options)
      : ranks_(ranks), options_(options), console_(options.flags.console(ranks)) {}

  void run() {
    const kernels::Device device = options_.machine.apply(ranks_);
    averaging_.members = read_members(find_members(options_.networks));
    averaging_.views = options_.views;
    const CheckpointInfo& info = averaging_.members.front().info;
    find_images(info);
    DetailSettings settings = detail_settings();  // what it needs is checked before the evaluation
    CheckpointResult result = evaluate(device);
    ranks_.leave();
    if (!ranks_.is_first()) return;
    warn_of_seen_images();
    settings.averaging = averaging_;
    const RunResults results = make_results({std::move(result)}, {}, info, {}, settings);
    print_results(results, console_);
    if (!options_.out.empty()) write_elsewhere(results, skipped_, options_.out, console_);
    console_.event_text("summary", results.summary);
  }

 private:
  void find_images(const CheckpointInfo& info) {
    dataset_ = errors_as<DataError>([&] {
      return data::read_evaluation_folder(options_.data, info.class_names, info.task,
                                          skip_folders_of(options_.skip_folders), options_.labels.settings(),
                                          listing_progress(console_));
    });
    print_notices(dataset_.notices, console_);
    if (dataset_.test.empty()) throw DataError(fmt::format("there are no images in {}", options_.data));
    console_.line(fmt::format("Data {}", dataset_.directory.string()));
    skipped_ = dataset_.skipped;
  }

  /// Marks the images that the member was trained on, as its run knows them.
  void find_seen_images(const EnsembleMember& member) {
    SeenImages seen;
    if (!member.run.empty())
      seen = images_of_run(member.run, resolve_options({}, (member.run / "config.toml").string()), console_);
    averaging_.images_known.push_back(seen.known());
    if (!seen.known()) unknown_.push_back(text::one_line(member.file.string()));
    seen_.mark(*images_, dataset_.directory, seen);
  }

  void warn_of_seen_images() {
    averaging_.seen_images = seen_.count();
    if (averaging_.seen_images > 0)
      console_.warn(
          warning_id::training_images_evaluated,
          fmt::format(
              "{} of these {} images are training or validation images of networks of the ensemble{}: what "
              "it gets right of them says nothing about new ones",
              averaging_.seen_images, images_->count(), seen_.by_content_text()));
    if (!unknown_.empty())
      console_.warn(
          warning_id::training_images_unknown,
          fmt::format(
              "what {} of the {} networks were trained on cannot be found ({}): these images may be among it",
              unknown_.size(), averaging_.members.size(), fmt::join(unknown_, ", ")));
  }

  /// In the member's format; members of one format share them.
  void load_images(const EnsembleMember& member) {
    if (images_ && format_ == member.info.format) return;
    format_ = member.info.format;
    const bool first = images_ == nullptr;
    auto loaded = std::make_shared<data::ImageSet>(load_split(
        dataset_, dataset_.test, format_,
        {options_.machine.workers, options_.flags.strict, options_.flags.cache, true, &ranks_}, console_));
    if (first) {
      skipped_.insert(skipped_.end(), loaded->skipped.begin(), loaded->skipped.end());
      print_skipped(skipped_, console_);
      console_.line(fmt::format("{}: {} images, {}", split_name, loaded->count(),
                                class_counts_text(*loaded, member.info.class_names)));
    }
    images_ = std::move(loaded);
    if (ranks_.are_several()) ranks_.require_same({{"images", identity_of(*images_)}});
  }

  CheckpointResult evaluate(const kernels::Device& device) {
    const std::vector<std::string>& names = averaging_.members.front().info.class_names;
    console_.line(
        fmt::format("Ensemble of {} networks{}", averaging_.members.size(), averaging_.views_text()));
    CheckpointResult result;
    result.split = result.predictions.split = split_name;
    std::vector<double>& mean = result.predictions.probabilities;
    for (const EnsembleMember& member : averaging_.members) {
      console_.line(fmt::format("Loading model {}", member_text(member)));
      load_images(member);
      const LoadedCheckpoint checkpoint = load_checkpoint(member.file, device);
      if (ranks_.are_several())
        engine::broadcast_tensors(*ranks_.communicator(), checkpoint.network->state());
      EvaluationSplit split(
          split_name, images_, preprocessing_of(member.info), member.info.model.image_size,
          options_.machine.batch_size > 0 ? options_.machine.batch_size : evaluation_batch(0),
          std::max<std::int64_t>(1, options_.machine.workers), names.size(), device, options_.views,
          ranks_.communicator());
      if (result.predictions.images == nullptr) result.predictions.images = split.listed();
      require_same_images(*result.predictions.images, *split.listed(), member);
      find_seen_images(member);
      const std::vector<double> of_member =
          split.mean_probabilities(*checkpoint.network, member.divisor(), console_);
      print_member(evaluation_of(*split.listed(), of_member, names.size()), member);
      mean.resize(of_member.size());
      for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += of_member[i];
    }
    for (double& value : mean) value /= static_cast<double>(averaging_.members.size());
    result.evaluation = evaluation_of(*result.predictions.images, mean, names.size());
    return result;
  }

  static void require_same_images(const SplitImages& first, const SplitImages& other,
                                  const EnsembleMember& member) {
    if (first.paths != other.paths)
      throw DataError(fmt::format(
          "{} can use {} of the images and the first network {}: remove the damaged files, or use --strict "
          "to name one",
          member.file.string(), other.paths.size(), first.paths.size()));
  }

  void print_member(const Evaluation& evaluation, const EnsembleMember& member) {
    console_.line(fmt::format("Acc: {:.4f}{}", evaluation.accuracy(), mean_auroc_suffix(evaluation)));
    console_.event("member", {{"checkpoint", member.file.string()},
                              {"split", split_name},
                              {"correct", evaluation.hits()},
                              {"images", evaluation.images()},
                              {"accuracy", evaluation.accuracy()},
                              {"loss", evaluation.loss()}});
  }

  DetailSettings detail_settings() {
    DetailSettings settings;
    settings.positive = options_.positive;
    if (const fs::path& run = averaging_.members.front().run; !run.empty()) {
      const TrainOptions of_run = resolve_options({}, (run / "config.toml").string());
      if (settings.positive.empty()) settings.positive = of_run.positive;
      settings.seed = static_cast<std::uint64_t>(of_run.seed);
    }
    settings.subgroups = with_dicom_tags(read_subgroups(options_.subgroups, dataset_.sources, dataset_.root),
                                         dataset_.dicom.get());
    if (settings.subgroups) check_subgroups(*settings.subgroups, !options_.subgroups.empty(), dataset_.test);
    const CheckpointInfo& info = averaging_.members.front().info;
    if (info.task == data::Task::multi_class)
      warn_of_guessed_positive(info.class_names, settings.positive, console_);
    settings.selected_before.emplace();
    settings.selected_before->on = SelectedOn::ensemble;
    return settings;
  }

  Ranks& ranks_;
  const EvalOptions& options_;
  Console console_;
  Averaging averaging_;
  data::Dataset dataset_;
  std::vector<data::SkippedFile> skipped_;
  std::shared_ptr<const data::ImageSet> images_;
  data::StoredFormat format_;
  SeenMarks seen_;
  std::vector<std::string> unknown_;  // networks whose own images cannot be found
};

}  // namespace

int run_eval_ensemble(Ranks& ranks, const EvalOptions& options) {
  check_options(options, ranks);
  EnsembleEvaluation(ranks, options).run();
  return exit_done;
}

}  // namespace xr::apps
