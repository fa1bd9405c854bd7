#include "data/dataset/layout.h"

#include "data/dataset/layout_reading.h"
#include "engine/io/file.h"
#include "kernels/common/error.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace xr::data {

namespace {

constexpr std::array splits = {Split::train, Split::validation, Split::test};

class LayoutFinder {
 public:
  LayoutFinder(const TreeScan& scan, const LayoutSettings& settings) : scan_(scan), settings_(settings) {}

  Layout find() {
    const TreeNode node = entered({&scan_.tree, ""}, settings_);
    layout_.root = node.path;
    if (!node.path.empty())
      add(notice_id::outer_folder, Importance::note,
          fmt::format("the images are read from the folder {}", engine::quote_name(node.path)), {node.path},
          static_cast<std::int64_t>(node.tree->image_count()));
    for (TreeNode outer{&scan_.tree, ""}; outer.path != node.path;) {
      const std::size_t begin = outer.path.empty() ? 0 : outer.path.size() + 1;
      const std::string next = node.path.substr(begin, node.path.find('/', begin) - begin);
      skip_folders_beside(outer, next);
      outer = {outer.tree->find(next), outer.child(next)};
    }
    note_leftovers();
    if (const SplitFolders found = split_folders(node, settings_); found.any())
      read_splits(node, found);
    else if (settings_.classes_from_table)
      add_all(Split::train, node);
    else if (splits_lie_in_classes(node, settings_))
      read_splits_in_classes(node);
    else
      read_classes(node);
    for (Notice& notice : notices_of(used_)) layout_.notices.push_back(std::move(notice));
    for (SkippedFile& file : used_.skipped) layout_.skipped.push_back(std::move(file));
    return std::move(layout_);
  }

 private:
  void add(NoticeId id, Importance importance, std::string text, std::vector<std::string> names = {},
           std::int64_t count = 0) {
    layout_.notices.push_back({id, importance, std::move(text), std::move(names), count});
  }

  void note_leftovers() {
    if (scan_.ignored.empty()) return;
    std::set<std::string> names;
    for (const std::string& path : scan_.ignored) names.insert(path.substr(path.rfind('/') + 1));
    add(notice_id::leftovers_ignored, Importance::note,
        fmt::format("{} left behind by archives or systems are ignored", quoted_list(names)),
        {names.begin(), names.end()}, static_cast<std::int64_t>(scan_.ignored.size()));
  }

  /// Images that no class has, because of where they lie.
  void skip_outside(const TreeNode& node, bool with_folders, const char* reason) {
    FolderTree files{"", node.tree->images, {}};
    for (const std::string& path : (with_folders ? *node.tree : files).paths(node.path))
      layout_.skipped.push_back({path, reason, SkipKind::outside});
  }

  void note_images_beside(const TreeNode& node, const char* what) {
    if (node.tree->images.empty()) return;
    skip_outside(node, false, "beside the class folders");
    add(notice_id::images_beside_folders, Importance::warning,
        fmt::format("{} image(s) beside the {} folders are not used, the first is {}",
                    node.tree->images.size(), what, engine::quote_name(node.child(node.tree->images[0]))),
        {node.path}, static_cast<std::int64_t>(node.tree->images.size()));
  }

  /// Masks beside the folder that was entered.
  void skip_folders_beside(const TreeNode& node, const std::string& entered_folder) {
    for (const FolderTree& folder : node.tree->folders)
      if (folder.name != entered_folder) skip_folder({&folder, node.child(folder.name)});
  }

  void skip_folder(const TreeNode& node) {
    for (const std::string& path : node.tree->paths(node.path)) {
      ++used_.folders[node.tree->name];
      used_.skipped.push_back({path, "in a folder to be skipped", SkipKind::role});
    }
  }

  void collect_class(Split split, const TreeNode& node, std::size_t class_index) {
    UsedImages used;
    used.equal_names = std::move(used_.equal_names);
    used.equal_count = used_.equal_count;
    collect_images(*node.tree, node.path, settings_.skip_folders, used);
    for (std::string& path : used.paths)
      layout_.part(split).images.push_back({std::move(path), static_cast<int>(class_index)});
    for (const auto& [name, count] : used.folders) used_.folders[name] += count;
    for (SkippedFile& file : used.skipped) used_.skipped.push_back(std::move(file));
    used_.mask_files += used.mask_files;
    used_.equal_names = std::move(used.equal_names);
    used_.equal_count = used.equal_count;
  }

  void add_all(Split split, const TreeNode& node) {
    layout_.part(split).present = true;
    layout_.part(split).folder = node.path;
    collect_class(split, node, 0);
  }

  /// The folders of images beside the splits are told and not used.
  void note_unused(const TreeNode& node, const SplitFolders& found) {
    std::set<std::string> names;
    std::int64_t count = 0;
    for (const FolderTree& folder : node.tree->folders) {
      const auto images = static_cast<std::int64_t>(folder.image_count());
      if (images == 0 || found.has(folder.name)) continue;
      if (is_skipped_folder(folder.name, settings_.skip_folders)) {
        skip_folder({&folder, node.child(folder.name)});
        continue;
      }
      skip_outside({&folder, node.child(folder.name)}, true, "in a folder beside the splits");
      names.insert(folder.name);
      count += images;
    }
    if (!names.empty())
      add(notice_id::folders_not_used, Importance::warning,
          fmt::format("{} image(s) are not used: they lie in {}, beside {}", count, quoted_list(names),
                      quoted_list(found.names())),
          {names.begin(), names.end()}, count);
    note_images_beside(node, "split");
  }

