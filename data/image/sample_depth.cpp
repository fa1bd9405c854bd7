#include "data/image/sample_depth.h"

#include "kernels/common/error.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace xr::data {

namespace {

constexpr std::array known_depths = {8, 10, 12, 14, 16};

}  // namespace

int depth_of(std::uint32_t greatest_sample) {
  for (const int depth : known_depths)
    if (greatest_sample < (1u << depth)) return depth;
  return known_depths.back();
}

SampleDepths::SampleDepths(std::string_view text) {
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    int depth = 0;
    const auto [end, code] = std::from_chars(rest.data(), rest.data() + comma, depth);
    XR_CHECK(code == std::errc() && end == rest.data() + comma &&
                 std::ranges::find(known_depths, depth) != known_depths.end(),
             "'{}' is not a list of sample depths (8, 10, 12, 14, 16)", text);
    mask_ |= 1u << depth;
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
}

SampleDepths SampleDepths::of_set(std::span<const int> depths_of_images) {
  std::array<std::size_t, 17> counts{};
  std::size_t images = 0;
  for (const int depth : depths_of_images)
    if (depth > 0) ++counts.at(static_cast<std::size_t>(depth)), ++images;
  SampleDepths result;
  bool greatest = true;
  for (std::size_t i = known_depths.size(); i-- > 0;) {
    const int depth = known_depths[i];
    const std::size_t count = counts.at(static_cast<std::size_t>(depth));
    if (count == 0 || (!greatest && count * 20 < images)) continue;
    result.mask_ |= 1u << depth;
    greatest = false;
  }
  return result;
}

int SampleDepths::scale_for(int own) const {
  for (const int depth : known_depths)
    if (depth >= own && contains(depth)) return depth;
  return own;
}

std::string SampleDepths::text() const {
  std::string result;
  for (const int depth : known_depths)
    if (contains(depth)) result += fmt::format("{}{}", result.empty() ? "" : ",", depth);
  return result;
}

}  // namespace xr::data
