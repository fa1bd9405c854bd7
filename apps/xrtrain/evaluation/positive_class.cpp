#include "apps/xrtrain/evaluation/positive_class.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/warning_id.h"
#include "data/dataset/folder_names.h"

namespace xr::apps {

namespace {

using namespace std::string_view_literals;
using Words = std::vector<std::string>;

template <std::size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::ranges::find(words, word) != words.end();
}

bool is_number(std::string_view word) {
  return !word.empty() && word.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string joined(const Words& words) {
  return fmt::format("{}", fmt::join(words, ""));
}

/// Without a number that orders the classes: "0_NORMAL".
Words words_of_class(const std::string& name) {
  Words words = data::words_of(name);
  if (words.size() > 1 && is_number(words[0])) words.erase(words.begin());
  return words;
}

bool are_negative(const Words& words) {
  static constexpr std::array alone = {
      "no"sv,     "none"sv,       "n"sv,         "0"sv,          "false"sv,   "absence"sv,  "clear"sv,
      "benign"sv, "uninfected"sv, "nofinding"sv, "nofindings"sv, "normals"sv, "negatives"sv};
  static constexpr std::array anywhere = {"normal"sv,  "healthy"sv,  "negative"sv, "neg"sv,
                                          "control"sv, "controls"sv, "absent"sv};
  static constexpr std::array negations = {"no"sv, "non"sv, "not"sv, "without"sv};
  static constexpr std::array kinds = {"class"sv, "label"sv};
  if (words.empty()) return false;
  if (words.size() > 1 && is_one_of(words[0], negations))
    return !are_negative({words.begin() + 1, words.end()});
  if (words.size() == 2 && is_one_of(words[0], kinds)) return is_one_of(words[1], alone);
  return is_one_of(joined(words), alone) ||
         std::ranges::any_of(words, [](const std::string& word) { return is_one_of(word, anywhere); });
}

/// "noncovid" beside "covid", "uninfected" beside "infected".
bool negates_another(const std::string& name, const Words& class_names) {
  const std::string word = joined(words_of_class(name));
  for (const std::string_view prefix : {"no"sv, "non"sv, "not"sv, "un"sv, "without"sv}) {
    if (!word.starts_with(prefix)) continue;
    const std::string rest = word.substr(prefix.size());
    for (const std::string& other : class_names)
      if (const std::string whole = joined(words_of_class(other));
          other != name && !are_negative(words_of_class(other)) && rest.size() > 1 &&
          (whole.starts_with(rest) || rest.starts_with(whole)))
        return true;
  }
  return false;
}

}  // namespace

bool is_negative_name(const std::string& name, const std::vector<std::string>& class_names) {
  return are_negative(words_of_class(name)) || negates_another(name, class_names);
}

PositiveClass find_positive_class(const std::vector<std::string>& class_names, const std::string& wanted) {
  if (!wanted.empty()) {
    const auto found = std::ranges::find(class_names, wanted);
    if (found == class_names.end())
      throw UsageError(fmt::format("--positive is {}, which is not a class: use one of {}",
                                   text::one_line(wanted),
                                   text::one_line(fmt::format("{}", fmt::join(class_names, ", ")))));
    return {static_cast<std::size_t>(found - class_names.begin()), false};
  }
  const auto is_negative = [&](const std::string& name) { return is_negative_name(name, class_names); };
  const auto found = std::ranges::find_if_not(class_names, is_negative);
  const auto negatives = std::ranges::count_if(class_names, is_negative);
  return {found == class_names.end() ? 0 : static_cast<std::size_t>(found - class_names.begin()),
          class_names.size() == 2 && negatives != 1};
}

void warn_of_guessed_positive(const std::vector<std::string>& class_names, const std::string& wanted,
                              Console& console) {
  const PositiveClass positive = find_positive_class(class_names, wanted);
  if (!positive.guessed) return;
  console.warn(warning_id::positive_class_guessed,
               fmt::format("the positive class is a guess: {}, not {}; --positive NAME settles it",
                           text::one_line(class_names[positive.index]),
                           text::one_line(class_names[1 - positive.index])));
}

}  // namespace xr::apps
