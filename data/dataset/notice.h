// What people should know about a folder or a table that is read: identifiers and facts, with a line of text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace xr::data {

/// A stable name, "outer-folder", by which programs and tests tell notices apart.
struct NoticeId {
  std::string_view name;

  friend constexpr bool operator==(const NoticeId&, const NoticeId&) = default;
};

enum class Importance { note, warning };

struct Notice {
  NoticeId id;
  Importance importance = Importance::warning;
  std::string text;                     ///< One line, without what to do about it in terms of a program.
  std::vector<std::string> names = {};  ///< Folders, files or columns that it is about.
  std::int64_t count = 0;               ///< Images, patients or lines that it is about.
};

namespace notice_id {

// --- layout of a folder
inline constexpr NoticeId outer_folder{"outer-folder"};          ///< names: the folder that was entered
inline constexpr NoticeId split_names{"split-names"};            ///< names: folders read as splits
inline constexpr NoticeId split_in_classes{"split-in-classes"};  ///< the splits lie inside the classes
inline constexpr NoticeId folders_not_used{"folders-not-used"};  ///< names: folders beside the splits
inline constexpr NoticeId split_not_recognised{
    "split-not-recognised"};  ///< names: classes whose names look like splits
inline constexpr NoticeId role_folders_skipped{"role-folders-skipped"};  ///< names: "masks"; count: images
inline constexpr NoticeId mask_files_skipped{"mask-files-skipped"};      ///< "1_mask.png" beside "1.png"
inline constexpr NoticeId folders_skipped{"folders-skipped"};            ///< as the settings say
inline constexpr NoticeId equal_file_names{"equal-file-names"};          ///< names: two sibling folders
inline constexpr NoticeId same_folders_in_classes{
    "same-folders-in-classes"};                                      ///< sub-folders that look like classes
inline constexpr NoticeId leftovers_ignored{"leftovers-ignored"};    ///< names: "__MACOSX"
inline constexpr NoticeId empty_class_folder{"empty-class-folder"};  ///< names: folders without images
inline constexpr NoticeId empty_split_folder{"empty-split-folder"};  ///< names: "val"
inline constexpr NoticeId images_beside_folders{"images-beside-folders"};  ///< images outside every class

// --- patients
inline constexpr NoticeId patients_unknown{"patients-unknown"};  ///< a table that cannot be used
inline constexpr NoticeId patients_partly_matched{"patients-partly-matched"};
inline constexpr NoticeId table_lines_unusable{"table-lines-unusable"};  ///< count: lines
inline constexpr NoticeId patients_shared{"patients-shared"};  ///< names: the split; count: patients
inline constexpr NoticeId split_by_group{"split-by-group"};    ///< count: images

// --- DICOM
inline constexpr NoticeId dicom_tags_read{"dicom-tags-read"};              ///< count: files
inline constexpr NoticeId dicom_without_picture{"dicom-without-picture"};  ///< count: files
inline constexpr NoticeId dicom_patients_unusable{
    "dicom-patients-unusable"};  ///< count: images that share one identifier
inline constexpr NoticeId dicom_patients_in_paths{
    "dicom-patients-in-paths"};  ///< count: files whose path names the patient

// --- labels
inline constexpr NoticeId label_not_learnable{
    "label-not-learnable"};                            ///< names: the label; count: images with it
inline constexpr NoticeId labels_read{"labels-read"};  ///< names: columns in use; count: images with labels
inline constexpr NoticeId labels_partly_matched{"labels-partly-matched"};  ///< count: images without labels
inline constexpr NoticeId label_lines_unmatched{"label-lines-unmatched"};  ///< count: lines that fit no image
inline constexpr NoticeId labels_uncertain{"labels-uncertain"};            ///< count: targets
inline constexpr NoticeId labels_contradict{"labels-contradict"};          ///< names: files; count: files
inline constexpr NoticeId classes_differ_by_case{
    "classes-differ-by-case"};                           ///< names: two classes, as "COVID" and "covid"
inline constexpr NoticeId rare_classes{"rare-classes"};  ///< names: classes; count: images
inline constexpr NoticeId unknown_classes{
    "unknown-classes"};  ///< the same, of classes that the model has not
inline constexpr NoticeId split_list_partly_matched{
    "split-list-partly-matched"};  ///< count: images in no list

}  // namespace notice_id

}  // namespace xr::data
