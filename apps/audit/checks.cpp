#include "apps/audit/checks.h"

#include <fmt/format.h>
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "apps/audit/label_scan.h"
#include "apps/text/text.h"
#include "kernels/common/error.h"

namespace xr::audit {

namespace {

constexpr const char* copies_looked_for =
    "exact: the same pixels; near: re-encoded, resized, brightened, inverted, mirrored, rotated by "
    "90 degrees, equalised, framed in one grey level, or cropped by up to 5% of each side (many of those cropped "
    "more are missed); not looked for: rotated by other angles, locally equalised (CLAHE)";
constexpr const char* found_by_index =
    "candidates came from an index of nearest neighbours, because all pairs of so many images take long: of the "
    "near duplicates about 1 in 100 may be missed";
constexpr std::size_t max_examples = 5;  // examples in the text; audit.json has all

struct PairKind {
  bool across_splits = false, across_classes = false;
};

PairKind kind_of(const Scan& scan, const CopyPair& pair) {
  const ImageFacts &a = scan.images[pair.a], &b = scan.images[pair.b];
  return {a.split != b.split, contradict(a.sample, b.sample)};
}

bool is_test(const Scan& scan, std::size_t image) {
  return scan.splits[static_cast<std::size_t>(scan.images[image].split)] == "test";
}

/// Of `splits` pairs in two splits, `with_test` of which have one image in test.
std::string splits_text(std::size_t splits, std::size_t with_test) {
  const std::string pairs = "; " + counted(splits, "pair lies", "pairs lie") + " in two splits";
  if (with_test == 0) return pairs + ": what is validated on has been trained on";
  if (with_test == splits) return pairs + ": what is tested on has been trained on";
  return pairs + fmt::format(", {} of them in test: what is tested on has been seen before", with_test);
}

std::string pair_text(const Scan& scan, const CopyPair& pair) {
  const std::string both = fmt::format("{} and {}", text::one_line(scan.images[pair.a].sample.path),
                                       text::one_line(scan.images[pair.b].sample.path));
  if (pair.kind == CopyKind::exact) return both + ": the same pixels";
  return fmt::format("{}: the same picture{}{}{}{}{}{} (correlation {:.4f}{})", both,
                     pair.turn == Turn::none ? "" : ", ", turn_text(pair.turn),
                     pair.equalised ? ", equalised" : "", pair.inverted ? ", black and white inverted" : "",
                     pair.framed ? ", without the border of one grey level" : "",
                     pair.cut > 0.045 ? ", cropped" : "",
                     pair.cut > 0.045 ? pair.aligned_correlation : pair.correlation,
                     pair.cut > 0.045 ? " of what both show" : "");
}

nlohmann::json pair_figures(const Scan& scan, const CopyPair& pair) {
  const PairKind kind = kind_of(scan, pair);
  return {{"a", scan.images[pair.a].sample.path},
          {"b", scan.images[pair.b].sample.path},
          {"kind", pair.kind == CopyKind::exact ? "exact" : "near"},
          {"correlation", pair.correlation},
          {"aligned_correlation", pair.aligned_correlation},
          {"cut", pair.cut},
          {"inverted", pair.inverted},
          {"framed", pair.framed},
          {"turn", turn_name(pair.turn)},
          {"equalised", pair.equalised},
          {"across_splits", kind.across_splits},
          {"across_classes", kind.across_classes}};
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const std::size_t middle = values.size() / 2;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(middle), values.end());
  return values[middle];
}

}  // namespace

