// Folders of classes: what to train and to evaluate on.
#pragma once

#include "data/dataset/dicom_table.h"
#include "data/dataset/label_table.h"
#include "data/dataset/notice.h"
#include "data/dataset/patient_table.h"
#include "data/dataset/role_folders.h"
#include "data/dataset/skipped_file.h"
#include "data/dataset/task.h"
#include "data/loader/jobs.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace xr::data {

/// One image file.
struct Sample {
  std::string path;     ///< Relative to Dataset::directory, with '/'.
  int class_index = 0;  ///< Index into Dataset::class_names; 0 with Task::multi_label.
  std::string group;    ///< Patient (PatientTable); empty if unknown.
  /// With Task::multi_label, of each of Dataset::class_names: 1, 0 or unknown_target. Else empty.
  std::vector<float> targets = {};
};

struct Dataset {
  std::filesystem::path directory;
  std::string root;  ///< The folder below `directory` that holds the set, where an outer one was given.
  std::filesystem::path sources;  ///< The folder's table sources.csv; empty if there is none.
  Task task = Task::multi_class;
  std::vector<std::string> class_names;  ///< The sorted folder names; with Task::multi_label the labels.
  std::vector<Sample> train, validation, test;  ///< Each in sorted path order.
  std::vector<SkippedFile> skipped;
  std::vector<Notice> notices;  ///< For example patients in both train/ and test/.
  bool test_split_by_program = false, validation_split_by_program = false;
  std::string validation_folder;  ///< Name of the folder that holds the validation images; empty: none.
  std::shared_ptr<const DicomTable> dicom;  ///< Tags of the DICOM files; null if there are none.
  std::string group_origin;  ///< Where the patients come from (PatientTable::origin); empty if none is known.
};

struct SplitSettings {
  double validation_fraction = 0.15;  ///< Of each class's training images, when there is no val/; 0: none.
  double test_fraction = 0.2;  ///< Of each class's images, for a folder without train/ and test/; 0: none.
  std::uint64_t seed = 0;
  GroupSettings groups = {};
  /// Take the images of train/, val/ and test/ together and split them anew, so that no patient has images on
  /// two sides: as many test images as test/ holds. The validation images are split off as without val/.
  bool split_by_group = false;
  SkipFolders skip_folders = {};  ///< Folders of masks and the like (role_folders.h).
  LabelSettings labels = {};      ///< A table of labels instead of class folders.
  Progress scan_progress = {};    ///< That of scan_tree.
  /// Classes of a table that the program splits are skipped (rare_classes.h) below this many patients; 0: one for each
  /// split.
  std::size_t min_patients_of_class = 0;
};

/// Reads `directory`: a file of MedMNIST's (npz_dataset.h), or splits of class folders, or class folders alone,
/// in the layouts that find_layout reads (layout.h). Without splits the test images are split off by the
/// program.
///
/// Images are the files that may be images (image_candidate.h) anywhere below a class folder; links are
/// followed, loops are not. `sources.csv` in the directory, or in the outer folder that was entered, with
/// columns `file` (relative to it) and `patient`, names the patients, or what `settings.groups` says, or the tags
/// of DICOM files (dicom_table.h); DICOM files without a picture are skipped. Splits
/// are stratified by class, seeded (RandomPurpose::split) and never put one patient on two sides.
///
/// With a table of labels the folders are no classes: its classes or labels are those of the images that it
/// names (labelled_folder.h), and what neither lists, the table nor folders split is split off.
///
/// Throws xr::Error (one line: what, where, remedy): no such folder, no class folders, one class only, a
/// class without training or test images, classes in test/ or val/ that differ from train/, a class too small
/// to split, split_by_group without any known patient, and what find_layout and label_images throw.
Dataset read_image_folder(const std::filesystem::path& directory, const SplitSettings& settings = {});

/// For the evaluation of a trained model: the test images of `directory` (its test split if it has splits,
/// else all, or those of a file of MedMNIST's) for the given classes, in Dataset::test. A class may be absent,
/// an unknown class is an error.
Dataset read_evaluation_folder(const std::filesystem::path& directory,
                               const std::vector<std::string>& class_names, Task task = Task::multi_class,
                               const SkipFolders& skip_folders = {}, const LabelSettings& labels = {},
                               const Progress& scan_progress = {});

struct FoundImages {
  std::vector<std::filesystem::path> images;  ///< Sorted.
  std::vector<SkippedFile> skipped;
  std::vector<Notice> notices;
};

/// For predictions: the file itself, whatever it is, or all images below a folder but those of masks. Throws
/// xr::Error if there is none.
FoundImages find_images(const std::filesystem::path& file_or_folder, const SkipFolders& skip_folders = {});

}  // namespace xr::data
