// What can be said of how well scores tell the classes, and what cannot.
#include "apps/audit/separation.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <numeric>

#include "apps/audit/checks.h"
#include "apps/audit/shortcuts.h"
#include "kernels/common/random.h"
#include "tests/data/support.h"

namespace xr::audit {

namespace {

std::vector<std::size_t> each_its_own(std::size_t count) {
  std::vector<std::size_t> groups(count);
  std::iota(groups.begin(), groups.end(), std::size_t{0});
  return groups;
}

/// Evenly spread scores of `images` of each class, those of one class `shift` of the range higher.
Separation separation(int images, double shift, bool patients_of_four = false) {
  std::vector<std::uint8_t> positive;
  std::vector<double> scores;
  std::vector<std::size_t> groups;
  for (int i = 0; i < images; ++i)
    for (const int of_class : {0, 1}) {
      positive.push_back(static_cast<std::uint8_t>(of_class));
      scores.push_back(i + of_class * shift * images);
      groups.push_back(static_cast<std::size_t>(2 * (patients_of_four ? i / 4 : i) + of_class));
    }
  return measure_separation(positive, scores, groups, {});
}

/// Images of grey noise, in folders of these sizes, with nothing that tells them apart.
Scan noise_scan(const std::vector<int>& sizes) {
  Scan scan;
  Philox random(9, 9);
  for (std::size_t c = 0; c < sizes.size(); ++c) {
    scan.class_names.emplace_back(1, static_cast<char>('a' + c));
    for (int i = 0; i < sizes[c]; ++i) {
      ImageFacts image;
      image.sample = {fmt::format("{}/{}.png", c, i), static_cast<int>(c), {}};
      image.format = "png";
      image.width = image.height = 64;
      image.channels = 1;
      image.bits = 8;
      for (std::uint8_t& pixel : image.print.thumbnail)
        pixel = static_cast<std::uint8_t>(std::clamp(120.0f + 20.0f * random.normal(), 0.0f, 255.0f));
      scan.images.push_back(std::move(image));
    }
  }
  return scan;
}

Check shortcuts_of(const Scan& scan, const std::vector<std::size_t>& groups) {
  constexpr View views[] = {View::file, View::ring};
  return check_shortcuts(scan, find_shortcuts(scan, groups, views, 2));
}

}  // namespace

TEST_CASE("an interval that is wide tells nothing") {
  for (const double shift : {-0.02, 0.0, 0.05}) {
    CHECK(separation(12, shift).verdict == Verdict::ok);
    CHECK(separation(12, shift).doubt == Doubt::few);
    CHECK(separation(400, shift).verdict == Verdict::ok);
    CHECK(separation(400, shift).doubt == Doubt::none);
  }
  CHECK(separation(400, 0.3).verdict == Verdict::serious);
  CHECK(separation(400, 0.3).doubt == Doubt::none);
  CHECK(separation(60, 0.13).verdict == Verdict::ok);  // 0.62, from 0.52 to 0.71
  CHECK(separation(60, 0.13).doubt == Doubt::wide);
  const Separation same =
      measure_separation(std::vector<std::uint8_t>{0, 1}, std::vector<double>{1, 1}, each_its_own(2), {2, 2});
  CHECK(same.doubt == Doubt::none);
}

TEST_CASE("no shortcut is asserted from fewer than a hundred patients") {
  CHECK(separation(49, 1.0).verdict == Verdict::ok);
  CHECK(separation(49, 1.0).doubt == Doubt::few);
  CHECK(separation(50, 1.0).verdict == Verdict::serious);
  CHECK(separation(100, 1.0, true).doubt == Doubt::few);  // 200 images of 50 patients
  CHECK(separation(200, 1.0, true).verdict == Verdict::serious);
}

TEST_CASE("an interval below 0.5 is no reassurance") {
  const Separation below = separation(400, -0.2);
  REQUIRE(below.interval);
  CHECK(below.interval->high < 0.5);
  CHECK(below.doubt == Doubt::below);
  CHECK(separation(400, -1.0).doubt == Doubt::below);  // no interval
  CHECK(figures_of(below)["undecided"] == true);
}

TEST_CASE("a class of one patient cannot be told") {
  const Scan scan = noise_scan({30, 120});
  std::vector<std::size_t> groups = each_its_own(150);
  std::fill(groups.begin(), groups.begin() + 30, std::size_t{0});
  const Check check = shortcuts_of(scan, groups);
  CHECK(check.verdict == Verdict::warning);
  CHECK(check.id == FindingId::shortcuts_not_measured);
  CHECK(check.figures["classifiers"].empty());
  // Five patients are enough, though one of them has most of the images.
  for (std::size_t i = 0; i < 5; ++i) groups[i] = i;
  CHECK(shortcuts_of(scan, groups).figures["classifiers"].size() == 2);
}

TEST_CASE("folds that leave nothing of a class to learn from are refused") {
  // Four patients of class a with 30 images each fill four folds; five small ones, who alone have images of b
  // too, all go into the fifth.
  std::vector<std::int64_t> labels(120, 0);
  std::vector<std::size_t> groups;
  for (std::size_t i = 0; i < 120; ++i) groups.push_back(i / 30);
  for (std::size_t patient = 4; patient < 9; ++patient)
    for (const std::int64_t label : {0, 1, 1}) {
      labels.push_back(label);
      groups.push_back(patient);
    }
  CHECK_THAT(cut_folds(labels, groups, {"a", "b"}).why_not, Catch::Matchers::Contains("lacks a class"));
  CHECK(cut_folds(labels, each_its_own(labels.size()), {"a", "b"}).why_not.empty());
}

TEST_CASE("a classifier that sees nothing has an AUC of a half, however the folds fall") {
  for (const auto& [a, b] : {std::pair{10, 10}, {11, 12}, {13, 13}, {22, 22}, {12, 100}, {70, 61}}) {
    const Scan scan = noise_scan({a, b});
    constexpr View views[] = {View::file};
    const Shortcuts found = find_shortcuts(scan, each_its_own(scan.images.size()), views, 2);
    REQUIRE(found.results.size() == 1);
    INFO(a << " and " << b);
    CHECK(found.results[0].auc == 0.5);
  }
}

TEST_CASE("shuffled labels hardly ever seem to be a shortcut") {
  // 60 sets of 120 images, and as many of 120 patients with three images each.
  for (const std::size_t images : {std::size_t{1}, std::size_t{3}}) {
    std::size_t asserted = 0, excluded = 0, sets = 60;
    Philox random(21, images);
    for (std::size_t set = 0; set < sets; ++set) {
      FeatureTable table{8, {}};
      std::vector<std::int64_t> labels;
      std::vector<std::uint8_t> positive;
      std::vector<std::size_t> groups;
      for (std::size_t patient = 0; patient < 120; ++patient) {
        std::vector<float> of_patient;
        for (int k = 0; k < 8; ++k) of_patient.push_back(random.normal());
        for (std::size_t i = 0; i < images; ++i) {
          for (const float value : of_patient) table.values.push_back(value + 0.3f * random.normal());
          labels.push_back(static_cast<std::int64_t>(patient % 2));
          positive.push_back(static_cast<std::uint8_t>(patient % 2));
          groups.push_back(patient);
        }
      }
      const Folds folds = cut_folds(labels, groups, {"a", "b"});
      REQUIRE(folds.why_not.empty());
      const CrossValidated found = cross_validate(table, positive, folds.fold_of, shortcut_folds, 0.1, 2);
      const Separation result = measure_separation(positive, found.scores, groups, {}, learned_variance);
      asserted += result.verdict != Verdict::ok;
      REQUIRE(result.interval);
      excluded += result.interval->low > 0.5;
    }
    INFO(images << " images a patient, 0.5 excluded " << excluded << " times");
    CHECK(asserted <= 1);
    CHECK(excluded <= sets / 20);
  }
}

TEST_CASE("the class that the verdict rests on is the one that is told of") {
  // Of three classes a few images of a with a high but uncertain AUC, many of b with a lower but certain one.
  const Scan scan = noise_scan({2, 2, 2});
  Shortcuts shortcuts;
  shortcuts.images = shortcuts.groups = 212;
  shortcuts.results = {
      {{0.80, statistics::Interval{0.55, 0.93}, Verdict::ok, Doubt::wide}, View::ring, 0, 150},
      {{0.76, statistics::Interval{0.70, 0.81}, Verdict::serious, Doubt::none}, View::ring, 1, 160},
      {{0.77, statistics::Interval{0.69, 0.82}, Verdict::warning, Doubt::none}, View::ring, 2, 160}};
  const Check check = check_shortcuts(scan, shortcuts);
  CHECK(check.verdict == Verdict::serious);
  CHECK(check.id == FindingId::shortcut);
  CHECK_THAT(check.text, Catch::Matchers::Contains("class b") && Catch::Matchers::Contains("0.76"));
  CHECK_THAT(check.details[0], Catch::Matchers::Contains("160 of 212") &&
                                   Catch::Matchers::Contains("class b") &&
                                   Catch::Matchers::Contains("serious"));
  CHECK(clearer(shortcuts.results[2], shortcuts.results[0]));
  CHECK_FALSE(clearer(shortcuts.results[2], shortcuts.results[1]));
}

}  // namespace xr::audit
