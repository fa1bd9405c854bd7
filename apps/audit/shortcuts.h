// How well the class of an image can be told by what is not the lungs.
#pragma once

#include "apps/audit/logistic_regression.h"
#include "apps/audit/scan.h"
#include "apps/audit/separation.h"
#include "apps/audit/view.h"

namespace xr::audit {

constexpr int shortcut_side = 32;  // of the thumbnails that the classifiers see
constexpr int ring_width = 4, shown_border = 6;
constexpr std::size_t max_shortcut_images = 20000;

/// One class against the others, or a label against its absence, by one view.
struct ShortcutResult : Separation {
  View view = View::file;
  std::size_t class_index = 0;
  std::size_t right = 0;                             ///< images on the right side of even odds
  std::optional<std::size_t> images = std::nullopt;  ///< of a label: of which it is known; else all
};

struct Shortcuts {
  std::size_t images = 0, groups = 0;
  std::vector<ShortcutResult> results;  ///< by view; for three classes and more one per class
  std::string why_not;                  ///< cut_folds; then there are no results
};

/// Whether images differ in a DICOM tag that View::tags sees.
[[nodiscard]] bool has_different_tags(const Scan& scan);

[[nodiscard]] FeatureTable make_features(const std::vector<const ImageFacts*>& images, View view);

/// `groups`: images that belong together (a patient's, copies) have the same number; none is learned from and
/// asked about in one go. The ranks answer some of the questions each, and all get the same.
[[nodiscard]] Shortcuts find_shortcuts(const Scan& scan, std::span<const std::size_t> groups,
                                       std::span<const View> views, int workers, Ranks ranks = nullptr);

/// The same of some images of a scan, whose groups they have.
[[nodiscard]] Shortcuts find_shortcuts(const ClassedImages& classed, std::span<const View> views, int workers,
                                       Ranks ranks = nullptr);

[[nodiscard]] Check check_shortcuts(const Scan& scan, const Shortcuts& shortcuts);

}  // namespace xr::audit
