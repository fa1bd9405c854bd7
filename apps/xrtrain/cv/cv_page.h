// CV/cv.html: a cross-validation on one page.
#pragma once

#include <string>
#include <vector>

#include "apps/xrtrain/cv/cv_results.h"
#include "apps/xrtrain/run/findings.h"

namespace xr::apps {

/// `subtitle` says what was trained on what; `settings` is the text of cv.toml.
[[nodiscard]] std::string cv_page(const CvSummary& summary, const std::vector<FoldPredictions>& folds,
                                  const std::vector<Finding>& findings, const std::string& subtitle,
                                  const std::string& settings);

}  // namespace xr::apps
