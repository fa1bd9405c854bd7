#include "apps/audit/shortcuts.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "apps/audit/label_scan.h"
#include "apps/statistics/roc.h"
#include "apps/text/text.h"
#include "kernels/common/error.h"

namespace xr::audit {

namespace {

// Chosen once, on the phantom set and on one real collection: weaker penalties overfit hundreds of images.
constexpr double few_features_penalty = 0.01, pixels_penalty = 0.1;
constexpr std::size_t max_common_sizes = 8, max_tag_values = 16;

Limits limits_of(View view) {
  if (view == View::histogram) return {0.70, 2.0};  // disease changes the grey levels, too: never serious
  if (view == View::border) return {0.65, 0.75};    // the lungs reach into it
  if (view == View::whole) return {2.0, 2.0};       // it sees the lungs: what the others are held against
  return {};
}

/// 32 x 32 means of 2 x 2 pixels.
std::vector<float> small_thumbnail(const Thumbnail& thumbnail) {
  std::vector<float> result;
  for (int y = 0; y < thumbnail_side; y += 2)
    for (int x = 0; x < thumbnail_side; x += 2) {
      const std::uint8_t* at = &thumbnail[static_cast<std::size_t>(y) * thumbnail_side + x];
      result.push_back(static_cast<float>(at[0] + at[1] + at[thumbnail_side] + at[thumbnail_side + 1]) / 4);
    }
  return result;
}

bool is_seen(View view, int x, int y) {
  const int depth = std::min({x, y, shortcut_side - 1 - x, shortcut_side - 1 - y});
  return depth < (view == View::ring ? ring_width : view == View::border ? shown_border : shortcut_side);
}

std::vector<float> pixel_features(const ImageFacts& image, View view) {
  const std::vector<float> pixels = small_thumbnail(image.print.thumbnail);
  std::vector<float> result;
  for (int y = 0; y < shortcut_side; ++y)
    for (int x = 0; x < shortcut_side; ++x)
      if (is_seen(view, x, y)) result.push_back(pixels[static_cast<std::size_t>(y) * shortcut_side + x]);
  return result;
}

using Size = std::pair<int, int>;

/// The sizes that most images have: a straight line through width and height does not single them out.
std::vector<Size> common_sizes(const std::vector<const ImageFacts*>& images) {
  std::map<Size, std::size_t> counts;
  for (const ImageFacts* image : images) ++counts[{image->width, image->height}];
  std::vector<std::pair<std::size_t, Size>> order;
  for (const auto& [size, count] : counts)
    if (count * 50 >= images.size() && count < images.size()) order.emplace_back(count, size);
  std::sort(order.rbegin(), order.rend());
  std::vector<Size> result;
  for (std::size_t i = 0; i < std::min(order.size(), max_common_sizes); ++i)
    result.push_back(order[i].second);
  return result;
}

std::vector<float> file_features(const ImageFacts& image, const std::vector<Size>& sizes) {
  std::vector<float> result;
  for (const char* format : {"jpeg", "png", "bmp", "pnm"})
    result.push_back(image.format == format ? 1.0f : 0.0f);
  const auto width = static_cast<float>(image.width), height = static_cast<float>(image.height);
  for (const float value : {width, height, width / height}) result.push_back(std::log(value));
  for (const int channels : {1, 2, 3, 4}) result.push_back(image.channels == channels ? 1.0f : 0.0f);
  result.push_back(static_cast<float>(image.bits));
  for (const Size& size : sizes) result.push_back(Size{image.width, image.height} == size ? 1.0f : 0.0f);
  return result;
}

using Tag = std::string data::DicomTags::*;
/// Where and how an image was made; the patient's sex is no part of it.
constexpr Tag seen_tags[] = {&data::DicomTags::site,          &data::DicomTags::station,
                             &data::DicomTags::view_position, &data::DicomTags::manufacturer,
                             &data::DicomTags::model,         &data::DicomTags::modality};

std::string tag_of(const ImageFacts& image, Tag tag) {
  return image.tags == nullptr ? std::string() : image.tags->*tag;
}

/// The values of each tag that are not rare; at most max_tag_values of the most frequent.
std::vector<std::pair<Tag, std::string>> common_tags(const std::vector<const ImageFacts*>& images) {
  std::vector<std::pair<Tag, std::string>> result;
  for (const Tag tag : seen_tags) {
    std::map<std::string, std::size_t> counts;
    for (const ImageFacts* image : images) ++counts[tag_of(*image, tag)];
    std::vector<std::pair<std::size_t, std::string>> order;
    for (const auto& [value, count] : counts)
      if (count * 50 >= images.size() && count < images.size()) order.emplace_back(count, value);
    std::sort(order.rbegin(), order.rend());
    for (std::size_t i = 0; i < std::min(order.size(), max_tag_values); ++i)
      result.emplace_back(tag, order[i].second);
  }
  return result;
}

std::vector<float> tag_features(const ImageFacts& image,
                                const std::vector<std::pair<Tag, std::string>>& values) {
  std::vector<float> result = {1.0f};  // there is one even where all images are alike
  for (const auto& [tag, value] : values) result.push_back(tag_of(image, tag) == value ? 1.0f : 0.0f);
  return result;
}

/// Of several classes the one with the clearest finding: the one that the verdict rests on.
const ShortcutResult* clearest(const Shortcuts& shortcuts, View view) {
  const ShortcutResult* best = nullptr;
  for (const ShortcutResult& result : shortcuts.results)
    if (result.view == view && result.auc && (best == nullptr || clearer(result, *best))) best = &result;
  return best;
}

/// The view, other than the whole image, whose interval reaches highest, or that has the highest AUC.
const ShortcutResult* highest(const Shortcuts& shortcuts, bool by_upper_end) {
  const ShortcutResult* best = nullptr;
  double most = -1;
  for (const ShortcutResult& result : shortcuts.results) {
    if (result.view == View::whole || !result.auc) continue;
    const double value = by_upper_end && result.interval ? result.interval->high : *result.auc;
    if (value > most) best = &result, most = value;
  }
  return best;
}

std::string finding_nothing(const Shortcuts& shortcuts) {
  const ShortcutResult* best = highest(shortcuts, false);
  const ShortcutResult* widest = highest(shortcuts, true);
  if (best == nullptr) return "no classifier could be tried";
  std::string text = fmt::format("no strong shortcut was found: at best AUROC {} (guessing: 0.5) from {}",
                                 auc_text(*best), view_source(best->view));
  if (widest->interval)
    text += fmt::format("; with {}, an AUROC up to {:.2f} cannot be excluded",
                        images_text(shortcuts.images, shortcuts.groups), widest->interval->high);
  return text;
}

std::string finding_undecided(const Shortcuts& shortcuts) {
  const ShortcutResult* best = nullptr;
  for (const ShortcutResult& result : shortcuts.results)
    if (result.view != View::whole && result.doubt != Doubt::none &&
        (best == nullptr || clearer(result, *best)))
      best = &result;
  if (best == nullptr) best = clearest(shortcuts, View::whole);
  return fmt::format("inconclusive: AUROC {} (guessing: 0.5) from {}, with {}; {}", auc_text(*best),
                     view_source(best->view), images_text(shortcuts.images, shortcuts.groups),
                     doubt_text(best->doubt));
}

/// The clearest result of each view that has this verdict.
std::vector<const ShortcutResult*> found_by_view(const Shortcuts& shortcuts, Verdict verdict) {
  std::vector<const ShortcutResult*> found;
  for (const View view : {View::ring, View::border, View::tags, View::file, View::histogram}) {
    const ShortcutResult* result = clearest(shortcuts, view);
    if (result == nullptr || result->verdict != verdict) continue;
    // The blackened middle says no more than the border where both give the class away.
    if (view == View::border && !found.empty()) continue;
    found.push_back(result);
  }
  return found;
}

/// "AUROC 0.85 (approximate 95% CI 0.76-0.89) from the border alone, 0.88 from the whole image".
std::string finding(const Shortcuts& shortcuts, Verdict verdict, const Scan& scan) {
  const std::vector<std::string>& class_names = scan.class_names;
  std::string text;
  const auto add = [&](const ShortcutResult& result, const std::string& auc) {
    const std::string name = text::one_line(class_names[result.class_index]);
    text += fmt::format("{}{}{} from {}", text.empty() ? "AUROC " : ", ", auc,
                        scan.task == data::Task::multi_label ? " for label " + name
                        : class_names.size() > 2             ? " for class " + name
                                                             : std::string(),
                        view_source(result.view));
  };
  for (const ShortcutResult* result : found_by_view(shortcuts, verdict)) add(*result, auc_text(*result));
  if (const ShortcutResult* whole = clearest(shortcuts, View::whole))
    add(*whole, fmt::format("{:.2f}", *whole->auc));
  return text + ": a network may learn this instead of the disease";
}

/// What follows from each view of a finding.
std::vector<std::string> consequences(const Shortcuts& shortcuts, Verdict verdict) {
  std::vector<std::string> lines;
  for (const ShortcutResult* result : found_by_view(shortcuts, verdict))
    if (result->view != View::histogram || lines.empty()) lines.emplace_back(view_consequence(result->view));
  return lines;
}

/// Advice for the views that gave the class away.
std::vector<std::string> advice(const Shortcuts& shortcuts) {
  bool pixels = false, files = false, tags = false;
  for (const ShortcutResult& result : shortcuts.results) {
    if (result.verdict == Verdict::ok) continue;
    (result.view == View::file ? files : result.view == View::tags ? tags : pixels) = true;
  }
  std::vector<std::string> lines;
  if (pixels)
    lines.emplace_back(
        "a network trained on these images may learn this instead of the disease: its accuracy on images of "
        "the same origin says little about others; test it on images from elsewhere, and train it without "
        "the middle (--control), to see how far the rest leads");
  if (tags)
    lines.emplace_back(
        "compare the classes within one site, machine and view (the groups of test images in the report), or train "
        "on images of which each has all classes");
  if (files)
    lines.emplace_back(
        "save all images alike, from the originals (the same format, size and compression), and audit them "
        "again: a JPEG file that is re-encoded as PNG keeps the traces of its compression");
  return lines;
}

}  // namespace

bool has_different_tags(const Scan& scan) {
  return scan.dicom != nullptr && std::ranges::any_of(seen_tags, [&](Tag tag) {
           return std::ranges::any_of(scan.images, [&](const ImageFacts& image) {
             return tag_of(image, tag) != tag_of(scan.images.front(), tag);
           });
         });
}

FeatureTable make_features(const std::vector<const ImageFacts*>& images, View view) {
  FeatureTable table;
  const std::vector<Size> sizes = view == View::file ? common_sizes(images) : std::vector<Size>{};
  const auto values = view == View::tags ? common_tags(images) : std::vector<std::pair<Tag, std::string>>{};
  for (const ImageFacts* image : images) {
    std::vector<float> row = view == View::file   ? file_features(*image, sizes)
                             : view == View::tags ? tag_features(*image, values)
                             : view == View::histogram
                                 ? std::vector<float>(image->histogram.begin(), image->histogram.end())
                                 : pixel_features(*image, view);
    if (view == View::histogram)
      for (float& value : row) value = std::sqrt(value);
    table.features = row.size();
    table.values.insert(table.values.end(), row.begin(), row.end());
  }
  return table;
}

Shortcuts find_shortcuts(const Scan& scan, std::span<const std::size_t> groups, std::span<const View> views,
                         int workers, Ranks ranks) {
  if (scan.task == data::Task::multi_label) return find_label_shortcuts(scan, groups, views, workers, ranks);
  return find_shortcuts(classed_images(scan, groups), views, workers, ranks);
}

Shortcuts find_shortcuts(const ClassedImages& classed, std::span<const View> views, int workers,
                         Ranks ranks) {
  Shortcuts shortcuts;
  const std::size_t step = (classed.images.size() + max_shortcut_images - 1) / max_shortcut_images;
  std::vector<const ImageFacts*> images;
  std::vector<std::int64_t> labels;
  std::vector<std::size_t> group_of;
  for (std::size_t i = 0; i < classed.images.size(); i += step) {
    images.push_back(classed.images[i]);
    labels.push_back(classed.classes[i]);
    group_of.push_back(classed.groups[i]);
  }
  shortcuts.images = images.size();
  shortcuts.groups = count_groups(group_of);
  const Folds folds = cut_folds(labels, group_of, classed.class_names);
  shortcuts.why_not = folds.why_not;
  if (!folds.why_not.empty()) return shortcuts;
  const std::size_t questions = classed.class_names.size() == 2 ? 1 : classed.class_names.size();
  // A job is a view and a class. Its folds have threads of their own, so jobs come one after another.
  shortcuts.results.resize(views.size() * questions);
  std::optional<View> made;
  FeatureTable table;
  run_shared_jobs<ShortcutResult>(shortcuts.results, ranks, 1, {}, [&](std::size_t job) {
    const View view = views[job / questions];
    const std::size_t c = job % questions;
    if (made != view) table = make_features(images, view);
    made = view;
    const double penalty = view == View::file || view == View::tags || view == View::histogram
                               ? few_features_penalty
                               : pixels_penalty;
    const std::vector<std::uint8_t> positive = statistics::against_rest(labels, c);
    const CrossValidated found =
        cross_validate(table, positive, folds.fold_of, shortcut_folds, penalty, workers);
    ShortcutResult result{
        measure_separation(positive, found.scores, group_of, limits_of(view), learned_variance), view, c, 0};
    for (std::size_t i = 0; i < positive.size(); ++i)
      if (found.called[i] == positive[i]) ++result.right;
    return result;
  });
  return shortcuts;
}

Check check_shortcuts(const Scan& scan, const Shortcuts& shortcuts) {
  Check check{"shortcuts", "Shortcuts", FindingId::no_shortcut, Verdict::ok, {}, {}, {}};
  check.figures["classifiers"] = nlohmann::json::array();
  check.figures["method"] =
      "logistic regression, 5-fold cross-validation by patient where known; approximate 95% interval of the "
      "AUROC: DeLong's variance for clusters of images (Obuchowski 1997), enlarged for cross-validation "
      "(Nadeau and Bengio 2003), logit scale";
  check.figures["groups"] = shortcuts.groups;
  if (shortcuts.results.empty()) {
    check.id = FindingId::shortcuts_not_measured;
    check.verdict = Verdict::warning;
    check.text = "not measured: " + shortcuts.why_not;
    return check;
  }
  bool undecided = false;
  for (const ShortcutResult& result : shortcuts.results) {
    check.verdict = worse(check.verdict, result.verdict);
    undecided = undecided || result.doubt != Doubt::none;
    nlohmann::json figures = figures_of(result);
    figures["sees"] = view_name(result.view);
    figures["class"] = scan.class_names[result.class_index];
    figures["right"] = result.right;
    figures["images"] = result.images.value_or(shortcuts.images);
    check.figures["classifiers"].push_back(std::move(figures));
  }
  if (check.verdict != Verdict::ok)
    check.id = FindingId::shortcut;
  else if (undecided)
    check.id = FindingId::shortcuts_undecided;
  check.text = check.verdict != Verdict::ok ? finding(shortcuts, check.verdict, scan)
               : undecided                  ? finding_undecided(shortcuts)
                                            : finding_nothing(shortcuts);
  for (const View view : {View::file, View::tags, View::histogram, View::ring, View::border, View::whole}) {
    const ShortcutResult* result = clearest(shortcuts, view);
    if (result == nullptr) continue;
    const bool labels = scan.task == data::Task::multi_label;
    const std::string of_class = labels || scan.class_names.size() > 2
                                     ? fmt::format(", {} {}", labels ? "label" : "class",
                                                   text::one_line(scan.class_names[result->class_index]))
                                     : "";
    const std::string mark = result->doubt != Doubt::none ? std::string(" [inconclusive]")
                             : result->verdict == Verdict::ok
                                 ? ""
                                 : fmt::format(" [{}]", html::verdict_name(result->verdict));
    check.details.push_back(fmt::format("{}: AUROC {}, {} of {} correct{}{}", view_description(view),
                                        auc_text(*result), result->right,
                                        result->images.value_or(shortcuts.images), of_class, mark));
  }
  if (check.verdict != Verdict::ok)
    std::ranges::move(consequences(shortcuts, check.verdict), std::back_inserter(check.details));
  std::ranges::move(advice(shortcuts), std::back_inserter(check.details));
  if (undecided) check.verdict = worse(check.verdict, Verdict::warning);
  return check;
}

}  // namespace xr::audit
