#include "data/dataset/layout_reading.h"

#include "engine/io/file.h"
#include "kernels/common/error.h"
#include "kernels/common/error_codes.h"

#include <iterator>
#include <set>

namespace xr::data {

namespace {

constexpr int max_outer_folders = 16;

using Folders = std::vector<const FolderTree*>;

Folders folders_with_images(const FolderTree& tree, const SkipFolders& skip) {
  Folders result;
  for (const FolderTree& folder : tree.folders)
    if (folder.image_count() > 0 && !is_skipped_folder(folder.name, skip)) result.push_back(&folder);
  return result;
}

bool is_known_class(const std::string& name, const LayoutSettings& settings) {
  return std::ranges::find(settings.known_classes, name) != settings.known_classes.end();
}

/// A folder beside the classes that is none. One word like "mask" may be a class; "masks" beside two others
/// is not.
bool is_mask_beside_classes(const FolderTree& tree, const FolderTree& folder,
                            const LayoutSettings& settings) {
  if (is_known_class(folder.name, settings)) return false;
  if (!is_skipped_folder(folder.name, settings.skip_folders)) return false;
  if (!is_mask_folder(folder.name)) return true;
  const std::vector<std::string> words = words_of(folder.name);
  if (!words.back().ends_with('s')) return false;
  return folders_with_images(tree, settings.skip_folders).size() >= 2;
}

std::vector<std::string> names_of(const Folders& folders) {
  std::vector<std::string> names;
  for (const FolderTree* folder : folders) names.push_back(folder->name);
  return names;
}

std::vector<std::string> common(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::string> result;
  std::ranges::set_intersection(a, b, std::back_inserter(result));
  return result;
}

/// Names of the folders below the folders of splits.
std::vector<std::string> classes_below(const SplitFolders& inside, const SkipFolders& skip) {
  std::set<std::string> names;
  for (const SplitFolder& folder : inside.folders)
    for (const FolderTree* below : folders_with_images(*folder.node.tree, skip))
      if (!is_image_folder(below->name)) names.insert(below->name);
  return {names.begin(), names.end()};
}

}  // namespace

std::string quote(const std::string& name) {
  return engine::quote_name(name);
}

const TreeNode* SplitFolders::find(Split split) const {
  const auto found = std::ranges::find(folders, split, &SplitFolder::split);
  return found == folders.end() ? nullptr : &found->node;
}

bool SplitFolders::has(const std::string& name) const {
  return std::ranges::any_of(folders,
                             [&](const SplitFolder& folder) { return folder.node.tree->name == name; });
}

std::vector<std::string> SplitFolders::names() const {
  std::vector<std::string> result;
  for (const SplitFolder& folder : folders) result.push_back(folder.node.tree->name);
  return result;
}

std::string SplitFolders::text() const {
  std::string result;
  for (const SplitFolder& folder : folders)
    result += fmt::format("{}{} ({})", result.empty() ? "" : ", ", quote(folder.node.tree->name),
                          name_of(folder.split));
  return result;
}

TreeNode entered(TreeNode node, const LayoutSettings& settings) {
  for (int depth = 0; depth < max_outer_folders; ++depth) {
    if (!node.tree->images.empty() || split_folders(node, settings).any()) break;
    const Folders folders = folders_with_images(*node.tree, settings.skip_folders);
    if (folders.size() != 1 || is_known_class(folders[0]->name, settings)) break;
    const FolderTree& only = *folders[0];
    if (!settings.classes_from_table &&
        (!only.images.empty() || folders_with_images(only, settings.skip_folders).empty()))
      break;
    if (settings.classes_from_table && only.folders.empty()) break;
    node = {&only, node.child(only.name)};
  }
  return node;
}

SplitFolders split_folders(const TreeNode& node, const LayoutSettings& settings) {
  SplitFolders result;
  for (const FolderTree& folder : node.tree->folders) {
    const std::optional<Split> split = split_named(folder.name);
    if (!split || is_known_class(folder.name, settings)) continue;
    if (is_skipped_folder(folder.name, settings.skip_folders)) continue;
    const TreeNode found{&folder, node.child(folder.name)};
    const auto before = std::ranges::find(result.folders, *split, &SplitFolder::split);
    if (before == result.folders.end()) {
      result.folders.push_back({*split, found});
      continue;
    }
    if (folder.image_count() == 0) continue;
    XR_CHECK_CODE(before->node.tree->image_count() == 0, error_code::layout_ambiguous,
                  "{} and {} may both hold the {} images: keep one, or give its folder another name",
                  quote(before->node.path), quote(found.path), name_of(*split));
    before->node = found;
  }
  std::ranges::sort(result.folders, {}, &SplitFolder::split);
  return result;
}

TreeNode images_of(const TreeNode& node, const LayoutSettings& settings) {
  if (!node.tree->images.empty()) return node;
  const Folders folders = folders_with_images(*node.tree, settings.skip_folders);
  if (folders.size() != 1 || !is_image_folder(folders[0]->name)) return node;
  if (is_known_class(folders[0]->name, settings)) return node;
  if (folders_with_images(*folders[0], settings.skip_folders).empty()) return node;
  return {folders[0], node.child(folders[0]->name)};
}

ClassFolders class_folders(const TreeNode& node, const LayoutSettings& settings) {
  ClassFolders result;
  for (const FolderTree& folder : node.tree->folders) {
    if (folder.image_count() == 0)
      result.empty.push_back(folder.name);
    else if (!is_mask_beside_classes(*node.tree, folder, settings))
      result.with_images.push_back(folder.name);
  }
  return result;
}

bool splits_lie_in_classes(const TreeNode& node, const LayoutSettings& settings) {
  std::vector<std::string> with, without, not_whole, nested;
  bool first = true;
  for (const std::string& name : class_folders(node, settings).with_images) {
    const TreeNode below{node.tree->find(name), node.child(name)};
    SplitFolders inside = split_folders(below, settings);
    std::erase_if(inside.folders,
                  [](const SplitFolder& folder) { return folder.node.tree->image_count() == 0; });
    if (!inside.any()) {
      without.push_back(name);
      continue;
    }
    with.push_back(name);
    const std::vector<std::string> classes = classes_below(inside, settings.skip_folders);
    nested = first ? classes : common(nested, classes);
    first = false;
    if (!below.tree->images.empty() ||
        folders_with_images(*below.tree, settings.skip_folders).size() != inside.folders.size() ||
        inside.find(Split::train) == nullptr || inside.find(Split::test) == nullptr)
      not_whole.push_back(name);
  }
  if (with.empty()) return false;
  const std::string of = quote(node.child(with[0]));
  XR_CHECK_CODE(nested.size() < 2, error_code::layout_ambiguous,
                "{} hold splits with the class folders {}: each is a set by itself; give one of them, as {}",
                quoted_list(with), quoted_list(nested), of);
  XR_CHECK_CODE(without.empty() && not_whole.empty(), error_code::layout_ambiguous,
                "{} holds folders named as splits, but {}: either every class folder holds train/ and test/ "
                "and nothing else, or none holds a folder of such a name",
                without.empty() ? quote(node.child(not_whole[0])) : of,
                without.empty() ? "not train/ and test/ alone" : quote(node.child(without[0])) + " does not");
  return true;
}

std::vector<std::string> folders_of_every_class(const TreeNode& node, const LayoutSettings& settings) {
  std::vector<std::string> shared;
  bool first = true;
  for (const std::string& name : class_folders(node, settings).with_images) {
    const FolderTree& folder = *node.tree->find(name);
    if (!folder.images.empty()) return {};
    const std::vector<std::string> names = names_of(folders_with_images(folder, settings.skip_folders));
    shared = first ? names : common(shared, names);
    first = false;
  }
  std::erase_if(shared, is_image_folder);
  return shared;
}

void require_classes(const TreeNode& node, const std::vector<std::string>& names, const TreeScan& scan) {
  const bool go_on_below =
      names.size() > 1 && std::ranges::all_of(names, [&](const std::string& name) {
        const FolderTree& folder = *node.tree->find(name);
        return folder.folders.size() > 1 && std::ranges::all_of(folder.folders, [&](const FolderTree& below) {
                 return below.name.size() > name.size() && below.name.starts_with(name);
               });
      });
  if (!go_on_below && !are_numbered(names)) return;
  std::string table;
  for (const SkippedFile& file : scan.skipped)
    if (table.empty() && lower_case(file.path).ends_with(".csv")) table = file.path;
  throw Error(error_code::labels_needed,
              fmt::format("the folders {} are numbered parts of a set or patients, not classes: the classes "
                          "must come from a table of labels{}",
                          quoted_list(names),
                          table.empty() ? std::string() : fmt::format(", which may be {}", quote(table))));
}

}  // namespace xr::data
