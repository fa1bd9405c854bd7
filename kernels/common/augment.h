// Augmentation of stored 8-bit images: what is done to one image, and its arithmetic, which every backend
// takes from here. Each step rounds to float or double by itself (no fused multiply-add), so that the same
// record gives the same bits on every device.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "kernels/common/random.h"
#include "kernels/common/types.h"

namespace xr::kernels {

/// What is done to one image of size x size pixels on its way to side x side values: 48 bytes without gaps,
/// four-byte fields in this order, the same on host and device.
struct AugmentRecord {
  std::int32_t x = 0, y = 0, width = 0, height = 0;  ///< the box that is taken, in pixels, within the image
  std::int32_t flip = 0;                             ///< 1: mirrored left to right
  float cosine = 1, sine = 0;                        ///< of the rotation
  float shift_x = 0, shift_y = 0;                    ///< as fractions of the box
  float zoom = 1;                                    ///< above 1 enlarges
  float brightness = 0, contrast = 1;  ///< value = contrast (value - 1/2) + 1/2 + brightness; values are 0..1
};
static_assert(sizeof(AugmentRecord) == 48);

/// Per channel: (value - mean) / deviation.
struct AugmentParams {
  static constexpr int max_channels = 3;
  float mean[max_channels] = {0, 0, 0};
  float deviation[max_channels] = {1, 1, 1};  ///< above 0
};

/// Images of up to 16384 x 16384 pixels, 1 to 3 channels.
constexpr int max_augment_size = 16384;

/// Throws Error unless the views of a call of augment (backend.h) fit together.
void require_augment(const AugmentParams& params, const ConstView& images, const ConstView& indices,
                     const ConstView& records, const ConstView& y);

/// Throws Error unless every index is one of `count` images and every record fits images of size x size: what
/// the device does not check. For host memory.
void require_augment_records(std::span<const std::int64_t> indices, std::span<const AugmentRecord> records,
                             std::int64_t count, int size);

/// Rotated, shifted or zoomed: sampled bilinearly. Else cropped and resized with the triangle filter.
[[nodiscard]] XR_HOST_DEVICE inline bool is_warped(const AugmentRecord& record) {
  return record.sine != 0 || record.cosine != 1 || record.shift_x != 0 || record.shift_y != 0 ||
         record.zoom != 1;
}

/// From a reduction of 3/2 on bilinear sampling skips source pixels visibly: the box is then reduced to side
/// x side bytes first.
[[nodiscard]] XR_HOST_DEVICE inline bool is_reduced_before_warp(int box_side, int side) {
  return 2 * static_cast<std::int64_t>(box_side) > 3 * static_cast<std::int64_t>(side);
}

[[nodiscard]] XR_HOST_DEVICE inline bool is_reduced_before_warp(const AugmentRecord& record, int side) {
  return is_reduced_before_warp(record.width > record.height ? record.width : record.height, side);
}

/// Whether only values change: crop and resize are the identity.
[[nodiscard]] XR_HOST_DEVICE inline bool keeps_pixels(const AugmentRecord& record, int size, int side) {
  return size == side && record.width == size && record.height == size && record.flip == 0 &&
         !is_warped(record);
}

/// `value` if it is within the bounds, `low` if it is NaN.
[[nodiscard]] XR_HOST_DEVICE inline float within(float value, float low, float high) {
  return value > low ? (value < high ? value : high) : low;
}

/// The antialiased triangle filter, weights as in Pillow's and torchvision's bilinear resize: output `o` of a
/// box of source_count pixels scaled to out_size has its centre at (o + 1/2) * scale, scale = source_count /
/// out_size, and takes source pixel s of the box with weight max(0, 1 - |s + 1/2 - centre| / max(scale, 1)),
/// normalised to sum 1.
struct TriangleTaps {
  double centre, filter_scale, sum;
  int begin, end;  ///< of the pixels in the box that it takes

  [[nodiscard]] XR_HOST_DEVICE static double scale(int source_count, int out_size) {
    return static_cast<double>(source_count) / out_size;
  }

