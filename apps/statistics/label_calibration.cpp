#include "apps/statistics/label_calibration.h"

#include <algorithm>
#include <cmath>

namespace xr::statistics {

KnownAnswers known_answers(const LabelTable& table) {
  constexpr double smallest_rest = 0x1p-54;
  KnownAnswers answers;
  for (std::size_t i = 0; i < table.targets.size(); ++i) {
    if (std::isnan(table.targets[i])) continue;
    const double p = table.values[i];
    answers.values.push_back(std::max(1.0 - p, smallest_rest));
    answers.values.push_back(p);
    answers.labels.push_back(table.targets[i] > 0.5f ? 1 : 0);
  }
  return answers;
}

}  // namespace xr::statistics
