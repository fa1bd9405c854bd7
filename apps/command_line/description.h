// What help, the command reference, man pages and shell completion are made of: the commands of a program and their
// options, in words.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace xr::command_line {

struct OptionDescription {
  std::string name;          ///< "--cache"; "RUN" for an argument that is told by its place
  bool negatable = false;    ///< --no-cache is there as well
  std::string value;         ///< "FILE"; empty for a flag
  std::string allowed;       ///< "1 to 64", "adam, adamw, sgd"; empty: anything
  std::string default_text;  ///< empty: none
  std::string help, group;
  bool required = false, repeated = false, hidden = false;
  std::vector<std::string> choices = {};  ///< of a value, for shell completion

  [[nodiscard]] bool is_argument() const { return !name.starts_with('-'); }
  /// "--[no-]cache", "--epochs N", "IMAGE..."
  [[nodiscard]] std::string usage() const;
  /// "[1 to 64; default: 8]", or empty.
  [[nodiscard]] std::string limits() const;
};

struct Example {
  std::string purpose, command;
};

struct CommandDescription {
  std::string name;  ///< "train"; of the program "xrtrain"
  std::string help;
  std::string note;  ///< a paragraph below the options; may be empty
  std::deque<OptionDescription> options = {};
  std::vector<Example> examples = {};
  std::vector<std::unique_ptr<CommandDescription>> commands = {};

  /// The group names in the order of their first option, "Options" for none; without arguments and hidden options.
  [[nodiscard]] std::vector<std::string> groups() const;
  /// The options of a group, or with "Arguments" the arguments.
  [[nodiscard]] std::vector<const OptionDescription*> options_of(const std::string& group) const;
  /// "xrtrain eval [OPTIONS] RUN..."; `program`: what stands before the name, "" for the program.
  [[nodiscard]] std::string usage(const std::string& program) const;
};

inline constexpr const char* arguments_group = "Arguments";
inline constexpr const char* default_group = "Options";

}  // namespace xr::command_line
