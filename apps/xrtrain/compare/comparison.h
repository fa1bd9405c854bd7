// Two runs on the same images: is one better, or is it chance?
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/xrtrain/chosen_predictions.h"
#include "apps/xrtrain/statistics/delong.h"
#include "apps/xrtrain/statistics/mcnemar.h"

namespace xr::apps {

struct Comparison {
  std::vector<std::string> class_names;
  std::size_t positive = 0;
  std::int64_t images = 0;                    ///< that both runs were tested on
  std::int64_t only_in_a = 0, only_in_b = 0;  ///< test images of one run alone, left out
  std::int64_t correct_a = 0, correct_b = 0;
  McNemar mcnemar;
  std::optional<DeLongTest> delong;  ///< of two classes
};

/// Pairs the test images by their paths. Throws DataError if the classes differ, an image has two labels, or
/// no image is in both.
[[nodiscard]] Comparison compare(const ChosenPredictions& a, const ChosenPredictions& b);

[[nodiscard]] std::vector<std::string> comparison_text(const Comparison& comparison,
                                                       const std::string& name_a, const std::string& name_b);
[[nodiscard]] std::string comparison_json(const Comparison& comparison, const std::string& name_a,
                                          const std::string& name_b);

}  // namespace xr::apps
