// Turning the pixels and turning the descriptor are the same.
#include "apps/audit/orientation.h"

#include "tests/apps/audit/altered.h"

namespace xr::audit {

using namespace test;

namespace {

float largest_difference(const Descriptor& a, const Descriptor& b) {
  float result = 0;
  for (std::size_t i = 0; i < descriptor_length; ++i) result = std::max(result, std::abs(a[i] - b[i]));
  return result;
}

}  // namespace

TEST_CASE("a turned descriptor is that of the turned picture") {
  const Thumbnail picture = fingerprint(phantom(4)).thumbnail, other = fingerprint(phantom(5)).thumbnail;
  const Descriptor descriptor = describe(picture, crops[0]), of_other = describe(other, crops[0]);
  const DetailDescriptor details = describe_details(picture);
  const std::array<float, turns> products = turned_products(of_other, descriptor);
  for (std::size_t t = 0; t < turns; ++t) {
    INFO("turn " << t);
    const Turn turn = static_cast<Turn>(t);
    const Thumbnail there = turned(picture, turn);
    CHECK(turned(there, inverse_of(turn)) == picture);
    CHECK(largest_difference(turned(descriptor, turn), describe(there, crops[0])) < 1e-4f);
    CHECK(largest_difference(invariants(describe(there, crops[0])), invariants(descriptor)) < 1e-4f);
    float product = 0;
    for (std::size_t i = 0; i < descriptor_length; ++i) product += of_other[i] * turned(descriptor, turn)[i];
    CHECK(std::abs(products[t] - product) < 1e-4f);
    // Of the bytes that a detail descriptor keeps.
    CHECK(detail_likeness(describe_details(there), details, turn) > 0.999f);
    if (t > 0) {
      CHECK(there != picture);
      CHECK(std::abs(detail_likeness(details, details, turn)) < 0.9f);
    }
  }
}

TEST_CASE("turns of pixels are what their names say") {
  Thumbnail picture{};
  picture[3] = 200;  // row 0, column 3
  const auto at = [](std::size_t row, std::size_t column) { return row * thumbnail_side + column; };
  CHECK(turned(picture, Turn::mirrored)[at(0, 60)] == 200);
  CHECK(turned(picture, Turn::upside_down)[at(63, 3)] == 200);
  CHECK(turned(picture, Turn::by_180)[at(63, 60)] == 200);
  CHECK(turned(picture, Turn::by_90)[at(3, 63)] == 200);
  CHECK(turned(picture, Turn::by_270)[at(60, 0)] == 200);
  CHECK(turned(picture, Turn::transposed)[at(3, 0)] == 200);
  CHECK(turned(picture, Turn::anti_transposed)[at(60, 63)] == 200);
}

TEST_CASE("an inverted picture has the same invariants and an equalised one the same equalised picture") {
  const data::Image image = phantom(6);
  const Descriptor descriptor = describe(fingerprint(image).thumbnail, crops[0]);
  const Descriptor inverse = describe(fingerprint(inverted(image)).thumbnail, crops[0]);
  CHECK(largest_difference(invariants(descriptor), invariants(inverse)) < 0.01f);
  const Thumbnail once = equalised(fingerprint(image).thumbnail);
  const Thumbnail changed =
      fingerprint(each_pixel(image, [](double grey) { return 255 * std::pow(grey / 255, 0.6); })).thumbnail;
  const Likeness likeness = align_and_compare(once, equalised(changed), crops[0]);
  CHECK(likeness.correlation > 0.995);
  CHECK(std::ranges::max(once) > 240);
  CHECK(std::ranges::all_of(equalised(Thumbnail{}), [](std::uint8_t grey) { return grey == 127; }));
}

TEST_CASE("a picture without details is like no other, and the scale of details does not count") {
  Thumbnail flat;
  flat.fill(90);
  CHECK(describe_details(flat) == DetailDescriptor{});
  DetailDescriptor some{}, twice{};
  some[20] = 10, some[200] = -7;
  twice[20] = 20, twice[200] = -14;
  CHECK(detail_likeness(some, twice, Turn::none) == 1);
  CHECK(detail_likeness(some, DetailDescriptor{}, Turn::none) == 0);
  CHECK(detail_likeness(DetailDescriptor{}, some, Turn::none) == 0);
}

}  // namespace xr::audit
