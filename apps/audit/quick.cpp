#include "apps/audit/quick.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>

#include "apps/audit/checks.h"
#include "apps/audit/pixels.h"
#include "apps/audit/shortcuts.h"
#include "apps/audit/sources.h"
#include "data/image/image_header.h"
#include "kernels/common/error.h"

namespace xr::audit {

namespace {

constexpr std::size_t max_images_compared = 10000, max_images_learned_from = 2000;
constexpr std::size_t header_bytes = 65536;

/// Format and size from the beginning of the file; false if it does not tell.
bool read_header(const std::filesystem::path& path, ImageFacts& facts) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> bytes(header_bytes);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  try {
    const data::ImageHeader header = data::read_image_header(std::as_bytes(std::span(bytes)));
    facts.format = data::describe(header.format).id;
    facts.width = static_cast<int>(header.width);
    facts.height = static_cast<int>(header.height);
    facts.channels = header.channels;
    facts.bits = header.bits;
    return facts.width > 0 && facts.height > 0;
  } catch (const Error&) {
    return false;
  }
}

Scan scan_decoded(const data::Dataset& dataset, const QuickImages& images) {
  Scan scan;
  scan.directory = dataset.directory;
  scan.root = dataset.root;
  scan.task = dataset.task;
  scan.class_names = dataset.class_names;
  scan.group_origin = dataset.group_origin;
  scan.dicom = dataset.dicom;
  add_decoded(scan, {{&images.train, "train"}, {&images.validation, "validation"}, {&images.test, "test"}});
  return scan;
}

/// Nothing where there are too few images to try, or to tell and no sign of a shortcut: what `audit` says of
/// them is no news to who trains on them.
std::optional<Check> quick_shortcuts(Scan& scan, const Copies& copies) {
  bool headers = scan.task == data::Task::multi_class;  // of labels: too long for every start
  for (ImageFacts& image : scan.images)
    headers = read_header(scan.directory / image.sample.path, image) && headers;
  std::vector<View> views = {View::ring};
  if (headers) views.push_back(View::file);
  if (has_different_tags(scan)) views.push_back(View::tags);
  const Shortcuts shortcuts = find_shortcuts(scan, group_numbers(scan, copies), views, 0);
  const bool few = shortcuts.groups < min_groups;
  if (few && std::ranges::none_of(shortcuts.results, [](const ShortcutResult& result) {
        return result.auc && (result.interval ? result.interval->low : *result.auc) > Limits{}.warning;
      }))
    return std::nullopt;
  return check_shortcuts(scan, shortcuts);
}

std::vector<Check> quick_checks(const data::Dataset& dataset, const QuickImages& images) {
  Scan scan = scan_decoded(dataset, images);
  std::vector<Check> checks = {check_balance(scan)};
  if (!scan.group_origin.empty()) checks.push_back(check_patients(scan));
  Copies copies;
  if (scan.images.size() <= max_images_compared) {
    copies = find_copies_in(scan, 0);
    checks.push_back(check_copies(scan, copies));
    checks.push_back(check_labels(scan, copies));
  } else {
    checks.push_back(
        {"duplicates",
         "Duplicates",
         FindingId::duplicates_not_searched,
         Verdict::warning,
         fmt::format("not looked for among {} images before a training (at most {} are compared)",
                     scan.images.size(), max_images_compared),
         {},
         {}});
  }
  std::ranges::move(check_pixels(scan), std::back_inserter(checks));
  const auto sources = find_source_table(dataset, {});
  checks.push_back(check_sources(scan, sources ? &*sources : nullptr, group_numbers(scan, copies)));
  if (scan.images.size() <= max_images_learned_from)
    if (std::optional<Check> check = quick_shortcuts(scan, copies)) checks.push_back(std::move(*check));
  return checks;
}

}  // namespace

std::vector<Check> quick_findings(const data::Dataset& dataset, const QuickImages& images) {
  std::vector<Check> findings;
  try {
    for (Check& check : quick_checks(dataset, images)) {
      // A wide interval of the results is no finding about the images.
      if (check.verdict != Verdict::ok && check.id != FindingId::few_test_images)
        findings.push_back(std::move(check));
    }
  } catch (const std::exception& error) {  // a training never ends for its audit
    Check check{"audit", "Audit", FindingId::audit_unfinished, Verdict::warning, {}, {}, {}};
    check.text = fmt::format("it could not be finished: {}", error.what());
    findings.push_back(std::move(check));
  }
  sort_by_verdict(findings);
  return findings;
}

}  // namespace xr::audit