  void read_splits(const TreeNode& node, const SplitFolders& found) {
    layout_.has_splits = true;
    note_unused(node, found);
    std::vector<std::string> unusual;
    for (const Split split : splits) {
      const TreeNode* folder = found.find(split);
      if (folder == nullptr) continue;
      if (folder->tree->name != name_of(split)) unusual.push_back(folder->tree->name);
      if (split == Split::validation && folder->tree->image_count() == 0) {
        add(notice_id::empty_split_folder, Importance::warning,
            fmt::format("{} has no images and is not used", engine::quote_name(folder->path)),
            {folder->tree->name});
        continue;
      }
      layout_.part(split).present = true;
      layout_.part(split).folder = folder->path;
    }
    if (!unusual.empty())
      add(notice_id::split_names, Importance::note, fmt::format("read as splits: {}", found.text()), unusual);
    if (settings_.classes_from_table) {
      for (const Split split : splits)
        if (layout_.part(split).present) add_all(split, *found.find(split));
      return;
    }
    std::vector<TreeNode> nodes;
    for (const Split split : splits) {
      nodes.emplace_back();
      if (!layout_.part(split).present) continue;
      const TreeNode& folder = *found.find(split);
      nodes.back() = images_of(folder, settings_);
      if (nodes.back().tree != folder.tree) skip_folders_beside(folder, nodes.back().tree->name);
    }
    take_class_names(nodes);
    for (std::size_t i = 0; i < splits.size(); ++i)
      if (nodes[i].tree != nullptr) read_class_folders(splits[i], nodes[i]);
  }

  /// The classes of all splits; those without any image only where fewer than two are left.
  void take_class_names(const std::vector<TreeNode>& nodes) {
    std::set<std::string> with_images, empty;
    for (const TreeNode& node : nodes) {
      if (node.tree == nullptr) continue;
      const ClassFolders folders = class_folders(node, settings_);
      with_images.insert(folders.with_images.begin(), folders.with_images.end());
      empty.insert(folders.empty.begin(), folders.empty.end());
    }
    for (const std::string& name : with_images) empty.erase(name);
    if (with_images.size() < 2 && settings_.known_classes.empty()) {
      with_images.insert(empty.begin(), empty.end());
    } else if (!empty.empty()) {
      add(notice_id::empty_class_folder, Importance::warning,
          fmt::format("{} without images {} not taken for {}", quoted_list(empty),
                      empty.size() == 1 ? "is" : "are", empty.size() == 1 ? "a class" : "classes"),
          {empty.begin(), empty.end()});
    }
    layout_.class_names.assign(with_images.begin(), with_images.end());
    for (const TreeNode& node : nodes)
      if (node.tree != nullptr) require_classes(node, class_folders(node, settings_).with_images, scan_);
    std::vector<std::string> suspicious;
    std::ranges::copy_if(layout_.class_names, std::back_inserter(suspicious), looks_like_split);
    if (!suspicious.empty())
      add(notice_id::split_not_recognised, Importance::warning,
          fmt::format("{} taken for {}, but the name looks like a split", quoted_list(suspicious),
                      suspicious.size() == 1 ? "is a class" : "are classes"),
          suspicious);
  }

  void read_class_folders(Split split, const TreeNode& node) {
    note_images_beside(node, "class");
    for (const FolderTree& folder : node.tree->folders) {
      const auto found = std::ranges::lower_bound(layout_.class_names, folder.name);
      const TreeNode below{&folder, node.child(folder.name)};
      if (found != layout_.class_names.end() && *found == folder.name)
        collect_class(split, below, static_cast<std::size_t>(found - layout_.class_names.begin()));
      else
        skip_folder(below);
    }
  }

  void read_splits_in_classes(const TreeNode& node) {
    layout_.has_splits = true;
    const ClassFolders folders = class_folders(node, settings_);
    layout_.class_names = folders.with_images;
    std::set<std::string> names;
    for (const FolderTree& folder : node.tree->folders) {
      const auto found = std::ranges::find(folders.with_images, folder.name);
      if (found == folders.with_images.end()) continue;
      const TreeNode class_node{&folder, node.child(folder.name)};
      const SplitFolders inside = split_folders(class_node, settings_);
      for (const Split split : splits) {
        const TreeNode* part = inside.find(split);
        if (part == nullptr) continue;
        layout_.part(split).present = true;
        layout_.part(split).folder = node.child(std::string("*/") + part->tree->name);
        names.insert(part->tree->name);
        collect_class(split, *part, static_cast<std::size_t>(found - folders.with_images.begin()));
      }
    }
    note_images_beside(node, "class");
    add(notice_id::split_in_classes, Importance::note,
        fmt::format("each class folder holds the splits {}", quoted_list(names)),
        {names.begin(), names.end()});
  }

  void read_classes(const TreeNode& node) {
    layout_.part(Split::train).present = true;
    layout_.part(Split::train).folder = node.path;
    take_class_names({node});
    read_class_folders(Split::train, node);
    const std::vector<std::string> shared = folders_of_every_class(node, settings_);
    if (shared.size() > 1)
      add(notice_id::same_folders_in_classes, Importance::warning,
          fmt::format("every class folder holds {}: if these are the classes, give one of the folders {} "
                      "instead",
                      quoted_list(shared), quoted_list(layout_.class_names)),
          shared);
  }

  const TreeScan& scan_;
  const LayoutSettings& settings_;
  Layout layout_;
  UsedImages used_;
};

}  // namespace

Layout find_layout(const TreeScan& scan, const LayoutSettings& settings) {
  return LayoutFinder(scan, settings).find();
}

}  // namespace xr::data
