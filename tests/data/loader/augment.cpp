#include "data/loader/augment.h"

#include "data/image/resize.h"
#include "tests/data/support.h"

#include <algorithm>
#include <cmath>

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

namespace {

std::vector<float> apply(const AugmentSettings& settings, const std::vector<std::uint8_t>& pixels,
                         int channels, int size, int output_size, const AugmentDraw& draw) {
  Augmenter augmenter(settings, output_size);
  std::vector<float> output(static_cast<std::size_t>(channels) * output_size * output_size, NAN);
  augmenter.apply(pixels, channels, size, draw, output);
  return output;
}

double greatest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double greatest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - b[i]);
    if (!(difference <= greatest)) greatest = difference;
  }
  return greatest;
}

AugmentDraw whole(int size) {
  return {.width = size, .height = size};
}

}  // namespace

TEST_CASE("without augmentation the image is only scaled to floats") {
  const Image image = random_image(16, 16, 1);
  const AugmentDraw draw = draw_augmentation(AugmentSettings::none(), 16, 16, 1, 2, 3);
  const auto output = apply(AugmentSettings::none(), image.pixels, 1, 16, 16, draw);
  for (std::size_t i = 0; i < output.size(); ++i)
    REQUIRE(std::abs(output[i] - image.pixels[i] / 255.0f) <= 1e-6f);
}

TEST_CASE("a crop equals the antialiased resize of the cut-out") {
  const Image image = random_image(32, 32, 1);
  const AugmentDraw draw{.x = 5, .y = 3, .width = 21, .height = 27};
  Image cut{21, 27, 1, {}};
  for (int y = 0; y < 27; ++y)
    for (int x = 0; x < 21; ++x) cut.pixels.push_back(image.pixels[(y + 3) * 32 + x + 5]);
  const Image expected = resize(cut, 14, 14);
  const auto output = apply(AugmentSettings::report(), image.pixels, 1, 32, 14, draw);
  for (std::size_t i = 0; i < output.size(); ++i)
    REQUIRE(std::abs(output[i] * 255.0f - expected.pixels[i]) <= 0.501f);
  AugmentDraw flipped = draw;
  flipped.flip = true;
  const auto mirrored = apply(AugmentSettings::report(), image.pixels, 1, 32, 14, flipped);
  for (int y = 0; y < 14; ++y)
    for (int x = 0; x < 14; ++x) REQUIRE(mirrored[y * 14 + x] == output[y * 14 + 13 - x]);
}

TEST_CASE("a warp by nothing equals the crop and by a quarter turn the turned image") {
  const Image image = random_image(16, 16, 1);
  const auto straight = apply(AugmentSettings::none(), image.pixels, 1, 16, 16, whole(16));
  AugmentDraw draw = whole(16);
  draw.angle = 1e-7f;
  CHECK(greatest_difference(apply(AugmentSettings::none(), image.pixels, 1, 16, 16, draw), straight) <= 1e-4);
  draw.angle = 1.57079632679f;
  const auto turned = apply(AugmentSettings::none(), image.pixels, 1, 16, 16, draw);
  for (int y = 0; y < 16; ++y)
    for (int x = 0; x < 16; ++x) REQUIRE(std::abs(turned[y * 16 + x] - straight[x * 16 + 15 - y]) <= 1e-4f);
  draw.angle = 0;
  draw.shift_x = 0.25f;  // the output shows what lies 4 pixels to the right
  const auto shifted = apply(AugmentSettings::none(), image.pixels, 1, 16, 16, draw);
  for (int y = 0; y < 16; ++y)
    for (int x = 0; x < 16; ++x)
      REQUIRE(std::abs(shifted[y * 16 + x] - straight[y * 16 + std::min(x + 4, 15)]) <= 1e-4f);
  draw.flip = true;
  const auto both = apply(AugmentSettings::none(), image.pixels, 1, 16, 16, draw);
  for (int y = 0; y < 16; ++y)
    for (int x = 0; x < 16; ++x) REQUIRE(std::abs(both[y * 16 + x] - shifted[y * 16 + 15 - x]) <= 1e-4f);
}

