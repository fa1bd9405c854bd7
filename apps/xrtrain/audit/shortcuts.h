// How well the class of an image can be told by what is not the lungs.
#pragma once

#include <optional>

#include "apps/xrtrain/audit/check.h"
#include "apps/xrtrain/audit/logistic_regression.h"
#include "apps/xrtrain/audit/scan.h"
#include "apps/xrtrain/statistics/interval.h"

namespace xr::apps::audit {

constexpr int shortcut_folds = 5;
constexpr int shortcut_side = 32;  // of the thumbnails that the classifiers see
constexpr int ring_width = 4, shown_border = 6;
constexpr std::size_t least_images_of_class = 10, most_shortcut_images = 20000;

/// What a classifier is shown.
enum class View {
  file,       ///< format, width, height, aspect ratio, channels, bit depth
  histogram,  ///< grey levels, wherever they are
  ring,       ///< the outermost 4 pixels of a 32 x 32 thumbnail
  border,     ///< the thumbnail with its middle 20 x 20 pixels black
  whole       ///< the thumbnail
};

/// From which lower end of the AUC's interval on a finding is a warning, and serious.
struct Limits {
  double warning = 0.60, serious = 0.70;
};

/// How well scores tell one class from the others, and what is made of it.
struct Separation {
  std::optional<double> auc;         ///< area under the ROC curve
  std::optional<Interval> interval;  ///< 95 %, DeLong
  Verdict verdict = Verdict::ok;     ///< by the interval's lower end
  /// Too few images: ok by its lower end, but its upper end (for an AUC below 0.5: 0.5 and what the interval
  /// reaches above the AUC) is above the serious limit.
  bool undecided = false;
};
[[nodiscard]] Separation measure_separation(std::span<const std::uint8_t> positive,
                                            std::span<const double> scores, const Limits& limits);
/// "0.85 (95 % 0.81 to 0.89)"
[[nodiscard]] std::string auc_text(const Separation& separation);
/// auc, low, high (null where undefined), verdict, undecided.
[[nodiscard]] nlohmann::json figures_of(const Separation& separation);

/// One class against the others, by one view.
struct ShortcutResult : Separation {
  View view = View::file;
  std::size_t class_index = 0;
  std::size_t right = 0;  ///< images on the right side of even odds
};

struct Shortcuts {
  std::size_t images = 0;
  std::vector<ShortcutResult> results;  ///< by view; for three classes and more one per class
};

[[nodiscard]] FeatureTable make_features(const std::vector<const ImageFacts*>& images, View view);
[[nodiscard]] const char* view_name(View view);         ///< "ring", in audit.json
[[nodiscard]] const char* view_title(View view);        ///< "Border", for a chart
[[nodiscard]] const char* view_description(View view);  ///< "sees only the border"

/// `groups`: images that belong together (a patient's, copies) have the same number; none is learned from and
/// asked about in one go. Empty results if a class has fewer than 10 images.
[[nodiscard]] Shortcuts find_shortcuts(const Scan& scan, std::span<const std::size_t> groups,
                                       std::span<const View> views, int workers);

[[nodiscard]] Check check_shortcuts(const Scan& scan, const Shortcuts& shortcuts);

}  // namespace xr::apps::audit