Check check_copies(const Scan& scan, const Copies& copies) {
  Check check{"duplicates", "Duplicates", FindingId::no_duplicates, Verdict::ok, {}, {}, {}};
  std::size_t exact = 0, splits = 0, with_test = 0;
  nlohmann::json pairs = nlohmann::json::array();
  std::vector<const CopyPair*> order;  // those across splits first
  for (const CopyPair& pair : copies.pairs) {
    if (pair.kind == CopyKind::exact) ++exact;
    if (kind_of(scan, pair).across_splits) ++splits;
    if (kind_of(scan, pair).across_splits && (is_test(scan, pair.a) || is_test(scan, pair.b))) ++with_test;
    pairs.push_back(pair_figures(scan, pair));
    order.push_back(&pair);
  }
  std::stable_partition(order.begin(), order.end(),
                        [&](const CopyPair* pair) { return kind_of(scan, *pair).across_splits; });
  check.figures = {{"exact", exact},
                   {"near", copies.pairs.size() - exact},
                   {"across_splits", splits},
                   {"complete", copies.complete},
                   {"by_index", copies.by_index},
                   {"least_correlation", min_correlation},
                   {"pairs", std::move(pairs)}};
  if (copies.pairs.empty()) {
    check.text = fmt::format("no duplicates among {}", counted(scan.images.size(), "image"));
    check.details.emplace_back(copies_looked_for);
    if (copies.by_index) check.details.emplace_back(found_by_index);
    return check;
  }
  check.verdict = splits > 0 ? Verdict::serious : Verdict::warning;
  check.id = splits > 0 ? FindingId::duplicates_across_splits : FindingId::duplicates;
  check.text = fmt::format("{}{}: {} exact, {} near", copies.complete ? "" : "more than ",
                           counted(copies.pairs.size(), "pair of duplicates", "pairs of duplicates"), exact,
                           copies.pairs.size() - exact);
  if (splits > 0) check.text += splits_text(splits, with_test);
  for (std::size_t i = 0; i < std::min(max_examples, order.size()); ++i)
    check.details.push_back(pair_text(scan, *order[i]));
  if (order.size() > max_examples)
    check.details.push_back(fmt::format("and {} more", order.size() - max_examples));
  if (copies.by_index) check.details.emplace_back(found_by_index);
  if (const std::string table = table_path_text(scan); table.empty())
    check.details.emplace_back("remove all but one of each");
  else
    check.details.push_back(fmt::format(
        "remove all but one of each, or give them one patient in {}{}", table,
        scan.splits.size() > 1 ? " and split with --split-by-group" : ", so that they stay together"));
  return check;
}

Check check_labels(const Scan& scan, const Copies& copies) {
  Check check{"labels", "Label conflicts", FindingId::no_contradicting_labels, Verdict::ok, {}, {}, {}};
  std::size_t count = 0;
  check.figures["pairs"] = nlohmann::json::array();
  for (const CopyPair& pair : copies.pairs) {
    if (!kind_of(scan, pair).across_classes) continue;
    check.figures["pairs"].push_back(pair_figures(scan, pair));
    if (++count <= max_examples) check.details.push_back(pair_text(scan, pair));
  }
  check.figures["count"] = count;
  check.verdict = count > 0 ? Verdict::serious : Verdict::ok;
  if (count > 0) check.id = FindingId::contradicting_labels;
  if (scan.task == data::Task::multi_label)
    check.text = count == 0
                     ? "no duplicates have different labels"
                     : fmt::format("{} different labels: one of them is wrong",
                                   counted(count, "pair of duplicates has", "pairs of duplicates have"));
  else
    check.text = count == 0
                     ? "no duplicates across classes"
                     : fmt::format("{} in the folders of two classes: one of the labels is wrong",
                                   counted(count, "pair of duplicates lies", "pairs of duplicates lie"));
  if (count > max_examples) check.details.push_back(fmt::format("and {} more", count - max_examples));
  return check;
}

