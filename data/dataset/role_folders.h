// Of the images below a folder, those that are X-rays, and those that are masks or annotations of them.
#pragma once

#include "data/dataset/folder_tree.h"

#include <map>
#include <string>
#include <vector>

namespace xr::data {

/// Folders to pass over, at any depth.
struct SkipFolders {
  bool automatic = true;                ///< Those of is_mask_folder, and mask files beside their pictures.
  std::vector<std::string> names = {};  ///< Those of these names, in any case.
};

struct UsedImages {
  std::vector<std::string> paths;  ///< Sorted.
  std::vector<SkippedFile> skipped;
  std::map<std::string, std::int64_t> folders;  ///< Images by the name of the folder that was passed over.
  std::int64_t mask_files = 0;
  /// Two sibling folders in use that hold many files of the same name, and how many.
  std::vector<std::string> equal_names;
  std::int64_t equal_count = 0;
};

/// Whether a folder of this name is passed over.
[[nodiscard]] bool is_skipped_folder(const std::string& name, const SkipFolders& skip);

/// Adds what is below `tree`, whose path is `prefix` ("" for the scanned folder itself).
void collect_images(const FolderTree& tree, const std::string& prefix, const SkipFolders& skip,
                    UsedImages& used);

/// What collect_images left out or found suspicious, for people.
[[nodiscard]] std::vector<Notice> notices_of(const UsedImages& used);

}  // namespace xr::data
