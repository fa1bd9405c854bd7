// What checks can find: stable names for programs, tests and the report. The text beside them may change.
#pragma once

namespace xr::audit {

enum class FindingId {
  // duplicates
  no_duplicates,
  duplicates,
  duplicates_across_splits,
  duplicates_not_searched,
  // labels
  no_contradicting_labels,
  contradicting_labels,
  // patients
  patients_unknown,
  patients_partly_known,
  patients_in_two_splits,
  patients_apart,
  // balance
  balanced_classes,
  unbalanced_classes,
  few_test_images,
  // sizes
  sizes_suffice,
  small_images,
  // files
  all_files_readable,
  unreadable_files,
  // blank
  no_blank_images,
  blank_images,
  // transparency
  no_transparency,
  transparent_images,
  picture_in_alpha,
  // depths
  same_depths,
  mixed_depths,
  // polarity
  same_polarity,
  inverted_images,
  polarity_not_measured,
  // shortcuts
  shortcuts_not_measured,
  shortcuts_undecided,
  shortcut,
  no_shortcut,
  // sources
  sources_unknown,
  sources_without_column,
  sources_partly_known,
  sources_undecided,
  source_of_one_class,
  source_tells_class,
  sources_mixed,
  // control
  control_uninformative,
  control_undecided,
  control_keeps_a_part,
  control_keeps_a_part_or_most,
  control_keeps_most,
  control_needs_middle,
  // all
  audit_unfinished,
};

/// "few-test-images"
[[nodiscard]] const char* id_name(FindingId id);

}  // namespace xr::audit
