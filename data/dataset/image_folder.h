// Folders of classes: what to train and to evaluate on.
#pragma once

#include "data/dataset/patient_table.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace xr::data {

/// One image file.
struct Sample {
  std::string path;     ///< Relative to Dataset::directory, with '/'.
  int class_index = 0;  ///< Index into Dataset::class_names.
  std::string group;    ///< Patient (PatientTable); empty if unknown.
};

/// A file that is not used, and why.
struct SkippedFile {
  std::string path;
  std::string reason;
};

struct Dataset {
  std::filesystem::path directory;
  std::vector<std::string> class_names;         ///< The sorted folder names.
  std::vector<Sample> train, validation, test;  ///< Each in sorted path order.
  std::vector<SkippedFile> skipped;
  std::vector<std::string> warnings;  ///< One line each, for example patients in both train/ and test/.
  bool test_split_by_program = false, validation_split_by_program = false;
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
};

/// Reads `directory`, which holds either train/<class>/*, test/<class>/* and perhaps val/<class>/*, or the
/// class folders themselves: then the test images are split off by the program.
///
/// Images are the files ending in .jpg .jpeg .png .bmp .pgm .ppm (any case) anywhere below a class folder;
/// hidden files and folders are passed over; links are followed, loops are not. `sources.csv` in the
/// directory, with columns `file` (relative to the directory) and `patient`, names the patients, or what
/// `settings.groups` says. Splits are stratified by class, seeded (RandomPurpose::split) and never put one
/// patient on two sides.
///
/// Throws xr::Error (one line: what, where, remedy): no such folder, no class folders, one class only, a
/// class without training or test images, classes in test/ or val/ that differ from train/, a class too small
/// to split, split_by_group without any known patient.
Dataset read_image_folder(const std::filesystem::path& directory, const SplitSettings& settings = {});

/// For the evaluation of a trained model: the test images of `directory` (test/<class>/* if there is a test/,
/// else <class>/*) for the given classes, in Dataset::test. A class may be absent, an unknown class is an
/// error.
Dataset read_evaluation_folder(const std::filesystem::path& directory,
                               const std::vector<std::string>& class_names);

/// For predictions: the file itself, or all images below a folder, sorted. Throws xr::Error if there is none.
std::vector<std::filesystem::path> find_images(const std::filesystem::path& file_or_folder);

}  // namespace xr::data
