#include "apps/xrtrain/commands/control_trainings.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "apps/audit/control.h"
#include "apps/xrtrain/commands/train_command.h"
#include "kernels/common/error.h"

namespace xr::apps {

namespace {

nlohmann::json read_summary(const std::filesystem::path& run) {
  std::ifstream file(run / "summary.json");
  nlohmann::json summary = nlohmann::json::parse(file, nullptr, false);
  XR_CHECK(!summary.is_discarded(), "the control training left no summary in {}", run.string());
  return summary;
}

}  // namespace

audit::Check train_controls(const GivenOptions& options, const std::filesystem::path& out,
                            const std::function<void(const std::string&)>& tell) {
  struct Control {
    const char *folder, *mask, *text;
  };
  constexpr Control controls[] = {{"whole", "none", "whole images"},
                                  {"middle-black", "middle", "the middle black"},
                                  {"border-black", "border", "all but the middle black"}};
  std::vector<nlohmann::json> summaries;
  for (const Control& control : controls) {
    tell(fmt::format("Training on {} ({} of 3)", control.text, summaries.size() + 1));
    GivenOptions given = options;
    given["out"] = (out / control.folder).string();
    given["mask"] = control.mask;
    given["force"] = "true";
    given["quiet"] = "true";
    (void)run_train(given, {});
    summaries.push_back(read_summary(out / control.folder));
  }
  return audit::judge_control(summaries[0], summaries[1], summaries[2]);
}

}  // namespace xr::apps
