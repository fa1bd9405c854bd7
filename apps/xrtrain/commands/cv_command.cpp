#include <algorithm>
#include <memory>
#include <optional>
#include <sstream>

#include "apps/text/text.h"
#include "apps/xrtrain/commands/commands.h"
#include "apps/xrtrain/console.h"
#include "apps/xrtrain/cv/cross_validation.h"
#include "apps/xrtrain/distributed/ranks.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/interrupt.h"
#include "apps/xrtrain/options/config.h"
#include "apps/xrtrain/options/data_folders.h"
#include "kernels/common/parallel.h"

namespace xr::apps {

namespace {

/// What the command line said of the cut; nothing where it was silent.
struct GivenCut {
  std::optional<int> folds, repeats;
};

/// The settings of the cross-validation that --resume goes on with.
void take_begun(const BegunCv& begun, const GivenOptions& given, const std::string& config_file,
                const GivenCut& cut, CvSettings& settings) {
  settings.options = resolve_resumed_options(begun.options, given, config_file, ResumeRule::same);
  if (cut.folds && *cut.folds != begun.folds)
    throw UsageError(
        fmt::format("--resume cannot change --folds (run: {}, now: {}): leave it out, or give another --out",
                    begun.folds, *cut.folds));
  settings.folds = begun.folds;
  settings.repeats = cut.repeats.value_or(begun.repeats);
}

/// Of rank 0, which looks into the folder.
void resolve_settings(GivenOptions given, const std::string& config_file, const GivenCut& cut,
                      CvSettings& settings) {
  if (const auto data = given.find("data"); data != given.end() && !data->second.empty())
    data->second = std::filesystem::absolute(data->second).lexically_normal().string();
  settings.options = resolve_options(given, config_file);
  TrainOptions& options = settings.options;
  if (options.out.empty()) throw UsageError("--out is missing: give the folder of the cross-validation");
  if (options.resume && !options.force)
    if (const std::optional<BegunCv> begun = read_begun_cv(options.out))
      take_begun(*begun, given, config_file, cut, settings);
  if (options.data.empty() && options.resume && !options.force)
    throw UsageError(
        fmt::format("there is no cross-validation in {} to continue: give --data to start one", options.out));
  if (options.data.empty())
    throw UsageError("--data is missing: give the folder of images (xrtrain synth makes one)");
  if (!options.fold.empty()) throw UsageError("--fold is for xrtrain train: cv trains on every fold");
  options.data = std::filesystem::absolute(options.data).lexically_normal().string();
  validate(options);
  require_outside("--out", options.out, options.data);
  const int cores = kernels::thread_count();
  if (settings.jobs == 0) settings.jobs = std::max(1, cores / 2);
  if (options.threads == 0) options.threads = std::max<std::int64_t>(1, cores / settings.jobs);
}

int run_cv_as(Ranks& ranks, const GivenOptions& given, const std::string& config_file, const GivenCut& cut,
              CvSettings settings) {
  ranks.require_same_command();
  const std::string text = ranks.from_first([&] {
    resolve_settings(given, config_file, cut, settings);
    return fmt::format("# {} {} {}\n{}", settings.folds, settings.repeats, settings.jobs,
                       options_text(settings.options));
  });
  if (!ranks.is_first()) {
    std::istringstream words(text.substr(2));
    words >> settings.folds >> settings.repeats >> settings.jobs;
    settings.options = options_of_text(text);
  }
  ranks.set_timeout(settings.options.timeout);
  if (ranks.is_first()) catch_interrupts();
  try {
    run_cross_validation(settings, ranks);
  } catch (const Interrupted& interruption) {
    throw Error(fmt::format("{}; continue with the same command and --resume", interruption.what()));
  }
  return exit_done;
}

int run_cv(const GivenOptions& given, const std::string& config_file, const GivenCut& cut,
           const CvSettings& settings) {
  Ranks ranks;
  return ranks.run([&] { return run_cv_as(ranks, given, config_file, cut, settings); });
}

}  // namespace

void add_cv_command(command_line::Command app, Action& action) {
  command_line::Command command = app.subcommand("cv", "Cross-validate by class and patient");
  auto given = std::make_shared<GivenOptions>();
  auto config = std::make_shared<std::string>();
  auto settings = std::make_shared<CvSettings>();
  const char* group = "Cross-validation";
  const command_line::Option folds = command.option("--folds", settings->folds, "Number of folds")
                                         .show_default()
                                         .take_last()
                                         .range(2, 100)
                                         .group(group);
  const command_line::Option repeats =
      command
          .option("--repeats", settings->repeats, "Repeats, each with other folds and other initial weights")
          .show_default()
          .take_last()
          .range(1, 1000)
          .group(group);
  command.option("--jobs", settings->jobs, "Folds trained in parallel on a machine; 0: half the cores")
      .show_default()
      .take_last()
      .range(0, 1024)
      .group(group);
  command.flag("--keep-runs", settings->keep_runs, "Keep the checkpoints of every fold").group(group);
  add_train_options(command, *given,
                    {{"fold"},
                     {{"out", "Folder of the cross-validation, for its results"},
                      {"resume", "Continue the cross-validation in --out"},
                      {"force", "Replace the cross-validation in --out"}}});
  command.option("--config", *config, config_help).type_name("FILE").group("Run");
  command.example("3 folds, twice", "xrtrain cv --data xrays --out cv --folds 3 --repeats 2 --epochs 20");
  command.example("after Ctrl-C or a crash", "xrtrain cv --out cv --resume");
  command.when_chosen([&action, given, config, settings, folds, repeats] {
    GivenCut cut;
    if (folds.given()) cut.folds = settings->folds;
    if (repeats.given()) cut.repeats = settings->repeats;
    action = [given, config, cut, settings] { return run_cv(*given, *config, cut, *settings); };
  });
}

}  // namespace xr::apps
