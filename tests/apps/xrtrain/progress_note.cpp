#include "apps/xrtrain/training/progress_note.h"

#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

TEST_CASE("the progress of a training has its speed and the time that is left") {
  // 10 steps of 8 images in 4 s; 20 steps in 10 s, so 60 more take 30 s.
  CHECK(progress_note(0.62224, {10, 4.0}, {20, 10.0}, 60, 8, true) ==
        "loss 0.6222, 20 images/s, 0m 30s left");
  CHECK(progress_note(0.5, {1, 4.0}, {1, 4.0}, 100, 2, true) == "loss 0.5000, 0.5 images/s, 6m 40s left");
  CHECK(progress_note(0.5, {10, 0.9}, {10, 0.9}, 100, 8, true) == "loss 0.5000");
  CHECK(progress_note(0.5, {0, 2.0}, {0, 2.0}, 100, 8, true) == "loss 0.5000");
  CHECK(progress_note(0.5, {10, 4.0}, {20, 10.0}, 60, 8, false) == "loss 0.5000");
}

}  // namespace xr::apps::test
