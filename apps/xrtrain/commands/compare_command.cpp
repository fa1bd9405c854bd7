#include <memory>

#include "apps/text/text.h"
#include "apps/xrtrain/commands/commands.h"
#include "apps/xrtrain/compare/comparison.h"
#include "apps/xrtrain/compare/label_comparison.h"
#include "apps/xrtrain/console.h"
#include "apps/xrtrain/errors.h"

namespace xr::apps {

namespace {

int run_compare(const std::string& run_a, const std::string& run_b, bool json) {
  const RunPredictions a = read_run_predictions(run_a), b = read_run_predictions(run_b);
  const auto name = [](const std::string& run, const RunPredictions& chosen) {
    if (chosen.selection.on == SelectedOn::ensemble) return fmt::format("{} (ensemble)", text::one_line(run));
    return fmt::format("{} (checkpoint {:02d}, {})", text::one_line(run), chosen.selection.checkpoint,
                       chosen.selection.on_validation()                  ? "chosen on validation"
                       : chosen.selection.on == SelectedOn::command_line ? "given"
                                                                         : "the last");
  };
  if (a.task == data::Task::multi_label && b.task == a.task) {
    const LabelComparison comparison = compare_labels(a, b);
    if (json) {
      print(text::printable_json(
          label_comparison_json(comparison, {run_a, a.selection}, {run_b, b.selection})));
      return exit_done;
    }
    for (const std::string& line : label_comparison_text(comparison, name(run_a, a), name(run_b, b)))
      print(line + "\n");
    return exit_done;
  }
  const Comparison comparison = compare(a, b);
  if (json) {
    print(text::printable_json(comparison_json(comparison, {run_a, a.selection}, {run_b, b.selection})));
    return exit_done;
  }
  for (const std::string& line : comparison_text(comparison, name(run_a, a), name(run_b, b)))
    print(line + "\n");
  return exit_done;
}

}  // namespace

void add_compare_command(command_line::Command app, Action& action) {
  command_line::Command command =
      app.subcommand("compare", "Compare two evaluated runs on the same test images (McNemar, DeLong)");
  auto runs = std::make_shared<std::pair<std::string, std::string>>();
  auto json = std::make_shared<bool>(false);
  command.option("RUN_A", runs->first, "Folder of a run").required();
  command.option("RUN_B", runs->second, "Folder of another run").required();
  command.flag("--json", *json, "Print a JSON object");
  command.example("whether one of two runs is better", "xrtrain compare run run_b");
  command.when_chosen([&action, runs, json] {
    action = [runs, json] { return run_compare(runs->first, runs->second, *json); };
  });
}

}  // namespace xr::apps