TEST_CASE("a zoom enlarges about the centre and a warp of a large image does not alias") {
  Image image{64, 64, 1, std::vector<std::uint8_t>(64 * 64)};
  for (int y = 0; y < 64; ++y)
    for (int x = 0; x < 64; ++x)
      image.pixels[y * 64 + x] = static_cast<std::uint8_t>((x + y) % 2 == 0 ? 255 : 0);
  AugmentDraw draw = whole(64);
  draw.zoom = 1.05f;
  for (const float value : apply(AugmentSettings::none(), image.pixels, 1, 64, 16, draw))
    REQUIRE(std::abs(value - 0.5f) <= 0.06f);  // single pixels would be 0 or 1

  Image dot{15, 15, 1, std::vector<std::uint8_t>(15 * 15)};
  dot.pixels[7 * 15 + 7] = 255;
  draw = whole(15);
  draw.zoom = 2;
  const auto enlarged = apply(AugmentSettings::none(), dot.pixels, 1, 15, 15, draw);
  CHECK(std::abs(enlarged[7 * 15 + 7] - 1.0f) <= 1e-5f);
  CHECK(std::abs(enlarged[7 * 15 + 8] - 0.5f) <= 1e-5f);
  CHECK(enlarged[7 * 15 + 9] == 0.0f);
}

TEST_CASE("exposure and normalisation apply per channel") {
  const std::vector<std::uint8_t> pixels = {51, 102, 204};  // 0.2, 0.4, 0.8: one pixel, three channels
  AugmentSettings settings;
  settings.mean = {0.1f, 0.2f, 0.3f};
  settings.deviation = {0.5f, 0.25f, 2.0f};
  AugmentDraw draw = whole(1);
  draw.brightness = 0.05f;
  draw.contrast = 2;
  const auto output = apply(settings, pixels, 3, 1, 1, draw);
  CHECK(std::abs(output[0] - (0.0f - 0.1f) / 0.5f) <= 1e-5f);  // 2 * -0.3 + 0.55 < 0: clamped
  CHECK(std::abs(output[1] - (0.35f - 0.2f) / 0.25f) <= 1e-5f);
  CHECK(std::abs(output[2] - (1.0f - 0.3f) / 2.0f) <= 1e-5f);  // clamped
}

TEST_CASE("draws are a function of seed epoch and image and stay in range") {
  AugmentSettings settings = AugmentSettings::report();
  const auto same = [](const AugmentDraw& a, const AugmentDraw& b) {
    return a.x == b.x && a.y == b.y && a.width == b.width && a.height == b.height && a.flip == b.flip;
  };
  const AugmentDraw draw = draw_augmentation(settings, 256, 256, 1, 2, 3);
  CHECK(same(draw, draw_augmentation(settings, 256, 256, 1, 2, 3)));
  CHECK_FALSE(same(draw, draw_augmentation(settings, 256, 256, 2, 2, 3)));
  CHECK_FALSE(same(draw, draw_augmentation(settings, 256, 256, 1, 3, 3)));
  CHECK_FALSE(same(draw, draw_augmentation(settings, 256, 256, 1, 2, 4)));
  CHECK_THROWS_AS(draw_augmentation(settings, 256, 256, 1, 1u << 20, 0), Error);

  double area = 0, log_ratio = 0;
  int flips = 0;
  const int count = 4000;
  for (int i = 0; i < count; ++i) {
    const AugmentDraw d = draw_augmentation(settings, 256, 256, 1, 0, i);
    REQUIRE(d.x >= 0);
    REQUIRE(d.y >= 0);
    REQUIRE(d.x + d.width <= 256);
    REQUIRE(d.y + d.height <= 256);
    const double ratio = static_cast<double>(d.width) / d.height;
    REQUIRE(ratio >= 0.75 - 0.02);
    REQUIRE(ratio <= 4.0 / 3.0 + 0.02);
    area += d.width * d.height / 65536.0 / count;
    log_ratio += std::log(ratio) / count;
    flips += d.flip;
  }
  // torchvision 0.29 gives 0.4774 +- 0.0017 for this image size.
  CHECK(std::abs(area - 0.4774) <= 0.012);
  CHECK(std::abs(log_ratio) <= 0.02);
  CHECK(std::abs(flips / static_cast<double>(count) - 0.5) <= 0.04);
}

