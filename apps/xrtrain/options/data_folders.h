// Options about folders of images that several commands share.
#pragma once

#include <filesystem>
#include <string>

#include "apps/command_line/command_line.h"
#include "data/dataset/label_table.h"
#include "data/dataset/role_folders.h"

namespace xr::apps {

inline constexpr const char* skip_folders_help =
    "Folders to skip: auto (masks, annotations, labels), none, names, or auto,NAME";

/// Of "auto", "none", "NAME,NAME" or "auto,NAME"; empty: auto. Throws UsageError for an empty name.
[[nodiscard]] data::SkipFolders skip_folders_of(const std::string& text);

/// --skip-folders
void add_skip_folders(command_line::Command command, std::string& value);

inline constexpr const char* labels_help =
    "CSV file with the classes or labels of the images, instead of class folders";
inline constexpr const char* image_column_help =
    "Column of --labels with the names of images; default: file, path, image, filename or the like";
inline constexpr const char* label_column_help =
    "Column of --labels with the classes; several columns of 1, 0, -1 or nothing are labels";
inline constexpr const char* uncertain_help = "How -1 in a column of labels is read";
inline constexpr const char* split_list_help =
    "Files that list the images of each split (train_val_list.txt,test_list.txt), or have a column split";
[[nodiscard]] const command_line::Names<data::Uncertain>& uncertain_names();

/// What a command was told about labels: the options of the same names.
struct LabelOptions {
  std::string labels, image_column, label_column;
  data::Uncertain uncertain = data::Uncertain::ignore;
  std::string split_list;

  void add(command_line::Command command);
  /// Throws UsageError for options that need --labels.
  [[nodiscard]] data::LabelSettings settings() const;
  /// All paths from the root, so that a run finds them from anywhere.
  void make_absolute();
};

/// Throws UsageError if the folder that `option` names lies in the folder of images: what is written there
/// would be taken for images the next time.
void require_outside(const char* option, const std::filesystem::path& out, const std::filesystem::path& data);

}  // namespace xr::apps
