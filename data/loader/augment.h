// Augmentation: from a stored 8-bit image to the floats of a batch.
//
// All draws of an image are a function of (seed, epoch, image index): Philox, RandomPurpose::augmentation.
// The number of threads, the batch size and the order of the images do not matter.
#pragma once

#include "kernels/common/augment.h"
#include "kernels/common/plane_augmenter.h"

#include <array>
#include <cstdint>
#include <span>

namespace xr::data {

struct AugmentSettings {
  /// Random resized crop as torchvision's RandomResizedCrop: up to ten tries of an area uniform in
  /// [min_area, max_area] of the image and a width:height ratio log-uniform in [min_ratio, max_ratio]; then
  /// the largest centre crop whose ratio is allowed.
  bool resized_crop = false;
  double min_area = 0.08, max_area = 1.0;
  double min_ratio = 3.0 / 4.0, max_ratio = 4.0 / 3.0;
  double flip_probability = 0;            ///< Horizontal flip.
  double rotation_degrees = 0;            ///< Uniform in +- this.
  double shift = 0;                       ///< Uniform in +- this fraction of the side, each axis.
  double zoom = 0;                        ///< Factor uniform in [1 - zoom, 1 + zoom]; above 1 enlarges.
  double brightness = 0;                  ///< Added, uniform in +- this (values are 0..1).
  double contrast = 0;                    ///< Factor about mid-grey, uniform in [1 - contrast, 1 + contrast].
  std::array<float, 3> mean = {0, 0, 0};  ///< Per channel: (value - mean) / deviation.
  std::array<float, 3> deviation = {1, 1, 1};

  static AugmentSettings none() { return {}; }
  /// The report's: random resized crop, flip 1/2, values 0..1.
  static AugmentSettings report();
  /// For the default model: small rotations, shifts, zooms and exposure changes. No flips: the heart has its
  /// side, and mirrored chests cost accuracy on real ones.
  static AugmentSettings mild();
  /// The rotations, shifts and zooms of mild(), without its exposure changes: for views of an image that is
  /// evaluated.
  static AugmentSettings mild_geometry();
};

/// What was drawn for one image. `x`, `y`, `width`, `height`: the crop box in source pixels.
struct AugmentDraw {
  int x = 0, y = 0, width = 0, height = 0;
  bool flip = false;
  float angle = 0;                           ///< radians
  float shift_x = 0, shift_y = 0, zoom = 1;  ///< shifts as fractions of the box
  float brightness = 0, contrast = 1;
};

/// The draw as every device takes it. The angle's sine and cosine are the host's, so that all get the same.
kernels::AugmentRecord record_of(const AugmentDraw& draw);

/// The settings' normalisation.
kernels::AugmentParams normalisation_of(const AugmentSettings& settings);

/// Throws xr::Error for settings that cannot be, or an output size that is not positive.
void check_augment_settings(const AugmentSettings& settings, int output_size);

/// The draws for image `index` (below 2^28) in `epoch` (below 2^20) of an image of width x height pixels.
AugmentDraw draw_augmentation(const AugmentSettings& settings, int width, int height, std::uint64_t seed,
                              std::uint64_t epoch, std::uint64_t index);

/// Applies draws; keeps its buffers, so that a steady state allocates nothing. One per thread.
class Augmenter {
 public:
  /// Outputs are output_size x output_size.
  Augmenter(const AugmentSettings& settings, int output_size);

  /// `source`: channels x size x size bytes. `output`: channels x output_size x output_size floats, 0..1
  /// before the normalisation. Crops and resizes with the antialiased triangle filter; an image that is
  /// rotated, shifted or zoomed is sampled bilinearly, edge pixels repeated.
  void apply(std::span<const std::uint8_t> source, int channels, int size, const AugmentDraw& draw,
             std::span<float> output);

 private:
  kernels::AugmentParams normalisation_;
  int output_size_;
  kernels::PlaneAugmenter planes_;
};

}  // namespace xr::data
