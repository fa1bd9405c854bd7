// Warnings before a training: of the folder of the run, of the images.
#pragma once

#include <vector>

#include "apps/audit/check.h"
#include "apps/xrtrain/console.h"
#include "apps/xrtrain/options/options.h"
#include "apps/xrtrain/run/run_folder.h"

namespace xr::apps {

/// Warns where nothing keeps a second program out of the folder, and where `resume` finds no run in it.
void warn_of_folder(const RunFolder& folder, bool resume, Console& console);

/// A warning for each finding of the quick part of the audit, with the option that helps if it is not in use. Patients in two splits are not repeated:
/// the notices of the data set say so.
void warn_of_findings(const std::vector<audit::Check>& findings, const TrainOptions& options,
                      Console& console);

}  // namespace xr::apps
