// Which of two classes sensitivity is about.
#pragma once

#include <string>
#include <vector>

#include "apps/xrtrain/console.h"

namespace xr::apps {

struct PositiveClass {
  std::size_t index = 0;
  bool guessed = false;  ///< of two classes, where not exactly one name is known as negative
};

/// Whether a name says that nothing is there, in any case and with any separators: normal, healthy, negative,
/// neg, control, no, none, 0, false, benign, No Finding; with a number before it (0_NORMAL); a word of
/// negation before it (NonCOVID, No_Covid, without pneumonia), also as one word with the name of one of
/// `class_names` (noncovid, uninfected).
[[nodiscard]] bool is_negative_name(const std::string& name, const std::vector<std::string>& class_names);

/// The wanted class, or the first that is not negative by its name, or the first. Throws UsageError if there
/// is no class of the wanted name.
[[nodiscard]] PositiveClass find_positive_class(const std::vector<std::string>& class_names,
                                                const std::string& wanted);
[[nodiscard]] inline std::size_t positive_class(const std::vector<std::string>& class_names,
                                                const std::string& wanted) {
  return find_positive_class(class_names, wanted).index;
}

/// A warning if it is a guess. Throws as find_positive_class.
void warn_of_guessed_positive(const std::vector<std::string>& class_names, const std::string& wanted,
                              Console& console);

}  // namespace xr::apps
