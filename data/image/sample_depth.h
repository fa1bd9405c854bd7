// Images of more than 8 bits a sample often use only 10, 12 or 14 of 16 bits. By how many bits they are scaled
// is decided for a whole set, so that equal samples become equal grey levels in every image of it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace xr::data {

/// The least of 8, 10, 12, 14 and 16 bits that hold this sample.
[[nodiscard]] int depth_of(std::uint32_t greatest_sample);

/// The depths that occur in a set of images, ascending: usually one.
class SampleDepths {
 public:
  SampleDepths() = default;
  /// Throws xr::Error unless the text is depths with commas between, as text() writes them, or empty.
  explicit SampleDepths(std::string_view text);

  /// The depths of a set, given depth_of each image (0: an image of 8 bits, not counted). A depth that only a
  /// few images have (below 5 %) is dropped in favour of a greater one: these are dark images.
  static SampleDepths of_set(std::span<const int> depths_of_images);

  /// The depth to scale an image of the depth `own` by: the least of the set that holds it; `own` if none does.
  [[nodiscard]] int scale_for(int own) const;
  [[nodiscard]] bool contains(int depth) const { return (mask_ >> depth & 1u) != 0; }
  [[nodiscard]] bool empty() const { return mask_ == 0; }
  [[nodiscard]] std::string text() const;  ///< "12", "12,16"
  bool operator==(const SampleDepths&) const = default;

 private:
  std::uint32_t mask_ = 0;  ///< bit d: depth d
};

}  // namespace xr::data
