#include "apps/xrtrain/progress_lines.h"

#include <fmt/format.h>

namespace xr::apps {

std::string count_text(std::size_t done, std::size_t total) {
  return total == 0 ? std::to_string(done) : fmt::format("{}/{}", done, total);
}

std::optional<std::string> ProgressLines::line(const std::string& label, std::size_t done, std::size_t total,
                                               const std::string& note, double now) {
  if (!begun_ || label != label_ || done < done_) {
    begun_ = true;
    label_ = label;
    shown_ = false;
    shown_at_ = now;
    shown_done_ = 0;
  }
  done_ = done;
  const bool finished = total > 0 && done >= total;
  const bool due = now - shown_at_ >= seconds_ && (total == 0 || (done - shown_done_) * max_lines >= total);
  if (!(finished ? shown_ && done > shown_done_ : due)) return std::nullopt;
  shown_ = true;
  shown_at_ = now;
  shown_done_ = done;
  std::string text = fmt::format("{}: {}", label, count_text(done, total));
  if (total > 0) text += fmt::format(" ({}%)", done * 100 / total);
  if (!note.empty()) text += ", " + note;
  return text;
}

}  // namespace xr::apps
