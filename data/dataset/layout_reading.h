// The single decisions of find_layout: which folders are outer ones, splits, classes.
#pragma once

#include "data/dataset/layout.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace xr::data {

struct TreeNode {
  const FolderTree* tree = nullptr;
  std::string path;  ///< Relative to the scanned folder; empty for that itself.

  [[nodiscard]] std::string child(const std::string& name) const {
    return path.empty() ? name : path + '/' + name;
  }
};

struct SplitFolder {
  Split split;
  TreeNode node;
};

struct SplitFolders {
  std::vector<SplitFolder> folders;

  [[nodiscard]] bool any() const { return !folders.empty(); }
  [[nodiscard]] const TreeNode* find(Split split) const;
  [[nodiscard]] bool has(const std::string& name) const;
  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] std::string text() const;  ///< "'Training' (train), 'Testing' (test)"
};

struct ClassFolders {
  std::vector<std::string> with_images, empty;  ///< Sorted names.
};

/// 'a', 'b', 'c' and 7 more
template <class Names>
std::string quoted_list(const Names& names);

/// The folder itself, or the first one below it that holds more than a single folder of folders.
[[nodiscard]] TreeNode entered(TreeNode node, const LayoutSettings& settings);

/// Folders with the usual names of splits, directly below. Of two for the same split the one that has images.
/// Throws xr::Error (layout_ambiguous) if both have.
[[nodiscard]] SplitFolders split_folders(const TreeNode& node, const LayoutSettings& settings);

/// images/ below the folder, if no other has images but masks, and images/ holds folders; else the folder.
[[nodiscard]] TreeNode images_of(const TreeNode& node, const LayoutSettings& settings);

[[nodiscard]] ClassFolders class_folders(const TreeNode& node, const LayoutSettings& settings);

/// Whether every class folder holds the splits and nothing else. Throws xr::Error (layout_ambiguous) if only
/// some do, or if each is a set by itself.
[[nodiscard]] bool splits_lie_in_classes(const TreeNode& node, const LayoutSettings& settings);

/// Names of folders that every class has below it, where no class has images beside them.
[[nodiscard]] std::vector<std::string> folders_of_every_class(const TreeNode& node,
                                                              const LayoutSettings& settings);

/// Throws xr::Error (labels_needed) if these folders are numbered parts of a set or patients.
void require_classes(const TreeNode& node, const std::vector<std::string>& names, const TreeScan& scan);

std::string quote(const std::string& name);

template <class Names>
std::string quoted_list(const Names& names) {
  constexpr std::size_t max_names = 6;
  std::string text;
  std::size_t count = 0;
  for (const std::string& name : names)
    if (++count <= max_names) text += (text.empty() ? "" : ", ") + quote(name);
  if (count > max_names) text += " and " + std::to_string(count - max_names) + " more";
  return text;
}

}  // namespace xr::data
