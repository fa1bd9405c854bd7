// Data sets of several labels: each label asked about for itself, as a question of two classes.
#pragma once

#include "apps/audit/check.h"
#include "apps/audit/shortcuts.h"
#include "apps/audit/sources.h"

namespace xr::audit {

/// The images of which a label is known, those without it as class 0 and those with it as class 1.
[[nodiscard]] ClassedImages images_of_label(const Scan& scan, std::size_t label,
                                            std::span<const std::size_t> groups);

/// Whether two images differ in a label that is known of both.
[[nodiscard]] bool contradict(const data::Sample& a, const data::Sample& b);

/// find_shortcuts of each label: ShortcutResult::class_index is the label. Labels with too few images are left out;
/// Shortcuts::why_not says why if all are.
[[nodiscard]] Shortcuts find_label_shortcuts(const Scan& scan, std::span<const std::size_t> groups,
                                             std::span<const View> views, int workers, Ranks ranks = nullptr);

/// check_sources of each label: the worst, and all in its figures.
[[nodiscard]] Check check_label_sources(const Scan& scan, const SourceTable* table,
                                        std::span<const std::size_t> groups);

/// How many images have each label, of how many that is known, by split.
[[nodiscard]] Check check_label_balance(const Scan& scan);

}  // namespace xr::audit
