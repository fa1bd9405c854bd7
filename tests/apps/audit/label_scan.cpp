// The audit of several labels asks about each of them for itself.
#include "apps/audit/label_scan.h"

#include <nlohmann/json.hpp>

#include "apps/audit/checks.h"
#include "apps/audit/sources.h"
#include "kernels/common/random.h"
#include "tests/data/support.h"

namespace xr::audit {

namespace {

using data::unknown_target;

/// Two labels: the first is marked by a bright border, the second by nothing. Of every tenth image it is unknown.
Scan marked_scan(std::size_t images) {
  Scan scan;
  scan.task = data::Task::multi_label;
  scan.class_names = {"marked", "plain"};
  scan.splits = {"train", "test"};
  Philox random(1, 2);
  for (std::size_t i = 0; i < images; ++i) {
    ImageFacts facts;
    facts.sample.path = fmt::format("{:04}", i);
    facts.sample.targets = {static_cast<float>(random.below(2)), static_cast<float>(random.below(2))};
    facts.split = i % 4 == 0 ? 1 : 0;
    facts.width = facts.height = thumbnail_side;
    facts.format = "npz";
    for (std::size_t p = 0; p < thumbnail_pixels; ++p) {
      const std::size_t x = p % thumbnail_side, y = p / thumbnail_side;
      const bool border = x < 6 || y < 6;
      const std::uint32_t level = 60 + random.below(40) + (border && facts.sample.targets[0] > 0 ? 40 : 0);
      facts.print.thumbnail[p] = static_cast<std::uint8_t>(level);
    }
    if (i % 10 == 0) facts.sample.targets[0] = unknown_target;
    scan.images.push_back(facts);
  }
  return scan;
}

std::vector<std::size_t> own_groups(std::size_t count) {
  std::vector<std::size_t> groups(count);
  for (std::size_t i = 0; i < count; ++i) groups[i] = i;
  return groups;
}

data::Sample with_targets(std::vector<float> targets) {
  data::Sample sample;
  sample.targets = std::move(targets);
  return sample;
}

}  // namespace

TEST_CASE("a label's images are those of which it is known") {
  const Scan scan = marked_scan(50);
  const ClassedImages label = images_of_label(scan, 0, own_groups(50));
  REQUIRE(label.images.size() == 45);
  CHECK(label.groups.size() == 45);
  CHECK(label.groups[0] == 1);
  CHECK(label.class_names == std::vector<std::string>{"without marked", "marked"});
  for (std::size_t i = 0; i < 45; ++i) {
    CHECK(label.images[i] == &scan.images[label.groups[i]]);  // no copy
    CHECK(label.classes[i] == (label.images[i]->sample.targets[0] > 0 ? 1 : 0));
  }
  CHECK(is_of(scan.images[1], 1) == (scan.images[1].sample.targets[1] > 0));
}

TEST_CASE("a shortcut to one label is found for that label alone") {
  const Scan scan = marked_scan(400);
  constexpr View views[] = {View::ring};
  const Shortcuts shortcuts = find_shortcuts(scan, own_groups(400), views, 2);
  REQUIRE(shortcuts.results.size() == 2);
  CHECK(shortcuts.results[0].class_index == 0);
  CHECK(shortcuts.results[0].images == 360);
  CHECK(*shortcuts.results[0].auc > 0.95);
  CHECK(shortcuts.results[0].verdict == Verdict::serious);
  CHECK(shortcuts.results[1].class_index == 1);
  CHECK(shortcuts.results[1].images == 400);
  CHECK(*shortcuts.results[1].auc < 0.65);
  CHECK(shortcuts.results[1].verdict == Verdict::ok);
  const Check check = check_shortcuts(scan, shortcuts);
  CHECK(check.id == FindingId::shortcut);
  CHECK(check.figures["classifiers"][0]["class"] == "marked");
}

TEST_CASE("copies contradict each other where a label that is known of both differs") {
  CHECK(contradict(with_targets({1, 0}), with_targets({0, 0})));
  CHECK_FALSE(contradict(with_targets({1, 0}), with_targets({1, 0})));
  CHECK_FALSE(contradict(with_targets({1, unknown_target}), with_targets({unknown_target, 0})));
  data::Sample a, b;
  b.class_index = 1;
  CHECK(contradict(a, b));
}

TEST_CASE("labels are counted by split, and few test images are a warning") {
  const Scan scan = marked_scan(80);
  const Check check = check_balance(scan);
  CHECK(check.id == FindingId::few_test_images);
  const auto& marked = check.figures["splits"]["test"]["marked"];
  CHECK(marked["with"].get<int>() + marked["without"].get<int>() == 16);
  CHECK(check_sizes(scan, 64).figures["classes"]["all images"]["images"] == 80);
  const Check sources = check_sources(scan, nullptr, own_groups(80));
  CHECK(sources.id == FindingId::sources_unknown);
}

TEST_CASE("a label is rare below one image in a hundred, and few test images are those with or without it") {
  Scan scan;
  scan.task = data::Task::multi_label;
  scan.class_names = {"rare", "common"};
  scan.splits = {"train", "test"};
  const auto add = [&](int split, int count, float rare, float common) {
    for (int i = 0; i < count; ++i) {
      ImageFacts facts;
      facts.sample.targets = {rare, common};
      facts.split = split;
      scan.images.push_back(facts);
    }
  };
  add(0, 2, 1, 0);
  add(0, 20, 0, 1);
  add(0, 278, 0, 0);
  add(1, 40, 1, 1);
  add(1, 40, 0, 0);
  const Check check = check_label_balance(scan);
  CHECK(check.id == FindingId::balanced_classes);
  CHECK(check.figures["rare_labels"] == 1);
  scan.images.resize(scan.images.size() - 20);  // 20 without it in the test split
  CHECK(check_label_balance(scan).id == FindingId::few_test_images);
}

TEST_CASE("the sources' finding is about the label that they tell best") {
  Scan scan;
  scan.task = data::Task::multi_label;
  scan.class_names = {"even", "told"};
  scan.splits = {"all"};
  SourceTable table{"sources.csv", {{"file", "source"}, {}, 0}};
  for (std::size_t i = 0; i < 200; ++i) {
    ImageFacts facts;
    const bool source = i % 2 == 0;
    facts.sample.path = fmt::format("{:03}.png", i);
    const bool told = (i % 20 < 2) != source;  // of every tenth pair the other way around
    facts.sample.targets = {static_cast<float>(i / 2 % 2), told ? 1.0f : 0.0f};
    table.table.rows.push_back({facts.sample.path, source ? "a" : "b"});
    scan.images.push_back(facts);
  }
  const Check check = check_label_sources(scan, &table, own_groups(200));
  CHECK(check.verdict == Verdict::serious);
  CHECK(check.figures["labels"].size() == 2);
  CHECK(check.text.starts_with("told: "));
}

}  // namespace xr::audit
