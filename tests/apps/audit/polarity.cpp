// Inverted images are found among others, and none where all are alike.
#include "apps/audit/polarity.h"

#include <algorithm>

#include "tests/apps/audit/altered.h"

namespace xr::audit {

using namespace test;

namespace {

constexpr int image_count = 40;

std::vector<Fingerprint> phantom_prints() {
  std::vector<Fingerprint> prints;
  for (int i = 0; i < image_count; ++i) prints.push_back(fingerprint(phantom(i)));
  return prints;
}

Polarity polarity_of(const std::vector<Fingerprint>& prints) {
  std::vector<const data::Thumbnail*> thumbnails;
  for (const Fingerprint& print : prints) thumbnails.push_back(&print.thumbnail);
  return find_inverted(thumbnails);
}

}  // namespace

TEST_CASE("inverted images are those against the others") {
  std::vector<Fingerprint> prints = phantom_prints();
  CHECK(polarity_of(prints).why_not.empty());
  CHECK(polarity_of(prints).inverted.empty());
  for (const std::size_t i : {std::size_t{3}, std::size_t{17}, std::size_t{38}})
    prints[i] = fingerprint(inverted(phantom(static_cast<int>(i))));
  CHECK(polarity_of(prints).inverted == std::vector<std::size_t>{3, 17, 38});
  // Most of them: the others are the few.
  for (int i = 0; i < image_count; ++i)
    prints[static_cast<std::size_t>(i)] = fingerprint(i < 5 ? phantom(i) : inverted(phantom(i)));
  CHECK(polarity_of(prints).inverted == std::vector<std::size_t>{0, 1, 2, 3, 4});
  // Half of them: the mean says nothing, but each is like the others or their negative.
  for (int i = 0; i < image_count; ++i)
    prints[static_cast<std::size_t>(i)] = fingerprint(i % 2 == 0 ? phantom(i) : inverted(phantom(i)));
  const std::vector<std::size_t> half = polarity_of(prints).inverted;
  REQUIRE(half.size() == image_count / 2);
  CHECK(std::ranges::all_of(half, [&](std::size_t i) { return i % 2 == half[0] % 2; }));
}

TEST_CASE("an image that lies on its side or its head is not inverted") {
  std::vector<Fingerprint> prints = phantom_prints();
  for (int i = 0; i < 12; ++i) {
    data::Image image = phantom(i);
    for (int quarter = 0; quarter < 1 + i % 3; ++quarter) image = turned_clockwise(image);
    prints[static_cast<std::size_t>(i)] = fingerprint(image);
  }
  CHECK(polarity_of(prints).inverted.empty());
  // One that is upright and inverted is found beside them.
  prints[20] = fingerprint(inverted(phantom(20)));
  CHECK(polarity_of(prints).inverted == std::vector<std::size_t>{20});

  // Brighter from the top to the bottom: on its head the picture is like its negative.
  for (std::uint64_t i = 0; i < image_count; ++i) {
    Philox noise(i, 5);
    for (std::size_t p = 0; p < prints[i].thumbnail.size(); ++p)
      prints[i].thumbnail[p] =
          static_cast<std::uint8_t>(40 + 2 * (p / data::thumbnail_side) + noise.below(40));
  }
  std::ranges::reverse(prints[7].thumbnail);
  CHECK(polarity_of(prints).why_not.empty());
  CHECK(polarity_of(prints).inverted.empty());
}

TEST_CASE("flat images among others have no polarity, nor do flat images alone") {
  std::vector<Fingerprint> prints = phantom_prints();
  prints[3] = fingerprint(inverted(phantom(3)));
  for (const std::size_t i : {std::size_t{0}, std::size_t{9}})
    prints[i].thumbnail.fill(static_cast<std::uint8_t>(i));
  CHECK(polarity_of(prints).inverted == std::vector<std::size_t>{3});
  prints.resize(min_polarity_images);
  CHECK(polarity_of(prints).inverted == std::vector<std::size_t>{3});
  for (Fingerprint& print : prints) print.thumbnail.fill(80);
  CHECK_FALSE(polarity_of(prints).why_not.empty());
}

TEST_CASE("images that have only a trace of something in common have no polarity") {
  // A slope from left to right below noise: correlations of about 0.2, all of one sign.
  std::vector<Fingerprint> prints;
  for (std::uint64_t i = 0; i < image_count; ++i) {
    prints.push_back(fingerprint(data::test::random_image(100, 100, 1, i)));
    for (std::size_t p = 0; p < prints.back().thumbnail.size(); ++p) {
      const std::size_t block_x = p % data::thumbnail_side / 4, block_y = p / data::thumbnail_side / 4;
      Philox noise(i * 1000 + block_y * 16 + block_x, 5);
      prints.back().thumbnail[p] = static_cast<std::uint8_t>(80 + block_x + noise.below(80));
    }
  }
  CHECK_FALSE(polarity_of(prints).why_not.empty());
}

TEST_CASE("images with little in common have no polarity") {
  std::vector<Fingerprint> prints;
  for (std::uint64_t i = 0; i < image_count; ++i)
    prints.push_back(fingerprint(data::test::random_image(100, 100, 1, i)));
  CHECK_FALSE(polarity_of(prints).why_not.empty());
  CHECK(polarity_of(prints).inverted.empty());
  prints.resize(min_polarity_images - 1);
  CHECK_FALSE(polarity_of(prints).why_not.empty());
}

}  // namespace xr::audit
