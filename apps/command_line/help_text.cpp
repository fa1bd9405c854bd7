#include "apps/command_line/help_text.h"

#include <algorithm>
#include <sstream>

namespace xr::command_line {

namespace {

constexpr std::size_t page_width = 100, widest_name = 28, gap = 2;

struct Row {
  std::string name, text;
};

struct Group {
  std::string heading;
  std::vector<Row> rows;
};

/// Where the second column begins; a name that is too long for the first has a line of its own.
std::size_t second_column(const std::vector<Group>& groups) {
  std::size_t widest = 0;
  for (const Group& group : groups)
    for (const Row& row : group.rows)
      if (row.name.size() <= widest_name) widest = std::max(widest, row.name.size());
  return widest + 2 * gap;
}

std::string group_text(const Group& group, std::size_t column) {
  std::string text = "\n" + group.heading + ":\n";
  for (const Row& row : group.rows) {
    std::string line = std::string(gap, ' ') + row.name;
    if (line.size() + gap > column) line += "\n" + std::string(column, ' ');
    if (line.size() < column) line.resize(column, ' ');
    text += line + wrap(row.text, page_width - column, column) + "\n";
  }
  return text;
}

Row row_of(const OptionDescription& option) {
  const std::string limits = option.limits();
  return {option.usage(), option.help + (limits.empty() ? "" : " " + limits)};
}

/// The first of these that fits: everything, the first clause with all limits, the first clause with the default, and as
/// many words of it as there is room for.
std::string brief_text(const OptionDescription& option, std::size_t width) {
  OptionDescription less = option;
  const auto text = [&] { return row_of(less).text; };
  if (text().size() <= width) return text();
  less.help = less.help.substr(0, std::min(less.help.find("; "), less.help.find(". ")));
  if (text().size() <= width) return text();
  less.allowed.clear();
  std::string words = less.help;
  while (text().size() > width && words.find(' ') != std::string::npos) {
    words.resize(words.find_last_of(' '));
    less.help = words + " ...";
  }
  return text();
}

void shorten(std::vector<Group>& groups, const CommandDescription& command, std::size_t width) {
  for (const OptionDescription& option : command.options)
    for (Group& group : groups)
      for (Row& row : group.rows)
        if (row.name == option.usage()) row.text = brief_text(option, width);
}

}  // namespace

std::string wrap(const std::string& text, std::size_t width, std::size_t indent) {
  std::istringstream words(text);
  std::string result, line;
  for (std::string word; words >> word;) {
    if (!line.empty() && line.size() + 1 + word.size() > width) {
      result += line + "\n" + std::string(indent, ' ');
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return result + line;
}

std::string help_text(const CommandDescription& command, const std::string& program, bool brief) {
  std::vector<Group> groups;
  if (!command.commands.empty()) {
    groups.push_back({"Commands", {}});
    for (const auto& one : command.commands) groups.back().rows.push_back({one->name, one->help});
  }
  std::vector<std::string> headings = command.groups();
  if (!command.options_of(arguments_group).empty()) headings.insert(headings.begin(), arguments_group);
  if (std::ranges::find(headings, default_group) == headings.end()) headings.emplace_back(default_group);
  for (const std::string& heading : headings) {
    groups.push_back({heading, {}});
    for (const OptionDescription* option : command.options_of(heading))
      groups.back().rows.push_back(row_of(*option));
    if (heading == default_group)
      groups.back().rows.push_back({"-h, --help", "Print help; -h: one line an option"});
  }
  std::string text = wrap(command.help, page_width, 0) + "\n\nUsage: " + command.usage(program) + "\n";
  const std::size_t column = second_column(groups);
  if (brief) shorten(groups, command, page_width - column);
  for (const Group& group : groups) text += group_text(group, column);
  if (!command.note.empty()) text += "\n" + wrap(command.note, page_width, 0) + "\n";
  if (!command.examples.empty()) text += "\nExamples:\n";
  for (const Example& example : command.examples)
    text += "  # " + example.purpose + "\n  " + example.command + "\n";
  return text;
}

}  // namespace xr::command_line