  [[nodiscard]] XR_HOST_DEVICE static TriangleTaps at(int output, double scale, int source_count) {
    TriangleTaps taps;
    taps.centre = (output + 0.5) * scale;
    taps.filter_scale = scale > 1.0 ? scale : 1.0;
    const int low = static_cast<int>(taps.centre - taps.filter_scale + 0.5);
    const int high = static_cast<int>(taps.centre + taps.filter_scale + 0.5);
    taps.begin = low > 0 ? low : 0;
    taps.end = high < source_count ? high : source_count;
    taps.sum = 0;
    for (int s = taps.begin; s < taps.end; ++s) taps.sum += taps.height(s);
    return taps;
  }

  /// Of source pixel s of the box.
  [[nodiscard]] XR_HOST_DEVICE float weight(int s) const { return static_cast<float>(height(s) / sum); }

 private:
  [[nodiscard]] XR_HOST_DEVICE double height(int s) const {
    const double value = 1.0 - fabs((s + 0.5 - centre) / filter_scale);
    return value > 0.0 ? value : 0.0;
  }
};

/// Rotation, shift, zoom and flip: where the outputs lie in the source, which is sampled bilinearly, edge
/// pixels repeated.
struct WarpMap {
  float step_x, step_y, cosine, sine, centre_x, centre_y, middle, last;
  int source_size;

  /// From a source of size x size pixels, or, if the box is reduced first, of side x side.
  [[nodiscard]] XR_HOST_DEVICE static WarpMap of(const AugmentRecord& record, int size, int side) {
    const bool reduced = is_reduced_before_warp(record, side);
    const auto out = static_cast<float>(side);
    const float x0 = reduced ? 0.0f : static_cast<float>(record.x);
    const float y0 = reduced ? 0.0f : static_cast<float>(record.y);
    const float width = reduced ? out : static_cast<float>(record.width);
    const float height = reduced ? out : static_cast<float>(record.height);
    WarpMap map;
    map.step_x = (record.flip != 0 ? -1.0f : 1.0f) * width / (out * record.zoom);
    map.step_y = height / (out * record.zoom);
    map.cosine = record.cosine;
    map.sine = record.sine;
    map.centre_x = x0 + width * (0.5f + record.shift_x) - 0.5f;
    map.centre_y = y0 + height * (0.5f + record.shift_y) - 0.5f;
    map.middle = 0.5f * out - 0.5f;
    map.source_size = reduced ? side : size;
    map.last = static_cast<float>(map.source_size - 1);
    return map;
  }

  /// Output (x, y) of a plane of source_size x source_size bytes: 0..255.
  [[nodiscard]] XR_HOST_DEVICE float sample(const std::uint8_t* plane, int x, int y) const {
    const float v = (static_cast<float>(y) - middle) * step_y;
    const float u = (static_cast<float>(x) - middle) * step_x;
    const float source_x = within(centre_x + cosine * u - sine * v, 0.0f, last);
    const float source_y = within(centre_y + sine * u + cosine * v, 0.0f, last);
    const int left = static_cast<int>(source_x), top = static_cast<int>(source_y);
    const int right = left + 1 < source_size ? left + 1 : left;
    const int bottom = top + 1 < source_size ? top + 1 : top;
    const float fx = source_x - static_cast<float>(left), fy = source_y - static_cast<float>(top);
    const std::uint8_t* const upper_row = plane + static_cast<std::size_t>(top) * source_size;
    const std::uint8_t* const lower_row = plane + static_cast<std::size_t>(bottom) * source_size;
    const auto upper_left = static_cast<float>(upper_row[left]);
    const auto lower_left = static_cast<float>(lower_row[left]);
    const float upper = upper_left + fx * (static_cast<float>(upper_row[right]) - upper_left);
    const float lower = lower_left + fx * (static_cast<float>(lower_row[right]) - lower_left);
    return upper + fy * (lower - upper);
  }
};

/// From 0..255 to the normalised value.
struct Exposure {
  float scale, offset, mean, factor;

  [[nodiscard]] XR_HOST_DEVICE static Exposure of(const AugmentRecord& record, float mean, float deviation) {
    return {record.contrast / 255.0f, 0.5f - 0.5f * record.contrast + record.brightness, mean,
            1.0f / deviation};
  }

  [[nodiscard]] XR_HOST_DEVICE float operator()(float value) const {
    return (within(value * scale + offset, 0.0f, 1.0f) - mean) * factor;
  }
};

/// Reduced values are stored as bytes, rounded half up.
[[nodiscard]] XR_HOST_DEVICE inline std::uint8_t to_byte(float value) {
  return static_cast<std::uint8_t>(value + 0.5f);
}

}  // namespace xr::kernels
