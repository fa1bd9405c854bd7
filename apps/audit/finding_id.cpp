#include "apps/audit/finding_id.h"

namespace xr::audit {

const char* id_name(FindingId id) {
  switch (id) {
    case FindingId::no_duplicates:
      return "no-duplicates";
    case FindingId::duplicates:
      return "duplicates";
    case FindingId::duplicates_across_splits:
      return "duplicates-across-splits";
    case FindingId::no_contradicting_labels:
      return "no-contradicting-labels";
    case FindingId::contradicting_labels:
      return "contradicting-labels";
    case FindingId::patients_unknown:
      return "patients-unknown";
    case FindingId::patients_partly_known:
      return "patients-partly-known";
    case FindingId::patients_in_two_splits:
      return "patients-in-two-splits";
    case FindingId::patients_apart:
      return "patients-apart";
    case FindingId::balanced_classes:
      return "balanced-classes";
    case FindingId::unbalanced_classes:
      return "unbalanced-classes";
    case FindingId::few_test_images:
      return "few-test-images";
    case FindingId::sizes_suffice:
      return "sizes-suffice";
    case FindingId::small_images:
      return "small-images";
    case FindingId::all_files_readable:
      return "all-files-readable";
    case FindingId::unreadable_files:
      return "unreadable-files";
    case FindingId::shortcuts_not_measured:
      return "shortcuts-not-measured";
    case FindingId::shortcuts_undecided:
      return "shortcuts-undecided";
    case FindingId::shortcut:
      return "shortcut";
    case FindingId::no_shortcut:
      return "no-shortcut";
    case FindingId::sources_unknown:
      return "sources-unknown";
    case FindingId::sources_without_column:
      return "sources-without-column";
    case FindingId::sources_partly_known:
      return "sources-partly-known";
    case FindingId::sources_undecided:
      return "sources-undecided";
    case FindingId::source_of_one_class:
      return "source-of-one-class";
    case FindingId::source_tells_class:
      return "source-tells-class";
    case FindingId::sources_mixed:
      return "sources-mixed";
    case FindingId::control_uninformative:
      return "control-uninformative";
    case FindingId::control_undecided:
      return "control-undecided";
    case FindingId::control_keeps_a_part:
      return "control-keeps-a-part";
    case FindingId::control_keeps_a_part_or_most:
      return "control-keeps-a-part-or-most";
    case FindingId::control_keeps_most:
      return "control-keeps-most";
    case FindingId::control_needs_middle:
      return "control-needs-middle";
    case FindingId::audit_unfinished:
      return "audit-unfinished";
  }
  return "unknown";
}

}  // namespace xr::audit
