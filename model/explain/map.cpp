#include "model/explain/map.h"

#include <algorithm>
#include <cmath>

#include "kernels/common/error.h"

namespace xr::model::explain {

namespace {

/// The two neighbours of a sample and the share of the second.
struct Neighbours {
  int first, second;
  float share;
};

Neighbours neighbours(int target, int target_size, int source_size) {
  const float scale = static_cast<float>(source_size) / static_cast<float>(target_size);
  const float position = std::clamp((static_cast<float>(target) + 0.5f) * scale - 0.5f, 0.0f,
                                    static_cast<float>(source_size - 1));
  const int first = static_cast<int>(position);
  return {first, std::min(first + 1, source_size - 1), position - static_cast<float>(first)};
}

}  // namespace

Map upsample(const Map& map, int height, int width) {
  XR_CHECK(map.height > 0 && map.width > 0 && height > 0 && width > 0,
           "cannot resize a map of {} x {} to {} x {}", map.height, map.width, height, width);
  Map result{height, width, {}};
  result.values.reserve(static_cast<std::size_t>(height) * width);
  for (int y = 0; y < height; ++y) {
    const Neighbours row = neighbours(y, height, map.height);
    for (int x = 0; x < width; ++x) {
      const Neighbours column = neighbours(x, width, map.width);
      const auto across = [&](int source_row) {
        return std::lerp(map.at(source_row, column.first), map.at(source_row, column.second), column.share);
      };
      result.values.push_back(std::lerp(across(row.first), across(row.second), row.share));
    }
  }
  return result;
}

Map normalized(const Map& map) {
  Map result = map;
  float largest = 0.0f;
  for (const float value : map.values) largest = std::max(largest, value);
  for (float& value : result.values) value = largest > 0.0f ? std::max(0.0f, value) / largest : 0.0f;
  return result;
}

std::optional<double> central_share(const Map& map) {
  double inside = 0.0, all = 0.0;
  const auto central = [](int position, int size) {
    const double fraction = (position + 0.5) / size;
    return fraction >= border && fraction <= 1.0 - border;
  };
  for (int y = 0; y < map.height; ++y) {
    for (int x = 0; x < map.width; ++x) {
      const double mass = std::max(0.0f, map.at(y, x));
      all += mass;
      if (central(y, map.height) && central(x, map.width)) inside += mass;
    }
  }
  if (!(all > 0.0) || !std::isfinite(all)) return std::nullopt;
  return inside / all;
}

std::optional<double> correlation(const Map& a, const Map& b) {
  XR_CHECK(a.height == b.height && a.width == b.width, "maps of {} x {} and {} x {} cannot be compared",
           a.height, a.width, b.height, b.width);
  const auto count = static_cast<double>(a.values.size());
  double mean_a = 0.0, mean_b = 0.0;
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    mean_a += a.values[i] / count;
    mean_b += b.values[i] / count;
  }
  double ab = 0.0, aa = 0.0, bb = 0.0;
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    const double da = a.values[i] - mean_a, db = b.values[i] - mean_b;
    ab += da * db;
    aa += da * da;
    bb += db * db;
  }
  const double scale = std::sqrt(aa) * std::sqrt(bb);
  if (!(scale > 1e-12 * count) || !std::isfinite(scale)) return std::nullopt;
  return std::clamp(ab / scale, -1.0, 1.0);
}

}  // namespace xr::model::explain
