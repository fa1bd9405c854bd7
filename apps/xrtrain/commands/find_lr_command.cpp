#include <fmt/core.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/xrtrain/commands/commands.h"
#include "apps/xrtrain/console.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/find_lr/find_lr_page.h"
#include "apps/xrtrain/find_lr/learning_rate_finder.h"
#include "apps/xrtrain/interrupt.h"
#include "apps/xrtrain/options/config.h"
#include "apps/xrtrain/options/data_folders.h"
#include "engine/io/atomic_file.h"

namespace xr::apps {

namespace {

namespace fs = std::filesystem;

constexpr const char *table_file = "find_lr.csv", *page_file = "find_lr.html";

void check_output(const TrainOptions& options) {
  const fs::path out = options.out;
  std::error_code code;
  if (!fs::exists(out, code) || (fs::is_directory(out, code) && fs::is_empty(out, code))) return;
  const bool ours = fs::exists(out / table_file, code);
  if (!ours)
    throw UsageError(fmt::format("--out {} is there already and holds no range test: choose another folder",
                                 out.string()));
  if (!options.force)
    throw UsageError(fmt::format("--out {} holds a range test: use --force to replace it, or another folder",
                                 out.string()));
}

TrainOptions resolve(const GivenOptions& given, const std::string& config_file) {
  TrainOptions options = resolve_options(given, config_file);
  if (options.out.empty()) throw UsageError("--out is missing: give the folder of the range test");
  if (options.data.empty())
    throw UsageError("--data is missing: give the folder of images (xrtrain synth makes one)");
  if (options.resume) throw UsageError("--resume is for train: a range test starts from the beginning");
  options.data = fs::absolute(options.data).lexically_normal().string();
  validate(options);
  require_outside("--out", options.out, options.data);
  return options;
}

nlohmann::json number_json(const std::optional<double>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json();
}

int run_find_lr(const GivenOptions& given, const std::string& config_file,
                const RangeTestSettings& settings) {
  if (settings.min >= settings.max)
    throw UsageError(
        fmt::format("--min is {:g} and --max {:g}: the learning rate must rise", settings.min, settings.max));
  const TrainOptions options = resolve(given, config_file);
  check_output(options);
  std::error_code code;
  const bool made = fs::create_directories(options.out, code);
  XR_CHECK(!code, "cannot make the folder {}: {}; choose another --out", options.out, code.message());
  Console console({options.quiet, options.json, options.log_level, options.verbose});
  catch_interrupts();
  FoundRange found;
  try {
    found = find_range(options, settings, console);
  } catch (const Interrupted& interruption) {
    if (made) fs::remove(options.out, code);
    throw Error(fmt::format("{}: nothing is kept", interruption.what()));
  } catch (...) {
    if (made) fs::remove(options.out, code);
    throw;
  }
  const LearningRateSuggestion suggestion = suggest_learning_rate(settings, found.test.steps);
  const fs::path out = options.out;
  const std::string range = fmt::format("# xrtrain find-lr --min {:g} --max {:g} --steps {}\n", settings.min,
                                        settings.max, settings.steps);
  engine::write_file_atomically(out / table_file, range_test_csv(found.test));
  engine::write_file_atomically(
      out / page_file, find_lr_page(found.test, suggestion, found.subtitle, range + config_text(options)));
  console.line(range_test_end_text(found.test));
  for (const std::string& line : suggestion_lines(suggestion)) console.line(line);
  console.line(fmt::format("Results are in {}: {}, {}", options.out, table_file, page_file));
  console.event("find_lr", {{"steps", found.test.steps.size()},
                            {"diverged", found.test.end != RangeTestEnd::all_steps},
                            {"steepest", number_json(suggestion.steepest)},
                            {"tenth_of_minimum", number_json(suggestion.tenth_of_minimum)},
                            {"suggestion", number_json(suggestion.careful())},
                            {"fall", suggestion.fall},
                            {"standard_error", suggestion.standard_error}});
  return exit_done;
}

}  // namespace

void add_find_lr_command(command_line::Command app, Action& action) {
  command_line::Command command =
      app.subcommand("find-lr", "Find a learning rate with the learning-rate range test");
  auto given = std::make_shared<GivenOptions>();
  auto config = std::make_shared<std::string>();
  auto settings = std::make_shared<RangeTestSettings>();
  const char* const group = "Range test";
  command.option("--min", settings->min, "Learning rate of the first step")
      .show_default()
      .range(1e-12, 1e6)
      .group(group);
  command.option("--max", settings->max, "Learning rate of the last step; the increase is exponential")
      .show_default()
      .range(1e-12, 1e6)
      .group(group);
  command
      .option("--steps", settings->steps,
              "Maximum number of steps; the test ends when the smoothed loss exceeds 4 times its minimum")
      .show_default()
      .range(min_range_test_steps, 100000)
      .group(group);
  add_train_options(command, *given,
                    {{"resume", "keep", "tensorboard", "epochs", "patience", "lr", "schedule",
                      "warmup-epochs", "step-epochs", "step-factor", "ema", "recompute-statistics",
                      "freeze-epochs", "positive", "target-sensitivity", "subgroups", "cache-features"},
                     {{"out", "Folder of the range test, for its table and its plot"},
                      {"force", "Replace the range test in --out"}}});
  command.option("--config", *config, config_help).type_name("FILE").group("Run");
  command.note(
      "Other options of xrtrain train are accepted and have no effect, so that its command line and "
      "configuration file can be reused; --resume is refused.");
  command.example("for the default settings of a training", "xrtrain find-lr --data xrays --out lr");
  command.when_chosen([&action, given, config, settings] {
    action = [given, config, settings] { return run_find_lr(*given, *config, *settings); };
  });
}

}  // namespace xr::apps
