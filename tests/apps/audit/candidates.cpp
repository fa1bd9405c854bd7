#include "apps/audit/candidates.h"

#include <memory>
#include <set>

#include "tests/apps/audit/altered.h"

namespace xr::audit {

using namespace test;

namespace {

/// Pictures that live as long as it, numbered in the order in which they are asked for.
class Pictures {
 public:
  const Described& operator()(const data::Image& image) {
    prints_.push_back(std::make_unique<Fingerprint>(fingerprint(image)));
    described_.push_back(
        std::make_unique<Described>(describe_picture(described_.size(), false, prints_.back()->thumbnail)));
    return *described_.back();
  }

 private:
  std::vector<std::unique_ptr<Fingerprint>> prints_;
  std::vector<std::unique_ptr<Described>> described_;
};

/// The outline alone, and fine noise: other noise for each seed.
data::Image noisy(const data::Image& image, std::uint64_t seed) {
  data::Image result = data::resize(data::resize(image, 12, 12), 64, 64);
  Philox random(seed, 3);
  for (std::uint8_t& pixel : result.pixels) {
    const int grey = pixel / 2 + 64;
    pixel = static_cast<std::uint8_t>(std::clamp(grey + 70.0 * (random.uniform() - 0.5), 0.0, 255.0));
  }
  return result;
}

}  // namespace

TEST_CASE("a candidate says which crop of which picture the other is") {
  Pictures describe;
  const data::Image whole = phantom(0);
  const Described& a = describe(whole);
  for (std::size_t crop = 1; crop < crops.size(); ++crop) {
    const Crop& c = crops[crop];
    const Described& b = describe(trimmed(whole, c.left, c.top, c.right, c.bottom));
    const Candidate of_a = examine(a, b), of_b = examine(b, a);
    CHECK(of_a.plain);
    CHECK(of_a.crop == crop);
    CHECK(of_a.swapped);
    CHECK_FALSE(of_a.inverted);
    CHECK(of_b.plain);
    CHECK(of_b.crop == crop);
    CHECK_FALSE(of_b.swapped);
    const Candidate inverse = examine(b, describe(inverted(whole)));
    CHECK(inverse.plain);
    CHECK(inverse.inverted);
    CHECK(inverse.crop == crop);
  }
  const Candidate same = examine(a, describe(whole));
  CHECK(same.plain);
  CHECK(same.crop == 0);
  CHECK_FALSE(same.swapped);
  CHECK_FALSE(same.inverted);
}

TEST_CASE("no crop makes up for wholes that differ much") {
  Pictures describe;
  const data::Image faint = each_pixel(phantom(0), [](double grey) { return 20 + grey / 16; });
  data::Image striped = faint;
  const int strip = static_cast<int>(0.02 * striped.width);
  for (int y = 0; y < striped.height; ++y)
    for (int x = 0; x < striped.width; ++x)
      if (x < strip || y < strip) striped.pixels[static_cast<std::size_t>(y) * striped.width + x] = 60;
  const Described &whole = describe(trimmed(faint, 0.03, 0.03, 0, 0)), &cut = describe(striped);
  const auto likeness = [&](std::size_t crop) {
    float sum = 0;
    for (std::size_t i = 0; i < descriptor_length; ++i) sum += whole.crop[0][i] * cut.crop[crop][i];
    return sum;
  };
  REQUIRE(likeness(4) >= 0.94f);
  REQUIRE(likeness(0) > 0.0f);
  REQUIRE(likeness(0) < 0.5f);
  CHECK_FALSE(examine(whole, cut).plain);
}

TEST_CASE("two pictures of one image are no candidate") {
  const Fingerprint print = fingerprint(phantom(0));
  CHECK_FALSE(
      examine(describe_picture(3, false, print.thumbnail), describe_picture(3, true, print.thumbnail)).any());
  CHECK(
      examine(describe_picture(3, false, print.thumbnail), describe_picture(4, true, print.thumbnail)).any());
}

TEST_CASE("a turned picture is a candidate only if its details are alike as well as its outline") {
  Pictures describe;
  const data::Image image = phantom(1);
  const Described& a = describe(image);
  const Candidate turned_one = examine(a, describe(mirrored(image)));
  CHECK(turned_one.turn == Turn::mirrored);
  CHECK_FALSE(turned_one.turned_inverted);
  const Candidate both = examine(a, describe(inverted(turned_clockwise(image))));
  CHECK(both.turn != Turn::none);
  CHECK(both.turned_inverted);

  // Also where it is more alike as it is.
  data::Image even = image;
  const data::Image reflection = mirrored(image);
  for (std::size_t i = 0; i < even.pixels.size(); ++i)
    even.pixels[i] = static_cast<std::uint8_t>(0.52 * image.pixels[i] + 0.48 * reflection.pixels[i]);
  const Candidate symmetric = examine(describe(even), describe(as_jpeg(even, 80)));
  CHECK(symmetric.plain);
  CHECK(symmetric.turn == Turn::mirrored);

  const Described &noise = describe(noisy(image, 1)), &other = describe(noisy(mirrored(image), 2));
  constexpr auto mirror = static_cast<std::size_t>(Turn::mirrored);
  REQUIRE(turned_products(noise.crop[0], other.crop[0])[mirror] >= 0.94f);
  REQUIRE(detail_likeness(noise.details[0], other.details[0], Turn::mirrored) < 0.5f);
  CHECK(examine(noise, other).turn == Turn::none);
}

TEST_CASE("an equalised picture is a candidate only if its details are alike as well as its outline") {
  Pictures describe;
  const data::Image image = phantom(2);
  CHECK(examine(describe(image), describe(histogram_equalised(image))).equalised);
  const Described &noise = describe(noisy(image, 1)), &other = describe(noisy(image, 2));
  float outlines = 0;
  for (std::size_t i = 0; i < descriptor_length; ++i) outlines += noise.equalised[i] * other.equalised[i];
  REQUIRE(outlines >= 0.94f);
  REQUIRE(detail_likeness(noise.equalised_details, other.equalised_details, Turn::none) < 0.5f);
  CHECK_FALSE(examine(noise, other).equalised);
}

TEST_CASE("all pairs of pictures are looked at once, the first of each pair first") {
  constexpr std::size_t count = 130;  // more than two of the blocks that are compared at a time
  const data::Image image = phantom(0);
  std::vector<Fingerprint> prints;
  for (std::size_t i = 0; i < count; ++i)
    prints.push_back(fingerprint(
        each_pixel(image, [&](double grey) { return grey * (1 - 0.002 * static_cast<double>(i)); })));
  std::vector<Described> pictures;
  for (std::size_t i = 0; i < count; ++i) pictures.push_back(describe_picture(i, false, prints[i].thumbnail));
  const std::vector<Candidate> all = all_candidates(pictures, 2, {});
  std::set<std::pair<std::size_t, std::size_t>> pairs;
  for (const Candidate& candidate : all) {
    CHECK(candidate.a->index < candidate.b->index);
    pairs.emplace(candidate.a->index, candidate.b->index);
  }
  CHECK(all.size() == count * (count - 1) / 2);
  CHECK(pairs.size() == all.size());
  CHECK(all_candidates({}, 2, {}).empty());
}

}  // namespace xr::audit
