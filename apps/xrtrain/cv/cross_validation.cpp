#include "apps/xrtrain/cv/cross_validation.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <thread>

#include "apps/audit/quick.h"
#include "apps/text/text.h"
#include "apps/xrtrain/console.h"
#include "apps/xrtrain/cv/child_process.h"
#include "apps/xrtrain/cv/cv_page.h"
#include "apps/xrtrain/cv/cv_results.h"
#include "apps/xrtrain/cv/fold_queue.h"
#include "apps/xrtrain/cv/fold_run.h"
#include "apps/xrtrain/data_notices.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/evaluation/evaluation_details.h"
#include "apps/xrtrain/evaluation/metrics.h"
#include "apps/xrtrain/interrupt.h"
#include "apps/xrtrain/options/config.h"
#include "apps/xrtrain/run/run_folder.h"
#include "apps/xrtrain/training/dataset.h"
#include "apps/xrtrain/training_warnings.h"
#include "data/dataset/find_sample_depths.h"
#include "engine/io/atomic_file.h"

namespace xr::apps {

namespace {

namespace fs = std::filesystem;

/// For the children of a rank that shares a machine: the GPU of its place there, if GPUs are used. The settings of a fold
/// do not name it.
std::map<std::string, std::string> gpu_of_rank(const std::string& device, const Ranks& ranks) {
  const kernels::Device own = ranks.own_device(choose_device(device), device);
  if (own.type != kernels::DeviceType::cuda || device.find(':') != std::string::npos) return {};
  const char* const visible = std::getenv("CUDA_VISIBLE_DEVICES");
  std::string name = std::to_string(own.index);
  if (visible != nullptr) {  // numbers, or names of GPUs, between commas
    std::istringstream names(visible);
    for (int i = 0; i <= own.index; ++i) std::getline(names, name, ',');
  }
  return {{"CUDA_VISIBLE_DEVICES", name}};
}

ConsoleSettings console_settings(const TrainOptions& options, const Ranks& ranks) {
  ConsoleSettings result{options.quiet, options.json, LogLevel::info};
  result.silent = !ranks.is_first();
  return result;
}

class CrossValidation {
 public:
  CrossValidation(const CvSettings& settings, Ranks& ranks)
      : settings_(settings),
        ranks_(ranks),
        out_(settings.options.out),
        console_(console_settings(settings.options, ranks)) {}

  void run() {
    if (ranks_.is_first()) begin();
    if (ranks_.are_several())
      train_folds_on_ranks();
    else
      train_all();
    ranks_.leave();
    if (ranks_.is_first()) finish();
  }

 private:
  /// Before the folds: what is found out of the images, and the folder.
  void begin() {
    // Wrong data are refused before anything is written; every fold is cut once.
    TrainOptions options = settings_.options;
    for (int fold = 1; fold <= settings_.folds; ++fold) {
      options.fold = fmt::format("{}/{}", fold, settings_.folds);
      const data::Dataset dataset = find_dataset(options, console_);
      if (fold > 1) continue;
      class_names_ = dataset.class_names;
      labels_ = dataset.task == data::Task::multi_label;
      subtitle_ = fmt::format("{}, {} images, {} folds, {} repeat{}", options.model,
                              dataset.train.size() + dataset.validation.size() + dataset.test.size(),
                              settings_.folds, settings_.repeats, settings_.repeats == 1 ? "" : "s");
      console_.line(fmt::format(
          "xrtrain cv: {}, {} at a time{} with {} thread{} each", subtitle_, settings_.jobs,
          ranks_.are_several() ? fmt::format(" on each machine, on {} ranks,", ranks_.size()) : "",
          options.threads, options.threads == 1 ? "" : "s"));
    }
    open_folder();
    find_findings();
  }

  /// All that results depend on: the settings of the first run, and how it is cut.
  [[nodiscard]] std::string settings_text() const {
    TrainOptions options = settings_.options;
    options.out.clear();
    return fmt::format("# xrtrain cv --folds {} --repeats {}\n{}", settings_.folds, settings_.repeats,
                       config_text(options));
  }

