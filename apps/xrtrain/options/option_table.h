// The table of the options of `train`: one place for names, ranges and help, used by the command line, the
// configuration file and --resume.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "apps/command_line/command_line.h"
#include "apps/xrtrain/options/options.h"

namespace xr::apps {

struct Range {
  double min = 0.0, max = 0.0;
  bool above_min = false, below_max = false;  ///< the bound itself is excluded

  [[nodiscard]] bool contains(double value) const;  ///< false for NaN
  [[nodiscard]] std::string text() const;           ///< "0 or more and less than 1"
};

/// May a value be another when a run is resumed?
enum class OnResume { same, free };
/// Where else than on the command line an option is found.
enum class InFile { no, read, kept };  ///< kept: also written into a run's config.toml

/// A member of an enum type, by the place of its value among the option's choices.
struct ChoiceMember {
  std::function<std::size_t(const TrainOptions&)> place;
  std::function<void(TrainOptions&, std::size_t)> set;
};

struct OptionSpec {
  using Member = std::variant<std::string TrainOptions::*, std::int64_t TrainOptions::*,
                              double TrainOptions::*, bool TrainOptions::*, ChoiceMember>;
  std::string name;  ///< "batch-size"
  std::string group, help;
  Member member;
  Range range = {};                       ///< of numbers
  std::vector<std::string> choices = {};  ///< all that is allowed; empty: any
  InFile in_file = InFile::kept;
  OnResume on_resume = OnResume::same;
  std::string value = {};  ///< in help: "FILE"; empty: by the type
};

[[nodiscard]] const std::vector<OptionSpec>& option_table();
/// The option of that name, or nullptr.
[[nodiscard]] const OptionSpec* find_option(std::string_view name);

/// Sets an option from a text. `where` starts the message: "--lr" or "config.toml line 3: lr". Throws
/// UsageError that names the option, the value and what is allowed.
void set_from_text(TrainOptions& options, const OptionSpec& spec, const std::string& text,
                   const std::string& where);
/// Sets a value of the member's type (double for a number, int64, bool, string; of a choice its name), checked in the same way.
using OptionValue = std::variant<std::string, std::int64_t, double, bool>;
void set_value(TrainOptions& options, const OptionSpec& spec, const OptionValue& value,
               const std::string& where);
[[nodiscard]] OptionValue get_value(const TrainOptions& options, const OptionSpec& spec);
/// The value of the option of that name, as a user writes it: "adamw".
[[nodiscard]] std::string option_text(const TrainOptions& options, std::string_view name);
/// As a text for messages: "0.001", "yes".
[[nodiscard]] std::string value_text(const OptionValue& value);

/// What the command line gave, in its own words; applied later, over presets and files.
using GivenOptions = std::map<std::string, std::string>;

/// --config, of every command that takes them.
inline constexpr const char* config_help =
    "TOML file with any of these options; command-line options take precedence";

/// What another command says of the options of `train`.
struct TrainOptionChanges {
  std::vector<std::string> hidden = {};          ///< accepted or refused as they are, and not in help
  std::map<std::string, std::string> help = {};  ///< in place of the table's
};

/// Adds all options to a subcommand; those that are used end up in `given` when the command line is parsed.
void add_train_options(command_line::Command app, GivenOptions& given,
                       const TrainOptionChanges& changes = {});

/// preset < configuration file < command line. Throws UsageError.
[[nodiscard]] TrainOptions resolve_options(const GivenOptions& given, const std::string& config_file);

/// What --resume may change: what each option says, or (for parts of a cross-validation) nothing that a
/// config.toml holds.
enum class ResumeRule { by_option, same };

/// For --resume: the run's own options with what the command line and the file change. Throws UsageError that
/// names what may not be changed.
[[nodiscard]] TrainOptions resolve_resumed_options(const TrainOptions& of_run, const GivenOptions& given,
                                                   const std::string& config_file,
                                                   ResumeRule rule = ResumeRule::by_option);

}  // namespace xr::apps