Check check_patients(const Scan& scan) {
  Check check{"patients", "Patients", FindingId::patients_apart, Verdict::ok, {}, {}, {}};
  std::map<std::string, std::set<int>> splits_of;
  std::map<std::string, std::vector<std::string>> files_of;
  std::size_t known = 0;
  for (const ImageFacts& image : scan.images) {
    if (image.sample.group.empty()) continue;
    ++known;
    splits_of[image.sample.group].insert(image.split);
    files_of[image.sample.group].push_back(image.sample.path);
  }
  std::size_t shared = 0, images = 0;
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [patient, splits] : splits_of) {
    if (splits.size() < 2) continue;
    images += files_of[patient].size();
    list.push_back({{"patient", patient}, {"images", files_of[patient]}});
    if (++shared <= max_examples)
      check.details.push_back(
          fmt::format("{}: {}", text::one_line(patient),
                      text::one_line(fmt::format("{}", fmt::join(files_of[patient], ", ")))));
  }
  check.figures = {{"known_images", known},
                   {"patients", splits_of.size()},
                   {"in_two_splits", shared},
                   {"origin", nullptr},
                   {"shared", std::move(list)}};
  if (!scan.group_origin.empty()) check.figures["origin"] = scan.group_origin;
  if (known == 0) {
    check.id = FindingId::patients_unknown;
    check.verdict = Verdict::warning;
    const std::string table = table_path_text(scan);
    check.text = fmt::format(
        "unknown: training and test images may share patients; {}give --groups FILE.csv or --group-regex",
        table.empty() ? "" : fmt::format("list them in {} (columns file, patient), or ", table));
    return check;
  }
  if (static_cast<double>(known) < data::min_known_part * static_cast<double>(scan.images.size())) {
    check.id = FindingId::patients_partly_known;
    check.verdict = Verdict::warning;
  }
  const std::string of = known == scan.images.size()
                             ? fmt::format("all {} images", known)
                             : fmt::format("{} of {} images", known, scan.images.size());
  if (shared > 0) {
    check.id = FindingId::patients_in_two_splits;
    check.verdict = Verdict::serious;
    check.text = fmt::format(
        "{} of {} images in two splits ({} images): what is tested on is partly known from "
        "training; patients of {} from {}",
        shared, counted(splits_of.size(), "patient has", "patients have"), images, of,
        text::one_line(scan.group_origin));
    if (shared > max_examples) check.details.push_back(fmt::format("and {} more", shared - max_examples));
    check.details.emplace_back("xrtrain train --split-by-group splits all images again by patient");
    return check;
  }
  const std::string patients = counted(splits_of.size(), "patient");
  check.text = scan.splits.size() > 1
                   ? fmt::format("none of {} has images in two splits; patients of {} from {}", patients, of,
                                 text::one_line(scan.group_origin))
                   : fmt::format("{}, who will not be split; patients of {} from {}", patients, of,
                                 text::one_line(scan.group_origin));
  if (check.verdict == Verdict::warning)
    check.text += fmt::format("; unknown for the other {}", scan.images.size() - known);
  return check;
}

std::vector<std::size_t> group_numbers(const Scan& scan, const Copies& copies) {
  std::vector<std::size_t> parent(scan.images.size());
  std::iota(parent.begin(), parent.end(), std::size_t{0});
  const auto root = [&](std::size_t i) {
    while (parent[i] != i) i = parent[i] = parent[parent[i]];
    return i;
  };
  const auto join = [&](std::size_t a, std::size_t b) {
    const std::size_t x = root(a), y = root(b);
    parent[std::max(x, y)] = std::min(x, y);
  };
  std::map<std::string, std::size_t> first;
  for (std::size_t i = 0; i < scan.images.size(); ++i)
    if (const std::string& patient = scan.images[i].sample.group; !patient.empty())
      join(first.try_emplace(patient, i).first->second, i);
  for (const CopyPair& pair : copies.pairs) join(pair.a, pair.b);
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < scan.images.size(); ++i) result.push_back(root(i));
  return result;
}

Check check_balance(const Scan& scan) {
  if (scan.task == data::Task::multi_label) return check_label_balance(scan);
  Check check{"balance", "Classes", FindingId::balanced_classes, Verdict::ok, {}, {}, {}};
  std::vector<std::vector<std::size_t>> counts(scan.splits.size(),
                                               std::vector<std::size_t>(scan.class_names.size()));
  std::vector<std::size_t> total(scan.class_names.size());
  for (const ImageFacts& image : scan.images) {
    const auto c = static_cast<std::size_t>(image.sample.class_index);
    ++counts[static_cast<std::size_t>(image.split)][c];
    ++total[c];
  }
  std::vector<std::string> few;
  for (std::size_t s = 0; s < scan.splits.size(); ++s) {
    std::string text;
    for (std::size_t c = 0; c < total.size(); ++c) {
      check.figures["splits"][scan.splits[s]][scan.class_names[c]] = counts[s][c];
      text += fmt::format("{}{} {}", c == 0 ? "" : ", ", counts[s][c], text::one_line(scan.class_names[c]));
      if (scan.splits[s] == "test" && counts[s][c] < 30)
        few.push_back(fmt::format("{} {}", counts[s][c], text::one_line(scan.class_names[c])));
    }
    check.details.push_back(fmt::format("{}: {}", scan.splits[s], text));
  }
  const auto [least, most] = std::minmax_element(total.begin(), total.end());
  const double ratio = *least == 0 ? 0 : static_cast<double>(*most) / static_cast<double>(*least);
  check.figures["largest_to_smallest"] = *least == 0 ? nlohmann::json() : nlohmann::json(ratio);
  if (*least == 0 || ratio > 3) {
    check.id = FindingId::unbalanced_classes;
    check.verdict = Verdict::warning;
    check.text = fmt::format(
        "the largest class has {} times the images of the smallest: accuracy alone is high for always predicting "
        "it; look at balanced accuracy, sensitivity and specificity",
        *least == 0 ? "infinitely many" : fmt::format("{:.1f}", ratio));
  } else if (!few.empty()) {
    check.id = FindingId::few_test_images;
    check.verdict = Verdict::warning;
    check.text = fmt::format(
        "few test images ({}): every result will have a wide interval; xrtrain cv tests on all images",
        fmt::join(few, ", "));
  } else {
    check.text = fmt::format("the largest class has {:.1f} times the images of the smallest", ratio);
  }
  return check;
}