  /// What `train` finds before it begins, of all images that take part.
  void find_findings() {
    TrainOptions options = settings_.options;
    if (options.mask != data::Mask::none) return;  // a control: of the whole images it has been told
    const data::Dataset whole = find_dataset(options, console_);
    if (!whole.test.empty() && !whole.test_split_by_program && !options.fold_all)
      console_.line(
          fmt::format("The {} images of test/ are not used; --fold-all includes them", whole.test.size()));
    options.fold = fmt::format("1/{}", settings_.folds);
    const data::Dataset dataset = find_dataset(options, console_);
    std::vector<data::Sample> samples = dataset.train;
    for (const auto* others : {&dataset.validation, &dataset.test})
      samples.insert(samples.end(), others->begin(), others->end());
    data::StoredFormat format = make_preprocessing(options).evaluation;
    format.depths = data::find_sample_depths(dataset.directory, samples, 0);  // one scale, as train has
    const data::ImageSet images =
        load_split(dataset, samples, format, {0, options.strict, options.cache}, console_);
    print_notices(dataset.notices, console_);
    if (!labels_) warn_of_guessed_positive(class_names_, options.positive, console_);
    std::vector<data::SkippedFile> skipped = dataset.skipped;
    skipped.insert(skipped.end(), images.skipped.begin(), images.skipped.end());
    print_skipped(skipped, console_);
    write_skipped(skipped, out_);
    const std::vector<audit::Check> findings = audit::quick_findings(dataset, {images, {}, {}});
    warn_of_findings(findings, options, console_);
    engine::write_file_atomically(out_ / "findings.json", audit::checks_json(findings) + "\n");
  }

  void open_folder() {
    const fs::path file = out_ / "cv.toml";
    const TrainOptions& options = settings_.options;
    std::error_code code;
    if (fs::exists(file, code)) {
      if (options.force) {
        for (const char* name :  // cv.toml last: whatever is left is known for a cross-validation's
             {"runs", "cv.html", "cv.csv", "cv.json", "predictions.csv", "findings.json", "skipped.csv",
              "cv.toml"})
          fs::remove_all(out_ / name);
      } else if (!options.resume) {
        throw UsageError(
            fmt::format("{} holds a cross-validation: continue it with --resume, or replace it with --force",
                        out_.string()));
      }
    } else if (fs::exists(out_, code) && !fs::is_empty(out_, code)) {
      throw UsageError(
          fmt::format("{} is not empty and holds no cross-validation: give another --out", out_.string()));
    }
    const auto make_folder = [&](const fs::path& folder) {
      fs::create_directories(folder, code);
      XR_CHECK(!code, "cannot make the folder {}: {}", folder.string(), code.message());
    };
    make_folder(out_);
    engine::write_file_atomically(file, settings_text());  // first: it is what a resumed run looks for
    make_folder(out_ / "runs");
  }

  [[nodiscard]] FoldTask task_of(std::size_t number) const {
    const auto folds = static_cast<std::size_t>(settings_.folds);
    FoldTask task;
    task.repeat = static_cast<std::int64_t>(number / folds) + 1;
    task.fold = static_cast<std::int64_t>(number % folds) + 1;
    task.folds = settings_.folds;
    task.folder = out_ / "runs" / fmt::format("repeat-{:02d}-fold-{}", task.repeat, task.fold);
    return task;
  }

  [[nodiscard]] std::size_t count_folds() const {
    return static_cast<std::size_t>(settings_.folds) * static_cast<std::size_t>(settings_.repeats);
  }

  void require_success(const EndedChild& child) const {
    if (child.status == 0) return;
    const FoldTask task = task_of(child.task);
    throw Error(fmt::format("repeat {}, fold {} failed: {}; all it said is in {}", task.repeat, task.fold,
                            last_line(task.output(), child.status), task.output().string()));
  }

