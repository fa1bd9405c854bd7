// What the progress line of a training says beside its bar.
#pragma once

#include <cstdint>
#include <string>

namespace xr::apps {

/// Steps since a training began or was resumed.
struct StepsDone {
  std::int64_t steps = 0;
  double seconds = 0;  ///< with validation and checkpoints between epochs
};

/// "loss 0.6222, 46 images/s, 3m 20s left": speed of this epoch's steps, and the time that all steps to the end of the
/// training take at the pace since its begin. Speed and time are left out in the first second, and where `times` is
/// false: those of a simulated device mean nothing.
[[nodiscard]] std::string progress_note(double loss, const StepsDone& epoch, const StepsDone& training,
                                        std::int64_t steps_left, std::int64_t batch_size, bool times);

}  // namespace xr::apps
