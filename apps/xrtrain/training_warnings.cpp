#include "apps/xrtrain/training_warnings.h"

#include <fmt/format.h>

#include "apps/xrtrain/warning_id.h"

namespace xr::apps {

namespace {

/// What to do about a finding, after its text; empty where the options do it already.
const char* finding_remedy(const audit::Check& finding, const TrainOptions& options) {
  if (finding.id != audit::FindingId::unbalanced_classes) return "";
  return options.class_weights == ClassWeights::none ? "; --class-weights auto weights them"
                                                     : "; the loss weights them (--class-weights auto)";
}

}  // namespace

void warn_of_folder(const RunFolder& folder, bool resume, Console& console) {
  const std::string path = folder.path().string();
  if (!folder.locked())
    console.warn(
        warning_id::folder_not_locked,
        fmt::format("the file system of {} has no locks: two runs in this folder are not kept apart", path));
  if (resume && !folder.has_run())
    console.warn(warning_id::nothing_to_resume,
                 fmt::format("there is no run in {} to resume: starting a new one", path));
}

void warn_of_findings(const std::vector<audit::Check>& findings, const TrainOptions& options,
                      Console& console) {
  for (const audit::Check& finding : findings)
    if (finding.name != "patients")
      console.warn(id_name(finding.id),
                   fmt::format("{}: {}{} (see xrtrain audit)", finding.title, finding.text,
                               finding_remedy(finding, options)),
                   finding.verdict == html::Verdict::serious);
}

}  // namespace xr::apps
