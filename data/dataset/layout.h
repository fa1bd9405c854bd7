// What the folders of a set of images mean: splits, classes, roles. Decided from the tree of names alone.
#pragma once

#include "data/dataset/folder_names.h"
#include "data/dataset/folder_tree.h"
#include "data/dataset/role_folders.h"

#include <array>
#include <string>
#include <vector>

namespace xr::data {

struct LayoutSettings {
  SkipFolders skip_folders = {};
  /// Of a trained model: folders of these names are classes wherever they are. Empty: any.
  std::vector<std::string> known_classes = {};
  /// The classes come from a table: no folder is a class, and all images of a split are in LayoutPart::images
  /// with class 0.
  bool classes_from_table = false;
};

struct LayoutImage {
  std::string path;  ///< Relative to the scanned folder.
  int class_index = 0;
};

struct LayoutPart {
  bool present = false;  ///< Whether there is such a folder.
  std::string folder;    ///< "chest_xray/Training"; "*/train" where the splits lie inside the classes.
  std::vector<LayoutImage> images;  ///< By class, then by path.
};

struct Layout {
  std::string root;                      ///< The outer folder that was entered; empty: none.
  bool has_splits = false;               ///< Otherwise all images are in part(Split::train).
  std::vector<std::string> class_names;  ///< Sorted.
  std::array<LayoutPart, 3> parts;
  std::vector<SkippedFile> skipped;
  std::vector<Notice> notices;

  [[nodiscard]] LayoutPart& part(Split split) { return parts[static_cast<std::size_t>(split)]; }
  [[nodiscard]] const LayoutPart& part(Split split) const { return parts[static_cast<std::size_t>(split)]; }
};

/// Reads the tree as one of:
/// - train/<class>/*, test/<class>/*, perhaps val/<class>/*, under any of the usual names of splits;
/// - <class>/train/*, <class>/test/*: the splits inside the classes;
/// - <class>/*;
/// each below any number of outer folders that hold nothing else. Folders of masks (role_folders.h) are
/// passed over; what is beside the splits and classes is reported.
///
/// Throws xr::Error with error_code::layout_ambiguous where two readings are possible, and labels_needed where
/// the folders are no classes (images_001, patient00001, ...).
Layout find_layout(const TreeScan& scan, const LayoutSettings& settings = {});

}  // namespace xr::data
