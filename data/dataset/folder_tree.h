// The files below a folder that may be images.
#pragma once

#include "data/dataset/notice.h"
#include "data/dataset/skipped_file.h"
#include "data/loader/jobs.h"

#include <filesystem>
#include <string>
#include <vector>

namespace xr::data {

/// A folder, with what is below it. Without folders and files that are hidden (their names begin with a dot)
/// or left behind by archives and systems (folder_names.h: is_leftover).
struct FolderTree {
  std::string name;                      ///< Empty for the folder that was scanned.
  std::vector<std::string> images;       ///< Names of the files that may be images, sorted.
  std::vector<FolderTree> folders = {};  ///< Sorted by name.

  /// Also in the folders below.
  [[nodiscard]] std::size_t image_count() const;
  /// Null if there is none of that name directly below.
  [[nodiscard]] const FolderTree* find(const std::string& folder) const;
  /// The paths of all images below, sorted, each starting with `prefix` + '/' (with nothing for an empty one).
  [[nodiscard]] std::vector<std::string> paths(const std::string& prefix = {}) const;
};

struct TreeScan {
  FolderTree tree;
  std::vector<SkippedFile> skipped;  ///< Files that are no images, broken links, link loops.
  std::vector<std::string> ignored;  ///< Paths of the leftovers that were met.
};

/// Lists `directory` and all below it; opens only files whose name does not tell that they are images. Links
/// are followed, loops are not. Throws xr::Error if the folder itself cannot be listed.
/// `progress` is called now and then with the number of files met, of a total that is not known (0).
TreeScan scan_tree(const std::filesystem::path& directory, const Progress& progress = {});

/// Throws xr::Error unless this is a readable folder.
void check_folder(const std::filesystem::path& directory);

}  // namespace xr::data
