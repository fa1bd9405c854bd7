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

SmallPicture mirrored_picture(const SmallPicture& picture) {
  SmallPicture result = picture;
  for (auto row = result.begin(); row != result.end(); row += side) std::reverse(row, row + side);
  return result;
}

SmallPicture turned_picture(const SmallPicture& picture) {
  SmallPicture result;
  for (std::size_t y = 0; y < side; ++y)
    for (std::size_t x = 0; x < side; ++x) result[y * side + x] = picture[(side - 1 - x) * side + y];
  return result;
}

/// Whether the picture is as like `common` when it is turned or mirrored as its negative ever is: it may lie on its side
/// or its head, with its black black.
bool lies_turned(const SmallPicture& picture, const SmallPicture& common) {
  double most = -1, least = 1;
  for (SmallPicture turned : {picture, mirrored_picture(picture)})
    for (int quarter = 0; quarter < 4; ++quarter) {
      const double correlation = product_of(turned, common);
      most = std::max(most, correlation);
      least = std::min(least, correlation);
      turned = turned_picture(turned);
    }
  constexpr double margin = 0.1;  // what is nearly alike both ways is no evidence
  return most >= -least - margin;
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
  const bool few_against = against.size() <= with.size();
  if (!few_against)
    for (double& value : common) value = -value;
  result.inverted = few_against ? std::move(against) : std::move(with);
  std::erase_if(result.inverted, [&](std::size_t i) { return lies_turned(pictures[i], common); });
  return result;
}

}  // namespace xr::audit
