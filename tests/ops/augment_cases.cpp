#include "tests/ops/augment_cases.h"

#include <cmath>

namespace xr::tests {

AugmentRecord whole(std::int64_t size) {
  AugmentRecord record;
  record.width = record.height = static_cast<std::int32_t>(size);
  return record;
}

AugmentRecord box(int x, int y, int width, int height, bool flip) {
  AugmentRecord record;
  record.x = x;
  record.y = y;
  record.width = width;
  record.height = height;
  record.flip = flip ? 1 : 0;
  return record;
}

AugmentRecord warped(AugmentRecord record, double angle, float shift_x, float shift_y, float zoom) {
  record.cosine = static_cast<float>(std::cos(angle));
  record.sine = static_cast<float>(std::sin(angle));
  record.shift_x = shift_x;
  record.shift_y = shift_y;
  record.zoom = zoom;
  return record;
}

AugmentRecord exposed(AugmentRecord record, float brightness, float contrast) {
  record.brightness = brightness;
  record.contrast = contrast;
  return record;
}

AugmentRecord flipped(AugmentRecord record) {
  record.flip = 1;
  return record;
}

const std::vector<AugmentCase>& augment_cases() {
  static const std::vector<AugmentCase> cases = {
      {"one_pixel", 1, 1, 1, {whole(1), exposed(whole(1), 0.1f, 1.3f)}, normalised},
      {"one_pixel_to_many", 3, 1, 7, {whole(1), warped(whole(1), 0.3, 0.1f, 0, 1.1f)}, normalised},
      {"many_pixels_to_one", 1, 9, 1, {whole(9), box(8, 0, 1, 9), warped(whole(9), 0.3, 0, 0.2f, 0.9f)}},
      {"kept_grey", 1, 16, 16, {whole(16), exposed(whole(16), -0.2f, 1.7f), whole(16)}, normalised},
      {"kept_rgb", 3, 24, 24, {exposed(whole(24), 0.1f, 0.5f), whole(24)}, normalised},
      {"kept_odd_rgb", 3, 37, 37, {whole(37), exposed(whole(37), 0.3f, 0.9f)}, normalised},
      {"kept_of_many_tiles", 1, 100, 100, {whole(100), flipped(whole(100))}},
      {"extreme_exposure",
       3,
       16,
       16,
       {exposed(whole(16), 0, 100), exposed(whole(16), 5, 1), exposed(whole(16), 0, 0),
        exposed(flipped(whole(16)), 0.2f, -3)},
       normalised},
      {"crops_at_the_borders",
       1,
       33,
       21,
       {box(0, 0, 20, 25), box(13, 8, 20, 25), box(32, 0, 1, 33), box(0, 32, 33, 1, true), box(5, 7, 27, 2)}},
      {"crops_of_rgb", 3, 45, 40, {box(3, 5, 41, 31), box(4, 0, 41, 45, true), whole(45)}, normalised},
      {"upscale", 1, 11, 70, {whole(11), box(2, 3, 5, 4, true), warped(whole(11), -0.4, 0.1f, 0, 1.3f)}},
      {"upscale_of_rgb", 3, 5, 33, {whole(5), flipped(warped(whole(5), 1, 0, 0.3f, 0.8f))}, normalised},
      {"warps",
       1,
       40,
       40,
       {warped(whole(40), 0.15, 0.06f, -0.05f, 1.1f), warped(whole(40), 0, 0.5f, 0, 1),
        warped(whole(40), 3.0, 0, 0, 0.5f), warped(whole(40), 0, 0, 0, 1.9f), whole(40)}},
      {"warps_out_of_the_image",
       1,
       20,
       35,
       {warped(whole(20), 0.7, 3, -2, 1), warped(whole(20), 0, 0, 0, 0.05f), warped(whole(20), 1, 0, 0, 30)}},
      {"warped_rgb_with_flips_and_boxes",
       3,
       50,
       39,
       {flipped(warped(whole(50), -0.2, 0.1f, 0.02f, 1.2f)), warped(box(11, 1, 39, 44, true), 0.1, 0, 0, 1),
        exposed(warped(box(0, 49, 50, 1), 0, 0.1f, 0.1f, 1), -0.1f, 1.2f)},
       normalised},
      {"reduced", 1, 130, 40, {whole(130), box(1, 2, 121, 127, true), box(90, 60, 40, 70)}},
      {"reduced_before_warps",
       1,
       97,
       31,
       {warped(whole(97), 0.2, 0.05f, 0, 1.1f), flipped(warped(box(3, 4, 90, 47), -0.1, 0, 0.1f, 0.9f)),
        whole(97), warped(box(50, 50, 46, 46), 0.2, 0, 0, 1), warped(box(50, 50, 47, 47), 0.2, 0, 0, 1)}},
      {"reduced_before_warps_in_rgb",
       3,
       64,
       20,
       {warped(whole(64), -0.3, 0, 0.1f, 1.2f), box(1, 1, 60, 60, true),
        exposed(warped(box(0, 0, 64, 31), 0.1, 0, 0, 1), 0.1f, 1.5f)},
       normalised},
      {"reduced_by_far", 1, 500, 3, {whole(500), warped(whole(500), 0.1, 0, 0, 1), box(0, 0, 500, 3)}},
      {"too_many_taps_to_keep", 1, 700, 5, {box(0, 600, 700, 100, true), box(1, 0, 10, 10)}},
  };
  return cases;
}

}  // namespace xr::tests
