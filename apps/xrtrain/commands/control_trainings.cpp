#include "apps/xrtrain/commands/control_trainings.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "apps/audit/control.h"
#include "apps/xrtrain/commands/train_command.h"
#include "kernels/common/error.h"

namespace xr::apps {

namespace {

nlohmann::json read_results(const std::filesystem::path& path) {
  std::ifstream file(path);
  nlohmann::json results = nlohmann::json::parse(file, nullptr, false);
  XR_CHECK(!results.is_discarded(), "the control training left no results in {}", path.string());
  return results;
}

}  // namespace

audit::Check train_controls(const GivenOptions& options, data::Task task, const std::filesystem::path& out,
                            const std::function<void(const std::string&)>& tell) {
  struct Control {
    const char *folder, *mask, *text;
  };
  constexpr Control controls[] = {{"whole", "none", "whole images"},
                                  {"middle-black", "middle", "the middle black"},
                                  {"border-black", "border", "all but the middle black"}};
  const bool labels = task == data::Task::multi_label;
  std::vector<nlohmann::json> results;
  for (const Control& control : controls) {
    tell(fmt::format("Training on {} ({} of 3)", control.text, results.size() + 1));
    GivenOptions given = options;
    given["out"] = (out / control.folder).string();
    given["mask"] = control.mask;
    given["force"] = "true";
    given["quiet"] = "true";
    (void)run_train(given, {});
    results.push_back(read_results(out / control.folder / (labels ? "metrics.json" : "summary.json")));
  }
  return labels ? audit::judge_label_control(results[0], results[1], results[2])
                : audit::judge_control(results[0], results[1], results[2]);
}

}  // namespace xr::apps
