#include "apps/audit/pixels.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "apps/audit/polarity.h"
#include "apps/text/text.h"

namespace xr::audit {

namespace {

constexpr std::size_t max_named = 5;    // in the details; audit.json has all
constexpr double serious_part = 0.05;   // of a class
constexpr std::size_t min_serious = 2;  // images

using Images = std::vector<std::size_t>;  // places in Scan::images

template <class Holds>
Images images_that(const Scan& scan, Holds&& holds) {
  Images images;
  for (std::size_t i = 0; i < scan.images.size(); ++i)
    if (holds(scan.images[i])) images.push_back(i);
  return images;
}

/// Whether these are more than a few images of some class or label.
bool are_many_of_a_class(const Scan& scan, const Images& images) {
  for (std::size_t c = 0; c < scan.class_names.size(); ++c) {
    const auto of_class = [&](std::size_t i) { return is_of(scan.images[i], c); };
    const auto found = static_cast<std::size_t>(std::ranges::count_if(images, of_class));
    std::size_t all = 0;
    for (std::size_t i = 0; i < scan.images.size(); ++i) all += of_class(i) ? 1 : 0;
    if (found >= min_serious && static_cast<double>(found) > serious_part * static_cast<double>(all))
      return true;
  }
  return false;
}

/// "covid 3, normal 1"
std::string by_class(const Scan& scan, const Images& images) {
  std::string text;
  for (std::size_t c = 0; c < scan.class_names.size(); ++c)
    text +=
        fmt::format("{}{} {}", c == 0 ? "" : ", ", text::one_line(scan.class_names[c]),
                    std::ranges::count_if(images, [&](std::size_t i) { return is_of(scan.images[i], c); }));
  return text;
}

nlohmann::json paths_of(const Scan& scan, const Images& images) {
  nlohmann::json paths = nlohmann::json::array();
  for (const std::size_t i : images) paths.push_back(scan.images[i].sample.path);
  return paths;
}

/// The first few, by class and by name, and what to do.
void add_details(Check& check, const Scan& scan, const Images& images, const char* remedy) {
  check.details.push_back(by_class(scan, images));
  for (std::size_t i = 0; i < std::min(max_named, images.size()); ++i)
    check.details.push_back(text::one_line(scan.images[images[i]].sample.path));
  if (images.size() > max_named)
    check.details.push_back(fmt::format("and {} more", images.size() - max_named));
  check.details.emplace_back(remedy);
}

}  // namespace

Check check_blank(const Scan& scan) {
  Check check{"blank", "Blank images", FindingId::no_blank_images, Verdict::ok, {}, {}, {}};
  const Images blank = images_that(scan, [](const ImageFacts& image) {
    return image.marks.one_level && image.marks.transparency != data::Transparency::picture_in_alpha;
  });
  check.figures["images"] = paths_of(scan, blank);
  if (blank.empty()) {
    check.text = "no image has one grey level only";
    return check;
  }
  check.id = FindingId::blank_images;
  check.verdict = are_many_of_a_class(scan, blank) ? Verdict::serious : Verdict::warning;
  check.text = fmt::format("{} one grey level in all pixels: there is nothing to learn from",
                           counted(blank.size(), "image has", "images have"));
  add_details(check, scan, blank, "remove them, or export them again from the originals");
  return check;
}

Check check_transparency(const Scan& scan) {
  Check check{"transparency", "Transparency", FindingId::no_transparency, Verdict::ok, {}, {}, {}};
  const auto with = [&](data::Transparency transparency) {
    return images_that(scan,
                       [&](const ImageFacts& image) { return image.marks.transparency == transparency; });
  };
  const Images some = with(data::Transparency::some), alone = with(data::Transparency::picture_in_alpha);
  check.figures["transparent"] = paths_of(scan, some);
  check.figures["picture_in_alpha"] = paths_of(scan, alone);
  if (some.empty() && alone.empty()) {
    check.text = "no image has transparent pixels";
    return check;
  }
  if (!alone.empty()) {
    check.id = FindingId::picture_in_alpha;
    check.verdict = Verdict::serious;
    check.text =
        fmt::format("{} the picture in the alpha channel alone, and nothing in the colours that are read",
                    counted(alone.size(), "image has", "images have"));
    add_details(check, scan, alone, "save them without transparency");
  }
  if (!some.empty()) {
    if (alone.empty()) check.id = FindingId::transparent_images;
    check.verdict = worse(check.verdict, Verdict::warning);
    check.text +=
        fmt::format("{}{} transparent pixels: the transparency is dropped, the colours below it are used",
                    alone.empty() ? "" : "; ", counted(some.size(), "image has", "images have"));
    add_details(check, scan, some, "look at them below, and save them without transparency");
  }
  return check;
}

Check check_depths(const Scan& scan) {
  Check check{"depths", "Bit depth", FindingId::same_depths, Verdict::ok, {}, {}, {}};
  std::map<int, Images> by_bits, by_depth;
  std::vector<int> depths;
  for (std::size_t i = 0; i < scan.images.size(); ++i) {
    const data::PictureMarks& marks = scan.images[i].marks;
    by_bits[marks.bits <= 8 ? 8 : marks.bits].push_back(i);
    depths.push_back(marks.depth);
    if (marks.depth > 0) by_depth[marks.depth].push_back(i);
  }
  // Dark images use fewer bits than the others of their set.
  const data::SampleDepths of_set = data::SampleDepths::of_set(depths);
  std::erase_if(by_depth, [&](const auto& entry) { return !of_set.contains(entry.first); });
  nlohmann::json bits = nlohmann::json::object(), in_use = nlohmann::json::object();
  for (const auto& [number, images] : by_bits) bits[std::to_string(number)] = images.size();
  for (const auto& [number, images] : by_depth) in_use[std::to_string(number)] = images.size();
  check.figures["bits"] = bits;
  check.figures["bits_in_use"] = in_use;
  const bool low_and_high = by_bits.size() > 1 && by_bits.contains(8);
  if (!low_and_high && by_depth.size() <= 1) {
    check.text = by_depth.empty() ? "all images have 8 bits a sample, or state their greatest value"
                                  : fmt::format("samples of more than 8 bits use {} bits", of_set.text());
    return check;
  }
  check.id = FindingId::mixed_depths;
  check.verdict = Verdict::warning;
  const auto list = [&](const std::map<int, Images>& parts, const char* what) {
    std::string text;
    for (const auto& [number, images] : parts) {
      text += fmt::format("{}{} with {} bits{}", text.empty() ? "" : ", ", counted(images.size(), "image"),
                          number, what);
      check.details.push_back(fmt::format("{} bits{}: {}", number, what, by_class(scan, images)));
    }
    return text;
  };
  if (low_and_high) check.text = list(by_bits, "");
  if (by_depth.size() > 1) check.text += (low_and_high ? "; " : "") + list(by_depth, " in use");
  check.text += ": a network may go by how images were saved";
  check.details.emplace_back(
      "export all of them alike from the originals; where a class has one kind only, results will mislead");
  return check;
}

Check check_polarity(const Scan& scan) {
  Check check{"polarity", "Polarity", FindingId::same_polarity, Verdict::ok, {}, {}, {}};
  std::vector<const data::Thumbnail*> thumbnails;
  Images place;
  for (std::size_t i = 0; i < scan.images.size(); ++i) {
    if (scan.images[i].marks.one_level) continue;
    thumbnails.push_back(&scan.images[i].print.thumbnail);
    place.push_back(i);
  }
  const Polarity polarity = find_inverted(thumbnails);
  Images inverted;
  for (const std::size_t i : polarity.inverted) inverted.push_back(place[i]);
  check.figures["inverted"] = paths_of(scan, inverted);
  if (!polarity.why_not.empty()) {
    check.id = FindingId::polarity_not_measured;
    check.text = "unknown: " + polarity.why_not;
    return check;
  }
  if (inverted.empty()) {
    check.text = "no image is inverted (black and white exchanged)";
    return check;
  }
  check.id = FindingId::inverted_images;
  check.verdict = are_many_of_a_class(scan, inverted) ? Verdict::serious : Verdict::warning;
  check.text =
      fmt::format("{} black and white exchanged against the other {}",
                  counted(inverted.size(), "image has", "images have"), scan.images.size() - inverted.size());
  add_details(
      check, scan, inverted,
      "look at them, and invert those that are wrong: an export of MONOCHROME1 images that ignores the tag "
      "makes bone black");
  return check;
}

std::vector<Check> check_pixels(const Scan& scan) {
  return {check_blank(scan), check_transparency(scan), check_polarity(scan), check_depths(scan)};
}

}  // namespace xr::audit
