// When progress is worth a line, where no bar can be shown.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace xr::apps {

class ProgressLines {
 public:
  static constexpr double default_seconds = 10;

  /// At most one line in so many seconds.
  explicit ProgressLines(double seconds = default_seconds) : seconds_(seconds) {}

  /// The line to show at this time (in seconds of any clock), if one is due: nothing of what is done within
  /// `seconds`; else at most 20 lines of one task, the last when it is done. Another label, or less done than
  /// before, is another task. A total of 0 is not known.
  [[nodiscard]] std::optional<std::string> line(const std::string& label, std::size_t done, std::size_t total,
                                                const std::string& note, double now);

 private:
  static constexpr std::size_t max_lines = 20;

  double seconds_, shown_at_ = 0;
  std::string label_;
  std::size_t done_ = 0, shown_done_ = 0;
  bool begun_ = false, shown_ = false;
};

/// "12000/100000", or "12000" if the total is not known.
[[nodiscard]] std::string count_text(std::size_t done, std::size_t total);

}  // namespace xr::apps
