// The network itself, trained without the middle of the images and without all but the middle.
#pragma once

#include <functional>

#include "apps/audit/check.h"
#include "apps/xrtrain/options/option_table.h"
#include "data/dataset/task.h"

namespace xr::apps {

/// Trains three networks with these options of `train` (whole images, the middle black, all but the middle
/// black) into out/whole, out/middle-black and out/border-black, replacing what is there, and compares their
/// accuracies (with `task` multi_label their mean AUROCs) on the test images, each of the checkpoint chosen on validation images. `tell` is called before
/// each. Throws what run_train throws.
[[nodiscard]] audit::Check train_controls(const GivenOptions& options, data::Task task,
                                          const std::filesystem::path& out,
                                          const std::function<void(const std::string&)>& tell);

}  // namespace xr::apps
