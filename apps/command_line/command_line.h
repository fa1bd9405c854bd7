// The command line of a program: subcommands, options and flags, bound to variables. The library behind it is known to
// command_line.cpp alone, because its header takes seconds to compile.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "apps/command_line/description.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the name of the library
class App;
class Option;
}  // namespace CLI

namespace xr::command_line {

/// The values of an option, most often of an enum, and what users call them.
template <class Value>
using Names = std::vector<std::pair<std::string, Value>>;

template <class Value>
[[nodiscard]] std::vector<std::string> names_of(const Names<Value>& values) {
  std::vector<std::string> names;
  for (const auto& [name, value] : values) names.push_back(name);
  return names;
}

template <class Value>
[[nodiscard]] std::string name_of(const Value& wanted, const Names<Value>& values) {
  for (const auto& [name, value] : values)
    if (value == wanted) return name;
  throw std::out_of_range("a value without a name");
}

/// The value of that name, which must be one of them.
template <class Value>
[[nodiscard]] Value value_named(const std::string& wanted, const Names<Value>& values) {
  for (const auto& [name, value] : values)
    if (name == wanted) return value;
  throw std::out_of_range(wanted);
}

/// An option or flag of a command: a handle, valid as long as its Program.
class Option {
 public:
  Option(CLI::Option* option, OptionDescription* description) : option_(option), description_(description) {}

  Option required();
  Option show_default();  ///< in help: the variable's value when this is called
  Option show_default(const std::string& text);
  Option group(const std::string& heading);   ///< of help
  Option type_name(const std::string& text);  ///< in help: "FILE"
  Option allowed(const std::string& text);    ///< in help: "1 to 64", where no check below says so
  Option hidden();                            ///< accepted, and not in help
  Option take_last();                         ///< given more than once, the last counts
  Option excludes(Option other);
  Option delimiter(char between);  ///< of several values in one argument
  /// Of int or double, both bounds included.
  template <class Number>
  Option range(Number min, Number max);
  Option not_negative();
  Option one_of(const std::vector<std::string>& values);

  /// Whether the parsed command line has it.
  [[nodiscard]] bool given() const;

 private:
  CLI::Option* option_;
  OptionDescription* description_;
};

/// A program or one of its subcommands: a handle, valid as long as its Program. Variables must outlive the parsing.
class Command {
 public:
  Command(CLI::App* app, CommandDescription* description) : app_(app), description_(description) {}

  Command subcommand(const std::string& name, const std::string& help);

  /// "--name", or "name" for an argument that is told by its place. For std::string, int, std::int64_t, std::uint64_t,
  /// float, double, std::optional<double>, and vectors of std::int64_t and std::string.
  template <class Value>
  Option option(const std::string& name, Value& value, const std::string& help);
  /// Calls `take` with the text of the option.
  Option text_option(const std::string& name, const std::function<void(const std::string&)>& take,
                     const std::string& help);
  /// One of some values; help shows the present one as default, unless it is none of them.
  template <class Value>
  Option choice(const std::string& name, Value& value, const Names<Value>& names, const std::string& help) {
    const auto take = [&value, names](const std::string& text) { value = value_named(text, names); };
    const auto present = std::ranges::find(names, value, &std::pair<std::string, Value>::second);
    return text_option(name, take, help)
        .one_of(names_of(names))
        .show_default(present == names.end() ? std::string() : present->first);
  }
  /// "--name", or "--name,!--no-name".
  Option flag(const std::string& names, bool& value, const std::string& help);
  /// Calls `take` where the flag is given.
  Option flag(const std::string& name, std::function<void()> take, const std::string& help);
  /// "--name" and "--no-name", which exclude each other: one entry of the help.
  Option flag_pair(const std::string& name, bool value, const std::function<void(bool)>& take,
                   const std::string& help);

  /// A line at the end of the help: "# on a folder of images", "xrtrain train --data ...".
  void example(const std::string& purpose, const std::string& command);
  /// A paragraph below the options of the help.
  void note(const std::string& text);

  /// What happens when this command was chosen and its options are parsed.
  void when_chosen(std::function<void()> action);
  [[nodiscard]] bool chosen() const;

 private:
  OptionDescription& describe(const std::string& name, const std::string& help);
  /// A second option of a name and text that stand in another's entry of the help.
  CLI::Option* add_flag(const std::string& name, std::function<void()> take, const std::string& help);

  CLI::App* app_;
  CommandDescription* description_;
};

/// What became of a command line.
struct Parsed {
  enum class Outcome {
    accepted,
    text_wanted,       ///< --help or --version
    unknown_argument,  ///< one or more
    invalid
  };
  Outcome outcome = Outcome::accepted;
  std::string text;                  ///< to print: help or version, each with its last newline
  std::string message;               ///< what is wrong, without a newline
  std::vector<std::string> unknown;  ///< arguments
  std::vector<std::string> known;    ///< options and subcommands that could stand in their place
  std::string command;               ///< "xrtrain eval": whose help says more
};

class Program {
 public:
  Program(const std::string& description, const std::string& name);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  [[nodiscard]] Command command() const { return {app_.get(), description_.get()}; }
  /// --version; `text` is called where it is given.
  void version(const std::function<std::string()>& text, const std::string& help = "Print the version");
  void subcommands(std::size_t min, std::size_t max);
  /// All commands and their options, as they are now.
  [[nodiscard]] const CommandDescription& description() const { return *description_; }

  [[nodiscard]] Parsed parse(int argc, const char* const* argv);

 private:
  [[nodiscard]] std::string help_of(const CLI::App& chosen, bool brief) const;

  std::unique_ptr<CLI::App> app_;
  std::unique_ptr<CommandDescription> description_;
};

/// The library and its version: "CLI11 2.1.2".
[[nodiscard]] std::string library_version();

}  // namespace xr::command_line
