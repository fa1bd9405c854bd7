// What the audit says of images that hold nothing or were stored otherwise than the rest.
#include "apps/audit/pixels.h"

#include <nlohmann/json.hpp>

#include "apps/audit/checks.h"
#include "tests/apps/audit/altered.h"

namespace xr::audit {

namespace {

using data::Transparency;

/// Images in turn of two classes with these marks.
Scan scan_of(const std::vector<data::PictureMarks>& marks) {
  Scan scan;
  scan.class_names = {"covid", "normal"};
  scan.splits = {"train"};
  for (std::size_t i = 0; i < marks.size(); ++i) {
    ImageFacts image;
    image.sample = {fmt::format("{:02}.png", i), static_cast<int>(i % 2), {}};
    image.marks = marks[i];
    image.print.pixels = marks[i].one_level ? 1 : 100 + i;  // blank ones are the same to the byte
    scan.images.push_back(image);
  }
  return scan;
}

std::vector<data::PictureMarks> marks_of_most(std::size_t images) {
  return std::vector<data::PictureMarks>(images, {8, 0, Transparency::none, false});
}

}  // namespace

TEST_CASE("ordinary images have no finding about their pixels") {
  for (const Check& check : check_pixels(scan_of(marks_of_most(20)))) {
    INFO(check.name);
    CHECK(check.verdict == Verdict::ok);
    CHECK_FALSE(check.text.empty());
  }
}

TEST_CASE("blank images are a finding and never contradicting labels") {
  std::vector<data::PictureMarks> marks = marks_of_most(100);
  marks[10].one_level = marks[11].one_level = true;
  const Scan scan = scan_of(marks);
  const Check check = check_blank(scan);
  CHECK(check.id == FindingId::blank_images);
  CHECK(check.verdict == Verdict::warning);
  CHECK(check.figures["images"] == nlohmann::json({"10.png", "11.png"}));
  const Copies copies = find_copies_in(scan, 1);
  CHECK(copies.pairs.empty());
  CHECK(check_labels(scan, copies).id == FindingId::no_contradicting_labels);
  // Many of a class.
  for (const std::size_t i : {20, 22, 24}) marks[i].one_level = true;
  CHECK(check_blank(scan_of(marks)).verdict == Verdict::serious);
}

TEST_CASE("copies have their places in the scan when blank images are between them") {
  std::vector<data::PictureMarks> marks = marks_of_most(6);
  marks[0].one_level = marks[2].one_level = true;
  Scan scan = scan_of(marks);
  scan.images[4].print.pixels = scan.images[3].print.pixels;
  const Copies copies = find_copies_in(scan, 1);
  REQUIRE(copies.pairs.size() == 1);
  CHECK(copies.pairs[0].a == 3);
  CHECK(copies.pairs[0].b == 4);
}

TEST_CASE("transparency is a finding and pictures in alpha alone a serious one") {
  std::vector<data::PictureMarks> marks = marks_of_most(20);
  marks[4].transparency = Transparency::some;
  CHECK(check_transparency(scan_of(marks)).id == FindingId::transparent_images);
  CHECK(check_transparency(scan_of(marks)).verdict == Verdict::warning);
  marks[5] = {8, 0, Transparency::picture_in_alpha, true};
  const Check check = check_transparency(scan_of(marks));
  CHECK(check.id == FindingId::picture_in_alpha);
  CHECK(check.verdict == Verdict::serious);
  CHECK(check.figures["transparent"] == nlohmann::json({"04.png"}));
  CHECK(check.figures["picture_in_alpha"] == nlohmann::json({"05.png"}));
  CHECK(check_blank(scan_of(marks)).id == FindingId::no_blank_images);  // one finding about each image
}

TEST_CASE("mixed depths are a finding and dark images of a set are none") {
  std::vector<data::PictureMarks> marks(40, {16, 12, Transparency::none, false});
  CHECK(check_depths(scan_of(marks)).id == FindingId::same_depths);
  marks[3].depth = 10;  // one dark image
  CHECK(check_depths(scan_of(marks)).id == FindingId::same_depths);
  for (std::size_t i = 0; i < 10; ++i) marks[i].depth = 16;
  const Check check = check_depths(scan_of(marks));
  CHECK(check.id == FindingId::mixed_depths);
  CHECK(check.verdict == Verdict::warning);
  CHECK(check.figures["bits_in_use"] == nlohmann::json({{"12", 30}, {"16", 10}}));
  marks = std::vector<data::PictureMarks>(40, {16, 12, Transparency::none, false});
  marks[0] = {8, 0, Transparency::none, false};
  CHECK(check_depths(scan_of(marks)).id == FindingId::mixed_depths);
  CHECK(check_depths(scan_of(marks)).figures["bits"] == nlohmann::json({{"8", 1}, {"16", 39}}));
}

TEST_CASE("inverted images have their places in the scan when blank images are between them") {
  std::vector<data::PictureMarks> marks = marks_of_most(30);
  for (std::size_t i = 0; i < 16; ++i) marks[i].one_level = true;  // more than half
  Scan scan = scan_of(marks);
  for (std::size_t i = 0; i < scan.images.size(); ++i)
    if (!marks[i].one_level) scan.images[i].print = test::fingerprint(test::phantom(static_cast<int>(i)));
  CHECK(check_polarity(scan).id == FindingId::same_polarity);
  const auto invert = [&](std::size_t i) {
    scan.images[i].print = test::fingerprint(test::inverted(test::phantom(static_cast<int>(i))));
  };
  invert(21);
  const Check one = check_polarity(scan);
  CHECK(one.id == FindingId::inverted_images);
  CHECK(one.verdict == Verdict::warning);  // one image is no pattern, however small its class
  CHECK(one.figures["inverted"] == nlohmann::json({"21.png"}));
  invert(25);
  CHECK(check_polarity(scan).verdict == Verdict::serious);
}

}  // namespace xr::audit
