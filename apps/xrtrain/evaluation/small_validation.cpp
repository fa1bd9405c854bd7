#include "apps/xrtrain/evaluation/small_validation.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/text/text.h"
#include "apps/xrtrain/training/dataset.h"
#include "apps/xrtrain/warning_id.h"

namespace xr::apps {

bool ValidationSize::is_small() const {
  return images > 0 &&
         (images < min_validation_images || std::ranges::min(of_class) < min_validation_of_class);
}

ValidationSize validation_size(std::span<const std::int64_t> labels, std::size_t classes) {
  ValidationSize size;
  size.of_class.resize(classes);
  for (const std::int64_t label : labels) ++size.of_class[static_cast<std::size_t>(label)];
  size.images = static_cast<std::int64_t>(labels.size());
  size.right = (9 * size.images + 5) / 10;
  if (size.images > 0) size.interval = statistics::wilson_interval(size.right, size.images);
  return size;
}

void warn_of_small_validation(const data::ImageSet& images, const data::Dataset& dataset, Console& console) {
  const ValidationSize size = validation_size(images.labels, dataset.class_names.size());
  if (!size.is_small()) return;
  const std::string remedy = dataset.validation_split_by_program
                                 ? std::string("use a larger --val-fraction")
                                 : fmt::format("--skip-folders {} has them split off the training images",
                                               text::shell_word("auto," + dataset.validation_folder));
  console.warn(
      warning_id::small_validation,
      fmt::format(
          "only {} validation images ({}) select checkpoint and thresholds: even {}/{} correct would have a 95% "
          "CI of {:.3f}-{:.3f}; {}, or use xrtrain cv",
          size.images, class_counts_text(images, dataset.class_names), size.right, size.images,
          size.interval.low, size.interval.high, remedy));
}

}  // namespace xr::apps
