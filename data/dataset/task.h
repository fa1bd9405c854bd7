// What an image of a data set can be: one of several classes, or any of several labels.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

namespace xr::data {

enum class Task : std::uint8_t {
  multi_class,  ///< Each image is of exactly one class.
  multi_label,  ///< Each image has each label or not, or it is not known: labels are independent.
};

/// Targets of multi_label: 1 the image has the label, 0 it has not, NaN unknown.
constexpr float unknown_target = std::numeric_limits<float>::quiet_NaN();
[[nodiscard]] inline bool is_known(float target) {
  return !std::isnan(target);
}

}  // namespace xr::data
