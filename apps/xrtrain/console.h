// What the program says: lines for people, or JSON for programs; and the run's log.
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "apps/xrtrain/options/log_level.h"

namespace xr::apps {

struct ConsoleSettings {
  bool quiet = false;  ///< warnings only
  bool json = false;   ///< events instead of lines
  LogLevel level = LogLevel::info;
};

/// Usable from several threads. Lines go to standard output and to the log, warnings to standard error and to
/// the log, progress bars to a terminal only.
class Console {
 public:
  explicit Console(const ConsoleSettings& settings);
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  void line(const std::string& text) { say(LogLevel::info, text); }
  void debug(const std::string& text) { say(LogLevel::debug, text); }
  /// `id` is a stable name: of warning_id.h, or of a finding. With --json also an event.
  void warn(const char* id, const std::string& text);
  /// Shown with --json only: {"event": kind, ...fields} on a line.
  void event(const char* kind, const nlohmann::json& fields);
  /// The same for fields that are a text already, a JSON object.
  void event_text(const char* kind, const std::string& fields);
  /// A bar that the next line or progress replaces.
  void progress(const std::string& label, std::size_t done, std::size_t total, const std::string& note = {});

  /// From now on all lines, and those said before, are added to this file with the time of day. Throws Error.
  void open_log(const std::filesystem::path& path);

 private:
  void say(LogLevel level, const std::string& text);
  void log(const std::string& text);
  void clear_progress();

  ConsoleSettings settings_;
  bool terminal_ = false, progress_shown_ = false;
  double last_progress_ = 0.0;
  int log_ = -1;
  std::filesystem::path log_path_;
  std::vector<std::string> before_log_;
  std::mutex mutex_;
};

/// JSON on one line; bytes that are no UTF-8 are replaced.
[[nodiscard]] std::string json_text(const nlohmann::json& value);

/// Seconds of a clock that never goes back.
[[nodiscard]] double now_seconds();

/// Writes to standard output; throws Error if it cannot (a full disk, a closed pipe).
void print(const std::string& text);

}  // namespace xr::apps
