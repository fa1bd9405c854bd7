// Folders that are not there, for tests of what is made of their names.
#pragma once

#include "data/dataset/layout.h"

#include <catch2/catch.hpp>

#include "kernels/common/error.h"
#include "kernels/common/error_codes.h"

namespace xr::data::test {

inline void add_file(FolderTree& tree, const std::string& path) {
  const std::size_t slash = path.find('/');
  if (slash == std::string::npos) {
    if (!path.empty()) tree.images.push_back(path);
    return;
  }
  const std::string name = path.substr(0, slash);
  auto found = std::ranges::find(tree.folders, name, &FolderTree::name);
  if (found == tree.folders.end()) {
    tree.folders.push_back({name, {}, {}});
    std::ranges::sort(tree.folders, {}, &FolderTree::name);
    found = std::ranges::find(tree.folders, name, &FolderTree::name);
  }
  add_file(*found, path.substr(slash + 1));
}

/// Each of `folders` with images 0.png to `count` - 1; a folder that ends in '/' is empty.
inline TreeScan tree_of(const std::vector<std::string>& folders, int count = 4) {
  TreeScan scan;
  for (const std::string& folder : folders) {
    if (folder.ends_with('/')) add_file(scan.tree, folder);
    for (int i = 0; i < count && !folder.ends_with('/'); ++i)
      add_file(scan.tree, folder + '/' + std::to_string(i) + ".png");
  }
  return scan;
}

inline const Notice* notice_of(const Layout& layout, NoticeId id) {
  const auto found = std::ranges::find(layout.notices, id, &Notice::id);
  return found == layout.notices.end() ? nullptr : &*found;
}

/// Fails the test if there is none.
inline const Notice& given_notice(const Layout& layout, NoticeId id) {
  REQUIRE(notice_of(layout, id) != nullptr);
  return *notice_of(layout, id);
}

inline std::vector<std::string> paths_of(const Layout& layout, Split split) {
  std::vector<std::string> paths;
  for (const LayoutImage& image : layout.part(split).images) paths.push_back(image.path);
  return paths;
}

inline ErrorCode code_of(const TreeScan& scan, const LayoutSettings& settings = {}) {
  try {
    (void)find_layout(scan, settings);
  } catch (const Error& error) {
    return error.code();
  }
  return {};
}

using Names = std::vector<std::string>;

/// Every image of the tree is in use or among the skipped ones.
inline void check_all_told(const TreeScan& scan, const Layout& layout) {
  Names told;
  for (const LayoutPart& part : layout.parts)
    for (const LayoutImage& image : part.images) told.push_back(image.path);
  for (const SkippedFile& file : layout.skipped) told.push_back(file.path);
  std::ranges::sort(told);
  CHECK(told == scan.tree.paths());
}

inline Layout layout_of(const TreeScan& scan, const LayoutSettings& settings = {}) {
  Layout layout = find_layout(scan, settings);
  check_all_told(scan, layout);
  return layout;
}

}  // namespace xr::data::test
