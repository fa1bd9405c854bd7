// Options in a TOML file.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "apps/xrtrain/options/option_table.h"

namespace xr::apps {

/// An option in a file, and where it is: "config.toml line 3".
struct FileOption {
  const OptionSpec* spec = nullptr;
  OptionValue value;
  std::string where;
};

/// Parses the text of a configuration file; `name` is for messages. Keys are the options' names, with - or _.
/// Throws UsageError that names key and line for a syntax error, an unknown key, a wrong type or a value out
/// of range.
[[nodiscard]] std::vector<FileOption> parse_config(std::string_view text, const std::string& name);
/// Reads and parses a file.
[[nodiscard]] std::vector<FileOption> read_config(const std::filesystem::path& path);

/// The text of a run's config.toml: all that a run with the same results needs.
[[nodiscard]] std::string config_text(const TrainOptions& options);

/// Every option that a file may hold, for another rank, and the options of such a text.
[[nodiscard]] std::string options_text(const TrainOptions& options);
[[nodiscard]] TrainOptions options_of_text(const std::string& text);

}  // namespace xr::apps
