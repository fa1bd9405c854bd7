// Copies are found, and nothing else.
#include "apps/audit/duplicates.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "tests/apps/audit/altered.h"

namespace xr::audit {

using namespace test;

namespace {

std::vector<data::Image> copies_of(const data::Image& image) {
  std::vector<data::Image> copies;
  copies.push_back(image);
  copies.push_back(as_jpeg(image, 60));
  copies.push_back(data::resize(image, image.width / 2, image.height / 2));
  copies.push_back(each_pixel(image, [](double grey) { return grey * 1.1; }));
  copies.push_back(each_pixel(image, [](double grey) { return std::floor(grey / 16) * 17; }));  // 4 bits
  copies.push_back(trimmed(image, 0.03, 0.03, 0.03, 0.03));
  copies.push_back(trimmed(image, 0.03, 0.03, 0, 0));
  copies.push_back(trimmed(image, 0.015, 0.015, 0.015, 0.015));
  copies.push_back(as_jpeg(each_pixel(data::resize(trimmed(image, 0.03, 0.03, 0.03, 0.03), 100, 100),
                                      [](double grey) { return grey * 1.1; }),
                           60));
  return copies;
}

}  // namespace

TEST_CASE("planted copies are all found and no other pair") {
  constexpr int originals = 12;
  std::vector<Fingerprint> prints;
  std::vector<int> origin;
  for (int i = 0; i < originals; ++i) {
    const data::Image image = phantom(i);
    prints.push_back(fingerprint(image));
    origin.push_back(i);
    for (const data::Image& copy : copies_of(image)) {
      prints.push_back(fingerprint(copy));
      origin.push_back(i);
    }
  }
  // Others, of which there are no copies.
  for (int i = originals; i < 60; ++i) {
    prints.push_back(fingerprint(phantom(i)));
    origin.push_back(i);
  }
  const Copies copies = find_copies(prints, 2);
  CHECK(copies.complete);
  std::set<std::pair<std::size_t, std::size_t>> found;
  for (const CopyPair& pair : copies.pairs) {
    CHECK(pair.a < pair.b);
    CHECK(origin[pair.a] == origin[pair.b]);
    CHECK(pair.correlation >= min_correlation);
    CHECK(pair.correlation <= 1.000001);
    found.emplace(pair.a, pair.b);
  }
  for (std::size_t i = 0; i < originals; ++i)
    for (std::size_t k = 1; k < 10; ++k) {
      INFO("original " << i << ", copy " << k);
      CHECK(found.contains({10 * i, 10 * i + k}));
    }
  CHECK(std::count_if(copies.pairs.begin(), copies.pairs.end(),
                      [](const CopyPair& pair) { return pair.kind == CopyKind::exact; }) == originals);
  const Copies again = find_copies(prints, 1);
  REQUIRE(again.pairs.size() == copies.pairs.size());
  for (std::size_t i = 0; i < again.pairs.size(); ++i) {
    CHECK(again.pairs[i].b == copies.pairs[i].b);
    CHECK(again.pairs[i].correlation == copies.pairs[i].correlation);
  }
}

TEST_CASE("a copy that was cropped more is found and told from one that was trimmed") {
  const data::Image image = phantom(3);
  const std::vector<Fingerprint> prints = {fingerprint(image), fingerprint(trimmed(image, 0, 0, 0, 0.09))};
  const Copies copies = find_copies(prints, 1);
  REQUIRE(copies.pairs.size() == 1);
  CHECK(std::abs(copies.pairs[0].cut - 0.09) <= 0.01);
  CHECK(copies.pairs[0].aligned_correlation >= min_correlation);
  CHECK(copies.pairs[0].correlation <= copies.pairs[0].aligned_correlation);
}

TEST_CASE("framed and inverted copies are found and no other pair") {
  std::vector<Fingerprint> prints;
  constexpr int originals = 20, kinds = 5;
  for (int i = 0; i < originals; ++i) {
    const data::Image image = phantom(i);
    for (const data::Image& copy : {image, framed(image, 0.1, 0), as_jpeg(framed(image, 0.15, 255), 70),
                                    inverted(image), as_jpeg(inverted(framed(image, 0.12, 10)), 70)})
      prints.push_back(fingerprint(copy));
  }
  const Copies copies = find_copies(prints, 2);
  std::set<std::pair<std::size_t, std::size_t>> found;
  for (const CopyPair& pair : copies.pairs) {
    INFO(pair.a << " and " << pair.b);
    CHECK(pair.a / kinds == pair.b / kinds);
    CHECK(found.emplace(pair.a, pair.b).second);
    CHECK(pair.inverted == ((pair.a % kinds >= 3) != (pair.b % kinds >= 3)));
  }
  for (std::size_t i = 0; i < originals; ++i)
    for (std::size_t k = 1; k < kinds; ++k) {
      INFO("original " << i << ", copy " << k);
      CHECK(found.contains({kinds * i, kinds * i + k}));
    }
}

TEST_CASE("mirrored, rotated and equalised copies are found, told as such, and no other pair") {
  std::vector<Fingerprint> prints;
  constexpr int originals = 20, kinds = 8;
  const auto blurred = [](const data::Image& image) { return as_jpeg(image, 70); };
  for (int i = 0; i < originals; ++i) {
    const data::Image image = phantom(i), other = data::resize(image, 160, 200);
    for (const data::Image& copy :
         {image, mirrored(image), turned_clockwise(image), blurred(mirrored(turned_clockwise(other))),
          blurred(mirrored(mirrored(turned_clockwise(turned_clockwise(image))))), histogram_equalised(image),
          blurred(inverted(mirrored(image))), blurred(histogram_equalised(other))})
      prints.push_back(fingerprint(copy));
  }
  const Copies copies = find_copies(prints, 2);
  std::map<std::pair<std::size_t, std::size_t>, CopyPair> found;
  for (const CopyPair& pair : copies.pairs) {
    INFO(pair.a << " and " << pair.b);
    CHECK(pair.a / kinds == pair.b / kinds);
    found[{pair.a, pair.b}] = pair;
  }
  constexpr Turn turn[kinds] = {Turn::none,   Turn::mirrored, Turn::by_270,   Turn::transposed,
                                Turn::by_180, Turn::none,     Turn::mirrored, Turn::none};
  for (std::size_t i = 0; i < originals; ++i)
    for (std::size_t k = 1; k < kinds; ++k) {
      INFO("original " << i << ", copy " << k);
      const auto pair = found.find({kinds * i, kinds * i + k});
      REQUIRE(pair != found.end());
      CHECK(pair->second.turn == turn[k]);
      CHECK(pair->second.inverted == (k == 6));
      // Where equalising changes little, the pictures correlate as they are.
      if (k != 5 && k != 7) CHECK_FALSE(pair->second.equalised);
    }
  CHECK(std::ranges::any_of(found, [](const auto& pair) { return pair.second.equalised; }));
}

TEST_CASE("a border of one grey level is found and a picture without one is left alone") {
  const data::Image image = phantom(2);
  CHECK_FALSE(fingerprint(each_pixel(image, [k = 0](double grey) mutable {
                return grey / 2 + 60.0 * (k++ % 2);  // no line is uniform
              })).framed);
  const Fingerprint print = fingerprint(framed(image, 0.2, 0));
  CHECK(print.framed);
  CHECK(std::abs(align_and_compare(fingerprint(image).thumbnail, print.picture, crops[0]).cut) <= 0.05);
  CHECK_FALSE(fingerprint({1, 1, 1, {7}}).framed);
  CHECK_FALSE(fingerprint({2, 1, 1, {7, 200}}).framed);
}

TEST_CASE("images without contrast are copies only if every pixel is the same") {
  std::vector<Fingerprint> prints;
  for (const int grey : {0, 0, 1, 128})
    prints.push_back(
        fingerprint({64, 64, 1, std::vector<std::uint8_t>(64 * 64, static_cast<std::uint8_t>(grey))}));
  const Copies copies = find_copies(prints, 1);
  REQUIRE(copies.pairs.size() == 1);
  CHECK(copies.pairs[0].a == 0);
  CHECK(copies.pairs[0].b == 1);
  CHECK(find_copies(std::span<const Fingerprint>(), 1).pairs.empty());
}

TEST_CASE("hundreds of the same image give a list that is not quadratic") {
  std::vector<Fingerprint> prints(500, fingerprint(phantom(1)));
  CHECK(find_copies(prints, 1).pairs.size() == 499);
}

TEST_CASE("images of different scales and places correlate once they are aligned") {
  const data::Image image = phantom(5);
  const Thumbnail whole = fingerprint(image).thumbnail;
  const Likeness part =
      align_and_compare(fingerprint(trimmed(image, 0.05, 0.02, 0, 0.04)).thumbnail, whole, crops[0]);
  CHECK(part.correlation >= 0.998);
  CHECK(std::abs(part.cut - 0.05) <= 0.01);
  const Likeness other = align_and_compare(whole, fingerprint(phantom(6)).thumbnail, crops[0]);
  CHECK(other.correlation <= 0.98);
}

}  // namespace xr::audit
