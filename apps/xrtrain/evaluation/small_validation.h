// Whether the validation images are enough to choose checkpoint and thresholds by.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "apps/statistics/interval.h"
#include "apps/xrtrain/console.h"
#include "data/dataset/image_set.h"

namespace xr::apps {

/// With fewer images of any class, or in all, a choice by them is mostly chance.
inline constexpr std::int64_t min_validation_of_class = 10, min_validation_images = 30;

struct ValidationSize {
  std::vector<std::int64_t> of_class;
  std::int64_t images = 0, right = 0;  ///< nine tenths of them right
  statistics::Interval interval;       ///< of that accuracy

  [[nodiscard]] bool is_small() const;
};
[[nodiscard]] ValidationSize validation_size(std::span<const std::int64_t> labels, std::size_t classes);

/// A warning if there are few; nothing without validation images.
void warn_of_small_validation(const data::ImageSet& images, const data::Dataset& dataset, Console& console);

}  // namespace xr::apps
