#include "apps/xrtrain/audit/shortcuts.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "apps/xrtrain/statistics/delong.h"
#include "apps/xrtrain/text.h"
#include "kernels/error.h"

namespace xr::apps::audit {

namespace {

// Chosen once, on the phantom set and on one real collection: weaker penalties overfit hundreds of images.
constexpr double few_features_penalty = 0.01, pixels_penalty = 0.1;
constexpr std::size_t most_common_sizes = 8;

/// From which lower end of the AUC's interval on a finding is a warning, and serious.
struct Limits {
  double warning = 0.60, serious = 0.70;
};

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
  for (std::size_t i = 0; i < std::min(order.size(), most_common_sizes); ++i)
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

Verdict judge(const ShortcutResult& result) {
  if (!result.auc) return Verdict::ok;
  const Limits limits = limits_of(result.view);
  // A perfect ranking has no interval.
  const double low = result.interval ? result.interval->low : *result.auc;
  return low > limits.serious ? Verdict::serious : low > limits.warning ? Verdict::warning : Verdict::ok;
}

/// Of several classes the one that is told apart best.
const ShortcutResult* clearest(const Shortcuts& shortcuts, View view) {
  const ShortcutResult* best = nullptr;
  for (const ShortcutResult& result : shortcuts.results)
    if (result.view == view && result.auc && (best == nullptr || *result.auc > *best->auc)) best = &result;
  return best;
}

std::string auc_text(const ShortcutResult& result) {
  if (!result.interval) return fmt::format("{:.2f}", *result.auc);
  return fmt::format("{:.2f} (95 % {:.2f} to {:.2f})", *result.auc, result.interval->low,
                     result.interval->high);
}

nlohmann::json figures_of(const ShortcutResult& result, const Scan& scan, std::size_t images) {
  nlohmann::json figures = {{"sees", view_name(result.view)},
                            {"class", scan.class_names[result.class_index]},
                            {"auc", nullptr},
                            {"low", nullptr},
                            {"high", nullptr},
                            {"right", result.right},
                            {"images", images},
                            {"verdict", html::verdict_name(result.verdict)}};
  if (result.auc) figures["auc"] = *result.auc;
  if (result.interval) figures["low"] = result.interval->low, figures["high"] = result.interval->high;
  return figures;
}

/// "a classifier that sees only the border tells the classes apart with AUC 0.85 (...), one that sees the
/// whole image with 0.86: the images give their class away without the lungs"
std::string finding(const Shortcuts& shortcuts, Verdict verdict) {
  if (verdict == Verdict::ok)
    return "no simple classifier tells the classes apart without the lungs (AUC 0.5 is guessing, 1 is "
           "perfect)";
  std::string text;
  bool without_lungs = false;
  for (const View view : {View::ring, View::border, View::file, View::histogram}) {
    const ShortcutResult* result = clearest(shortcuts, view);
    // The blackened middle says no more than the border where both give the class away.
    if (result == nullptr || result->verdict != verdict || (view == View::border && !text.empty())) continue;
    text += text.empty() ? fmt::format("a classifier that {} tells the classes apart with AUC {}",
                                       view_description(view), auc_text(*result))
                         : fmt::format(", one that {} with {}", view_description(view), auc_text(*result));
    without_lungs = without_lungs || view != View::histogram;
  }
  if (const ShortcutResult* whole = clearest(shortcuts, View::whole))
    text += fmt::format(", one that {} with {:.2f}", view_description(View::whole), *whole->auc);
  return text + (without_lungs
                     ? ": the images give their class away without the lungs"
                     : ": brightness and contrast differ between the classes, by the disease or by how "
                       "the images were made");
}

}  // namespace

const char* view_name(View view) {
  static constexpr const char* names[] = {"file", "histogram", "ring", "border", "whole"};
  return names[static_cast<std::size_t>(view)];
}

const char* view_title(View view) {
  static constexpr const char* titles[] = {"Format, size and kind of file", "Grey levels alone",
                                           "Border (outer eighth)", "All but the middle", "Whole image"};
  return titles[static_cast<std::size_t>(view)];
}

const char* view_description(View view) {
  static constexpr const char* texts[] = {
      "sees only format, size and kind of the file", "sees only how often each grey level occurs",
      "sees only the border (the outer eighth of each side)",
      "sees the image with its middle (five eighths of each side) blacked out",
      "sees the whole image, 32 x 32 pixels"};
  return texts[static_cast<std::size_t>(view)];
}

FeatureTable make_features(const std::vector<const ImageFacts*>& images, View view) {
  FeatureTable table;
  const std::vector<Size> sizes = view == View::file ? common_sizes(images) : std::vector<Size>{};
  for (const ImageFacts* image : images) {
    std::vector<float> row = view == View::file ? file_features(*image, sizes)
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
                         int workers) {
  Shortcuts shortcuts;
  const std::size_t step = (scan.images.size() + most_shortcut_images - 1) / most_shortcut_images;
  std::vector<const ImageFacts*> images;
  std::vector<std::int64_t> labels;
  std::vector<std::size_t> group_of, counts(scan.class_names.size());
  for (std::size_t i = 0; i < scan.images.size(); i += step) {
    images.push_back(&scan.images[i]);
    labels.push_back(scan.images[i].sample.class_index);
    group_of.push_back(groups[i]);
    ++counts[static_cast<std::size_t>(labels.back())];
  }
  shortcuts.images = images.size();
  if (std::ranges::any_of(counts, [](std::size_t count) { return count < least_images_of_class; }))
    return shortcuts;
  const std::vector<int> fold_of = make_folds(labels, group_of, shortcut_folds, 0);
  const std::size_t questions = counts.size() == 2 ? 1 : counts.size();
  for (const View view : views) {
    const FeatureTable table = make_features(images, view);
    const double penalty =
        view == View::file || view == View::histogram ? few_features_penalty : pixels_penalty;
    for (std::size_t c = 0; c < questions; ++c) {
      const std::vector<std::uint8_t> positive = against_rest(labels, c);
      const std::vector<double> scores =
          cross_validated_scores(table, positive, fold_of, shortcut_folds, penalty, workers);
      const DeLong area = delong(positive, scores);
      ShortcutResult result{view, c, area.auroc, area.interval, 0, Verdict::ok};
      for (std::size_t i = 0; i < scores.size(); ++i)
        if ((scores[i] > 0) == (positive[i] != 0)) ++result.right;
      result.verdict = judge(result);
      shortcuts.results.push_back(result);
    }
  }
  return shortcuts;
}

Check check_shortcuts(const Scan& scan, const Shortcuts& shortcuts) {
  Check check{"shortcuts", "Shortcuts", Verdict::ok, {}, {}, {}};
  check.figures["classifiers"] = nlohmann::json::array();
  check.figures["method"] =
      "logistic regression, 5-fold cross-validation by patient where known, DeLong's 95 % interval of the "
      "AUC";
  if (shortcuts.results.empty()) {
    check.text = fmt::format("not looked for: it takes at least {} readable images of each class",
                             least_images_of_class);
    return check;
  }
  for (const ShortcutResult& result : shortcuts.results) {
    check.verdict = worse(check.verdict, result.verdict);
    check.figures["classifiers"].push_back(figures_of(result, scan, shortcuts.images));
  }
  check.text = finding(shortcuts, check.verdict);
  for (const View view : {View::file, View::histogram, View::ring, View::border, View::whole}) {
    const ShortcutResult* result = clearest(shortcuts, view);
    if (result == nullptr) continue;
    const std::string of_class =
        scan.class_names.size() > 2
            ? fmt::format(", class {}", one_line(scan.class_names[result->class_index]))
            : "";
    check.details.push_back(fmt::format(
        "{}: AUC {}, {} of {} right{}{}", view_description(view), auc_text(*result), result->right,
        shortcuts.images, of_class,
        result->verdict == Verdict::ok ? "" : fmt::format(" [{}]", html::verdict_name(result->verdict))));
  }
  if (check.verdict != Verdict::ok)
    check.details.emplace_back(
        "a network trained on these images may learn this instead of the disease: its accuracy on images of "
        "the same origin says little about others; test it on images from elsewhere, and train with the "
        "middle "
        "masked (--control) to see how far the border alone leads");
  return check;
}

}  // namespace xr::apps::audit
