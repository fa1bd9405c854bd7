// Classes or labels of images from a table: a class in one column, several labels in one ("Edema|Mass"), or a
// column for each label.
#pragma once

#include "data/dataset/file_index.h"
#include "data/dataset/folder_names.h"
#include "data/dataset/notice.h"
#include "data/dataset/task.h"
#include "kernels/common/error.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace xr::data {

/// Of labels that are -1 (CheXpert, MIMIC-CXR).
enum class Uncertain : std::uint8_t {
  ignore,  ///< Unknown: of no weight in training and evaluation.
  zero,
  one
};

struct LabelSettings {
  std::filesystem::path table;    ///< Empty: the classes are folders.
  std::string image_column = {};  ///< Empty: by the usual names.
  /// Names with commas between; of one the values are the classes. Empty: "Finding Labels", "label", "class",
  /// "finding", ... or the columns of CheXpert's labels.
  std::string label_column = {};
  Uncertain uncertain = Uncertain::ignore;
  /// Lists of images by split: a text file of names, whose own name says which (train_val_list.txt,
  /// test_list.txt), or a table with a column "split". Empty: the table's own column "split", or folders.
  std::vector<std::filesystem::path> split_lists = {};
};

/// A column of the table that is asked for or needed is not there.
inline constexpr ErrorCode label_columns_missing{"label-columns-missing"};

struct LabelTable {
  std::string name;  ///< Of the file.
  Task task = Task::multi_class;
  std::vector<std::string> names;    ///< Sorted classes; labels in the order of their columns, or sorted.
  std::vector<std::string> entries;  ///< The image of each line (listed_path), or the folder of its study.
  bool entries_are_folders = false;
  std::vector<int> classes;                  ///< With multi_class: of each line; -1: none.
  std::vector<float> targets;                ///< With multi_label: lines x names; 1, 0 or unknown_target.
  std::vector<std::string> patients;         ///< Of each line; empty without such a column.
  std::vector<std::optional<Split>> splits;  ///< The same of a column "split".
  std::vector<std::string> columns;          ///< Of labels.
  std::int64_t uncertain = 0;                ///< Values that are -1.
  std::size_t unusable = 0;                  ///< CsvTable::unusable
};

/// Throws xr::Error: table_unusable for a file that is no table, label_columns_missing.
LabelTable read_label_table(const LabelSettings& settings);

/// Images of the lists and their splits.
struct SplitList {
  std::vector<std::string> entries;
  std::vector<Split> splits;
};
/// Throws xr::Error (table_unusable) for a list that does not say which split it is.
SplitList read_split_lists(const std::vector<std::filesystem::path>& paths);

/// "train", "validate", "test", ... in a column.
[[nodiscard]] std::optional<Split> split_of_value(const std::string& value);

}  // namespace xr::data
