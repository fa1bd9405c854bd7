#include "apps/audit/polarity.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace xr::audit {

namespace {

constexpr int side = 16, block = data::thumbnail_side / side;
constexpr int max_rounds = 50;
using SmallPicture = std::array<double, std::size_t{side} * side>;

double product_of(const SmallPicture& a, const SmallPicture& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// Mean 0 and length 1; zeros if the length is below `min_length`.
SmallPicture normalised(const SmallPicture& picture, double min_length) {
  SmallPicture result = picture;
  const double mean = std::accumulate(result.begin(), result.end(), 0.0) / static_cast<double>(result.size());
  for (double& value : result) value -= mean;
  const double length = std::sqrt(product_of(result, result));
  for (double& value : result) value = length <= min_length ? 0.0 : value / length;
  return result;
}

SmallPicture small_picture(const data::Thumbnail& thumbnail) {
  SmallPicture result{};
  for (std::size_t i = 0; i < thumbnail.size(); ++i) {
    const std::size_t y = i / data::thumbnail_side / block, x = i % data::thumbnail_side / block;
    result[y * side + x] += thumbnail[i];
  }
  constexpr double min_contrast = 1.0;  // grey levels times pixels
  return normalised(result, min_contrast);
}

}  // namespace

Polarity find_inverted(std::span<const data::Thumbnail* const> images) {
  Polarity result;
  if (images.size() < min_polarity_images) {
    result.why_not = fmt::format("fewer than {} images", min_polarity_images);
    return result;
  }
  std::vector<SmallPicture> pictures;
  pictures.reserve(images.size());
  for (const data::Thumbnail* image : images) pictures.push_back(small_picture(*image));
  const auto first = std::ranges::find_if(
      pictures, [](const SmallPicture& picture) { return product_of(picture, picture) > 0.5; });
  if (first == pictures.end()) {
    result.why_not = "the images have no contrast";
    return result;
  }
  SmallPicture common = *first;
  for (int round = 0; round < max_rounds; ++round) {
    SmallPicture sum{};
    for (const SmallPicture& picture : pictures) {
      const double weight = product_of(picture, common);
      for (std::size_t p = 0; p < sum.size(); ++p) sum[p] += weight * picture[p];
    }
    const SmallPicture next = normalised(sum, 0.0);
    const double same = product_of(next, common);
    common = next;
    if (same > 1.0 - 1e-12) break;
  }
  std::vector<std::size_t> with, against;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const double correlation = product_of(pictures[i], common);
    if (correlation >= min_polarity) with.push_back(i);
    if (correlation <= -min_polarity) against.push_back(i);
  }
  if (2 * (with.size() + against.size()) < pictures.size()) {
    result.why_not = "the images have too little in common";
    return result;
  }
  result.inverted = against.size() <= with.size() ? std::move(against) : std::move(with);
  return result;
}

}  // namespace xr::audit