TEST_CASE("a crop that never fits falls back to the largest allowed centre crop") {
  const AugmentSettings settings = [] {
    AugmentSettings s = AugmentSettings::report();
    s.min_area = s.max_area = 1;
    return s;
  }();
  const AugmentDraw wide = draw_augmentation(settings, 300, 90, 0, 0, 0);
  CHECK(wide.width == 120);
  CHECK(wide.height == 90);
  CHECK(wide.x == 90);
  const AugmentDraw tall = draw_augmentation(settings, 90, 300, 0, 0, 0);
  CHECK(tall.width == 90);
  CHECK(tall.height == 120);
  CHECK(tall.y == 90);
}

TEST_CASE("mild draws stay within their settings") {
  const AugmentSettings settings = AugmentSettings::mild();
  for (int i = 0; i < 500; ++i) {
    const AugmentDraw draw = draw_augmentation(settings, 224, 224, 9, 1, i);
    REQUIRE(draw.width == 224);
    REQUIRE(!draw.flip);
    REQUIRE(std::abs(draw.angle) <= settings.rotation_degrees * 3.1416 / 180);
    REQUIRE(std::abs(draw.shift_x) <= settings.shift + 1e-6);
    REQUIRE(std::abs(draw.zoom - 1) <= settings.zoom + 1e-6);
    REQUIRE(std::abs(draw.brightness) <= settings.brightness + 1e-6);
    REQUIRE(std::abs(draw.contrast - 1) <= settings.contrast + 1e-6);
  }
}

TEST_CASE("views of an image have the geometry of mild draws and keep its exposure") {
  const AugmentSettings mild = AugmentSettings::mild(), views = AugmentSettings::mild_geometry();
  for (std::uint64_t view = 1; view < 50; ++view) {
    const AugmentDraw draw = draw_augmentation(views, 224, 224, 0, view, 0),
                      trained = draw_augmentation(mild, 224, 224, 0, view, 0);
    REQUIRE(draw.angle == trained.angle);
    REQUIRE(draw.shift_x == trained.shift_x);
    REQUIRE(draw.shift_y == trained.shift_y);
    REQUIRE(draw.zoom == trained.zoom);
    REQUIRE(draw.brightness == 0);
    REQUIRE(draw.contrast == 1);
    REQUIRE(!draw.flip);
  }
}

TEST_CASE("augmentation settings that cannot be are refused") {
  const auto refused = [](auto change) {
    AugmentSettings settings = AugmentSettings::report();
    change(settings);
    CHECK_THROWS_AS(Augmenter(settings, 16), Error);
  };
  refused([](AugmentSettings& s) { s.min_area = 0; });
  refused([](AugmentSettings& s) { s.max_area = 1.5; });
  refused([](AugmentSettings& s) { s.min_ratio = 2; });
  refused([](AugmentSettings& s) { s.zoom = 1; });
  refused([](AugmentSettings& s) { s.deviation[1] = 0; });
  CHECK_THROWS_AS(Augmenter(AugmentSettings::none(), 0), Error);
  Augmenter augmenter(AugmentSettings::none(), 4);
  std::vector<float> output(15);
  CHECK_THROWS_AS(augmenter.apply(std::vector<std::uint8_t>(16), 1, 4, whole(4), output), Error);
}
