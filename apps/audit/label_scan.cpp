#include "apps/audit/label_scan.h"

#include <fmt/format.h>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/text/text.h"

namespace xr::audit {

namespace {

/// Fewer test images with a label, or without, leave its figures wide intervals.
constexpr std::size_t min_test_images = 30;

struct LabelCounts {
  std::size_t with = 0, without = 0;
};

}  // namespace

ClassedImages images_of_label(const Scan& scan, std::size_t label, std::span<const std::size_t> groups) {
  ClassedImages result;
  result.class_names = {"without " + scan.class_names[label], scan.class_names[label]};
  for (std::size_t i = 0; i < scan.images.size(); ++i) {
    const float target = scan.images[i].sample.targets[label];
    if (!data::is_known(target)) continue;
    result.images.push_back(&scan.images[i]);
    result.classes.push_back(target > 0.5f ? 1 : 0);
    result.groups.push_back(groups[i]);
  }
  return result;
}

bool contradict(const data::Sample& a, const data::Sample& b) {
  for (std::size_t l = 0; l < std::min(a.targets.size(), b.targets.size()); ++l)
    if (data::is_known(a.targets[l]) && data::is_known(b.targets[l]) && a.targets[l] != b.targets[l])
      return true;
  return a.class_index != b.class_index;
}

Shortcuts find_label_shortcuts(const Scan& scan, std::span<const std::size_t> groups,
                               std::span<const View> views, int workers, Ranks ranks) {
  Shortcuts all;
  std::vector<Shortcuts> of_label;
  for (std::size_t l = 0; l < scan.class_names.size(); ++l) {
    of_label.push_back(find_shortcuts(images_of_label(scan, l, groups), views, workers, ranks));
    all.images = std::max(all.images, of_label.back().images);
    all.groups = std::max(all.groups, of_label.back().groups);
    if (!of_label.back().why_not.empty()) all.why_not = of_label.back().why_not;
  }
  for (const View view : views)
    for (std::size_t l = 0; l < of_label.size(); ++l)
      for (ShortcutResult result : of_label[l].results) {
        if (result.view != view) continue;
        result.class_index = l;
        result.images = of_label[l].images;
        all.results.push_back(result);
      }
  return all;
}

Check check_label_sources(const Scan& scan, const SourceTable* table, std::span<const std::size_t> groups) {
  Check worst;
  nlohmann::json labels = nlohmann::json::object();
  for (std::size_t l = 0; l < scan.class_names.size(); ++l) {
    Check check = check_sources(images_of_label(scan, l, groups), scan, table);
    if (check.id == FindingId::sources_unknown || check.id == FindingId::sources_without_column) return check;
    labels[scan.class_names[l]] = check.figures.json();
    if (l > 0 && static_cast<int>(check.verdict) <= static_cast<int>(worst.verdict)) continue;
    worst = std::move(check);
    worst.text = fmt::format("{}: {}", text::one_line(scan.class_names[l]), worst.text);
  }
  worst.figures["labels"] = std::move(labels);
  return worst;
}

Check check_label_balance(const Scan& scan) {
  Check check{"balance", "Labels", FindingId::balanced_classes, Verdict::ok, {}, {}, {}};
  const std::size_t labels = scan.class_names.size();
  std::vector<std::vector<LabelCounts>> counts(scan.splits.size(), std::vector<LabelCounts>(labels));
  for (const ImageFacts& image : scan.images)
    for (std::size_t l = 0; l < labels; ++l) {
      if (!data::is_known(image.sample.targets[l])) continue;
      LabelCounts& count = counts[static_cast<std::size_t>(image.split)][l];
      ++(image.sample.targets[l] > 0.5f ? count.with : count.without);
    }
  std::vector<std::string> few;
  std::size_t rare = 0;
  for (std::size_t s = 0; s < scan.splits.size(); ++s) {
    std::string text;
    for (std::size_t l = 0; l < labels; ++l) {
      const LabelCounts& count = counts[s][l];
      check.figures["splits"][scan.splits[s]][scan.class_names[l]] = {{"with", count.with},
                                                                      {"without", count.without}};
      text += fmt::format("{}{} {} of {}", l == 0 ? "" : ", ", text::one_line(scan.class_names[l]),
                          count.with, count.with + count.without);
      if (scan.splits[s] == "test" && std::min(count.with, count.without) < min_test_images)
        few.push_back(text::one_line(scan.class_names[l]));
      if (s == 0 && count.with * 100 < count.with + count.without) ++rare;
    }
    check.details.push_back(fmt::format("{}: {}", scan.splits[s], text));
  }
  check.figures["rare_labels"] = rare;
  if (few.empty()) {
    check.text = fmt::format("{}; {} of them on less than 1% of the images", counted(labels, "label"), rare);
    return check;
  }
  check.id = FindingId::few_test_images;
  check.verdict = Verdict::warning;
  check.text = fmt::format("fewer than {} test images with or without {}: wide intervals", min_test_images,
                           fmt::join(few, ", "));
  return check;
}

}  // namespace xr::audit
