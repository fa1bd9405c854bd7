// The program's output: lines for people, or JSON for programs; and the run's log.
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "apps/xrtrain/colour.h"
#include "apps/xrtrain/options/log_level.h"
#include "apps/xrtrain/progress_lines.h"

namespace xr::apps {

struct ConsoleSettings {
  bool quiet = false;  ///< warnings only
  bool json = false;   ///< events instead of lines
  LogLevel level = LogLevel::info;
  bool verbose = false;                                      ///< details as well
  double progress_seconds = ProgressLines::default_seconds;  ///< between two lines of progress
  bool silent = false;                                       ///< nothing at all: another rank speaks
};

/// A word in square brackets before a line, coloured on a terminal.
struct Mark {
  std::string text;
  Colour colour = Colour::green;
};

/// Usable from several threads. Lines go to standard output and to the log, warnings to standard error and to
/// the log, progress as a bar to a terminal and as lines elsewhere (with neither `quiet` nor `json`).
class Console {
 public:
  explicit Console(const ConsoleSettings& settings);
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  void line(const std::string& text, const Mark& mark = {}) { print_line(LogLevel::info, text, true, mark); }
  /// Shown with `verbose` or at level debug only; always in the log.
  void detail(const std::string& text) {
    print_line(LogLevel::info, text, settings_.verbose || settings_.level == LogLevel::debug);
  }
  void debug(const std::string& text) { print_line(LogLevel::debug, text, true); }
  /// `id` is a stable name: of warning_id.h, or of a finding. With --json also an event. The same text is not repeated.
  void warn(const char* id, const std::string& text, bool serious = false);
  /// Shown with --json only: {"event": kind, ...fields} on a line.
  void event(const char* kind, const nlohmann::json& fields);
  /// The same for fields that are a text already, a JSON object.
  void event_text(const char* kind, const std::string& fields);
  /// A bar that the next line or progress replaces; elsewhere a line, if one is due (ProgressLines). A total of
  /// 0 is not known.
  void progress(const std::string& label, std::size_t done, std::size_t total, const std::string& note = {});

  /// "2 warnings, 1 of them serious (duplicates)" so far; empty if there was none.
  [[nodiscard]] std::string warnings_text();

  /// From now on all lines, and earlier ones, are added to this file with the time of day. Throws Error.
  void open_log(const std::filesystem::path& path);

 private:
  void print_line(LogLevel level, const std::string& text, bool shown, const Mark& mark = {});
  void log(const std::string& text);
  void clear_progress();

  ConsoleSettings settings_;
  bool terminal_ = false, progress_shown_ = false;
  double last_progress_ = 0.0;
  ProgressLines lines_;
  int log_ = -1;
  std::filesystem::path log_path_;
  std::vector<std::string> before_log_;
  std::set<std::pair<std::string, std::string>> warned_;
  std::vector<std::string> serious_;  // ids
  std::mutex mutex_;
};

/// JSON on one line; bytes that are no UTF-8 are replaced.
[[nodiscard]] std::string json_text(const nlohmann::json& value);

/// Seconds of a clock that never goes back.
[[nodiscard]] double now_seconds();

/// A line on standard error, "xrtrain: KIND: text", of a command whose standard output holds data.
void print_aside(const char* kind, const std::string& text);

/// Writes to standard output; throws Error if it cannot (a full disk, a closed pipe).
void print(const std::string& text);

}  // namespace xr::apps
