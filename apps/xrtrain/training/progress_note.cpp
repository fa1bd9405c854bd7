#include "apps/xrtrain/training/progress_note.h"

#include <fmt/format.h>

#include "apps/text/text.h"

namespace xr::apps {

std::string progress_note(double loss, const StepsDone& epoch, const StepsDone& training,
                          std::int64_t steps_left, std::int64_t batch_size, bool times) {
  std::string note = fmt::format("loss {:.4f}", loss);
  if (!times || epoch.seconds < 1 || epoch.steps < 1 || training.steps < 1) return note;
  const double images_per_second = static_cast<double>(epoch.steps * batch_size) / epoch.seconds;
  const double seconds_left =
      training.seconds / static_cast<double>(training.steps) * static_cast<double>(steps_left);
  note += images_per_second < 10 ? fmt::format(", {:.1f} images/s", images_per_second)
                                 : fmt::format(", {:.0f} images/s", images_per_second);
  return note + fmt::format(", {} left", text::duration_text(seconds_left));
}

}  // namespace xr::apps
