// find_lr.html: the range test as one page.
#pragma once

#include <string>

#include "apps/xrtrain/find_lr/range_test.h"

namespace xr::apps {

/// How the test ended, in a sentence.
[[nodiscard]] std::string range_test_end_text(const RangeTest& test);
/// What the suggestions are, a line each; or that there is none, and why that may be.
[[nodiscard]] std::vector<std::string> suggestion_lines(const LearningRateSuggestion& suggestion);

/// `subtitle`: the network and the images; `settings`: the options, as a configuration file has them.
[[nodiscard]] std::string find_lr_page(const RangeTest& test, const LearningRateSuggestion& suggestion,
                                       const std::string& subtitle, const std::string& settings);

}  // namespace xr::apps