Check check_sizes(const Scan& scan, int network_size) {
  Check check{"sizes", "Sizes", FindingId::sizes_suffice, Verdict::ok, {}, {}, {}};
  std::size_t small = 0;
  check.figures["network_size"] = network_size;
  const bool labels = scan.task == data::Task::multi_label;
  const std::vector<std::string> names = labels ? std::vector<std::string>{"all images"} : scan.class_names;
  for (std::size_t c = 0; c < names.size(); ++c) {
    std::vector<double> widths, heights, aspects;
    std::size_t small_of_class = 0;
    std::map<std::string, std::size_t> formats;
    for (const ImageFacts& image : scan.images) {
      if (!labels && image.sample.class_index != static_cast<int>(c)) continue;
      widths.push_back(image.width);
      heights.push_back(image.height);
      aspects.push_back(static_cast<double>(image.width) / image.height);
      ++formats[image.format];
      if (std::min(image.width, image.height) < network_size) ++small_of_class;
    }
    small += small_of_class;
    std::string kinds;
    for (const auto& [format, count] : formats)
      kinds += fmt::format("{}{} {}", kinds.empty() ? "" : ", ", count, format);
    check.figures["classes"][names[c]] = {
        {"images", widths.size()},          {"median_width", median(widths)},
        {"median_height", median(heights)}, {"median_aspect", median(aspects)},
        {"small", small_of_class},          {"formats", formats}};
    check.details.push_back(fmt::format("{}: median {:.0f} x {:.0f} pixels, width to height {:.2f}; {}",
                                        text::one_line(names[c]), median(widths), median(heights),
                                        median(aspects), kinds));
  }
  check.figures["small"] = small;
  check.verdict = small > 0 ? Verdict::warning : Verdict::ok;
  if (small > 0) check.id = FindingId::small_images;
  check.text =
      small == 0
          ? fmt::format("no image is smaller than {0} x {0} pixels (--image-size)", network_size)
          : fmt::format(
                "{} of {} smaller than {} x {} pixels and will be enlarged: no detail is gained; use a smaller "
                "--image-size, or larger originals",
                small, counted(scan.images.size(), "image is", "images are"), network_size, network_size);
  return check;
}

Check check_files(const Scan& scan) {
  Check check{"files", "Files", FindingId::all_files_readable, Verdict::ok, {}, {}, {}};
  check.figures = {{"read", scan.images.size()},
                   {"unreadable", nlohmann::json::array()},
                   {"passed_over", nlohmann::json::array()}};
  for (const data::SkippedFile& file : scan.unreadable) {
    check.figures["unreadable"].push_back({{"file", file.path}, {"reason", file.reason}});
    if (check.details.size() < max_examples)
      check.details.push_back(fmt::format("{}: {}", text::one_line(file.path), text::one_line(file.reason)));
  }
  for (const data::SkippedFile& file : scan.skipped) {
    check.figures["passed_over"].push_back({{"file", file.path}, {"reason", file.reason}});
    if (check.details.size() < 2 * max_examples)
      check.details.push_back(
          fmt::format("{} is passed over: {}", text::one_line(file.path), text::one_line(file.reason)));
  }
  check.verdict = scan.unreadable.empty() ? Verdict::ok : Verdict::warning;
  if (!scan.unreadable.empty()) check.id = FindingId::unreadable_files;
  check.text = scan.unreadable.empty()
                   ? fmt::format("all {} can be read", counted(scan.images.size(), "image"))
                   : fmt::format("{} cannot be read, {} can", counted(scan.unreadable.size(), "image"),
                                 scan.images.size());
  if (!scan.skipped.empty())
    check.text +=
        fmt::format("; {} passed over", counted(scan.skipped.size(), "other file is", "other files are"));
  return check;
}

}  // namespace xr::audit
