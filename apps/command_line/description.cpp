#include "apps/command_line/description.h"

#include <algorithm>

namespace xr::command_line {

std::string OptionDescription::usage() const {
  std::string text = name;
  if (negatable) text = "--[no-]" + name.substr(2);
  if (!is_argument() && !value.empty()) text += " " + value;
  if (is_argument() && !value.empty()) text = value;
  return text + (repeated ? "..." : "");
}

std::string OptionDescription::limits() const {
  std::string text;
  const auto add = [&](const std::string& part) {
    if (!part.empty()) text += (text.empty() ? "" : "; ") + part;
  };
  add(allowed);
  if (!default_text.empty()) add("default: " + default_text);
  if (required && !is_argument()) add("required");
  return text.empty() ? text : "[" + text + "]";
}

std::vector<std::string> CommandDescription::groups() const {
  std::vector<std::string> names;
  for (const OptionDescription& option : options)
    if (!option.is_argument() && !option.hidden && std::ranges::find(names, option.group) == names.end())
      names.push_back(option.group);
  return names;
}

std::vector<const OptionDescription*> CommandDescription::options_of(const std::string& group) const {
  std::vector<const OptionDescription*> found;
  for (const OptionDescription& option : options)
    if (!option.hidden && (option.is_argument() ? group == arguments_group : option.group == group))
      found.push_back(&option);
  return found;
}

std::string CommandDescription::usage(const std::string& program) const {
  std::string text = (program.empty() ? "" : program + " ") + name;
  if (!commands.empty()) return text + " COMMAND [OPTIONS]";
  text += " [OPTIONS]";
  for (const OptionDescription* argument : options_of(arguments_group))
    text += argument->required ? " " + argument->usage() : " [" + argument->usage() + "]";
  return text;
}

}  // namespace xr::command_line