  /// Of a file system that other machines write to.
  [[nodiscard]] bool is_seen(const std::function<bool()>& condition) const {
    const double until = now_seconds() + 30.0;
    while (!condition()) {
      if (now_seconds() > until) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return true;
  }

  void require_shared_folder() {
    const std::string begun = ranks_.from_first([&] { return text::read_file(out_ / "cv.toml"); });
    if (!is_seen([&] { return text::read_file(out_ / "cv.toml") == begun; }))
      throw UsageError(fmt::format(
          "--out {} is another folder here: give one on a file system that all ranks share", out_.string()));
  }

  void train_folds_on_ranks() {
    require_shared_folder();
    const std::size_t count = count_folds();
    results_.resize(count);
    std::vector<std::int64_t> open = ranks_.numbers_from_first([&] {
      std::vector<std::int64_t> result;
      for (std::size_t number = 0; number < count; ++number) {
        if (is_complete(task_of(number)))
          accept(number);
        else
          result.push_back(static_cast<std::int64_t>(number));
      }
      return result;
    });
    engine::Communicator& ranks = *ranks_.communicator();
    const std::map<std::string, std::string> environment = gpu_of_rank(settings_.options.device, ranks_);
    FoldWork work;
    work.jobs = std::max<std::size_t>(1, static_cast<std::size_t>(settings_.jobs / ranks.local_size()));
    work.start = [&](std::size_t number) {
      const FoldTask task = task_of(number);
      return start_child(number, fold_arguments(settings_.options, task), task.output(), environment);
    };
    work.require = [&](const EndedChild& child) { require_success(child); };
    work.accept = [&](std::size_t number) {
      const FoldTask task = task_of(number);
      XR_CHECK(is_seen([&] { return is_complete(task); }),
               "{} is trained, but rank 0 does not see its results", task.folder.string());
      accept(number);
    };
    if (!train_on_ranks(ranks, {open.begin(), open.end()}, work))
      throw Interrupted(fmt::format("interrupted after {} of {} folds", done_, count));
  }

  void train_all() {
    const std::size_t count = count_folds();
    results_.resize(count);
    std::vector<ChildProcess> children;
    try {
      for (std::size_t next = 0; next < count || !children.empty();) {
        while (next < count && children.size() < static_cast<std::size_t>(settings_.jobs) && !interrupted()) {
          const FoldTask task = task_of(next);
          if (is_complete(task))
            accept(next);
          else
            children.push_back(start_child(next, fold_arguments(settings_.options, task), task.output()));
          ++next;
        }
        if (children.empty()) {
          if (interrupted()) break;
          continue;
        }
        const std::optional<EndedChild> ended = wait_for_child(children);
        if (!ended) break;
        require_success(*ended);
        accept(ended->task);
      }
    } catch (...) {
      end_children(children);
      throw;
    }
    end_children(children);  // none, unless interrupted
    if (done_ < count) throw Interrupted(fmt::format("interrupted after {} of {} folds", done_, count));
  }

  void accept(std::size_t number) {
    const FoldTask task = task_of(number);
    results_[number] = read_fold(task, class_names_);
    if (!settings_.keep_runs) remove_checkpoints(task);
    ++done_;
    const FoldPredictions& fold = *results_[number];
    const CvSummary summary = summarise({fold}, class_names_, positive());
    const CvScore& score = summary.repeats.front().pooled;
    console_.line(fmt::format("Repeat {}, fold {} of {}: {}{}", task.repeat, task.fold, settings_.folds,
                              labels_ ? fmt::format("{} of {} known labels", score.correct, score.images)
                                      : "accuracy " + proportion_text(score.correct, score.images),
                              score.auroc.value ? fmt::format(", AUROC {:.3f}", *score.auroc.value) : ""));
    console_.event(
        "fold",
        {{"repeat", task.repeat}, {"fold", task.fold}, {"images", score.images}, {"correct", score.correct}});
  }

  [[nodiscard]] std::size_t positive() const {
    return labels_ ? 0 : positive_class(class_names_, settings_.options.positive);
  }

  void finish() {
    std::vector<FoldPredictions> folds;
    for (const auto& result : results_) folds.push_back(*result);
    const CvSummary summary = summarise(folds, class_names_, positive());
    engine::write_file_atomically(out_ / "predictions.csv", cv_predictions_csv(folds, class_names_));
    engine::write_file_atomically(out_ / "cv.csv", cv_csv(summary));
    const std::string json = cv_json(summary);
    engine::write_file_atomically(out_ / "cv.json", json);
    engine::write_file_atomically(
        out_ / "cv.html", cv_page(summary, folds, read_findings(out_, settings_.options.data), subtitle_,
                                  text::read_file(out_ / "cv.toml")));
    for (const std::string& line : cv_text(summary)) console_.line(line);
    console_.line(fmt::format("Results are in {}: cv.html, cv.csv, cv.json, predictions.csv", out_.string()));
    console_.event_text("cv", json);
  }

  const CvSettings& settings_;
  Ranks& ranks_;
  fs::path out_;
  Console console_;
  std::string subtitle_;
  std::vector<std::string> class_names_;
  bool labels_ = false;  // several labels instead of classes
  std::vector<std::optional<FoldPredictions>> results_;
  std::size_t done_ = 0;
};

}  // namespace

std::optional<BegunCv> read_begun_cv(const fs::path& out) {
  const fs::path file = out / "cv.toml";
  std::error_code code;
  if (!fs::exists(file, code)) return std::nullopt;
  BegunCv begun;
  if (std::sscanf(text::read_file(file).c_str(), "# xrtrain cv --folds %d --repeats %d", &begun.folds,
                  &begun.repeats) != 2)
    throw DataError(fmt::format(
        "{} was not written by xrtrain cv: replace it with --force, or give another --out", file.string()));
  begun.options = resolve_options({}, file.string());
  return begun;
}

void run_cross_validation(const CvSettings& settings, Ranks& ranks) {
  CrossValidation(settings, ranks).run();
}

}  // namespace xr::apps
