#include "data/dataset/role_folders.h"

#include "data/dataset/folder_names.h"
#include "engine/io/file.h"
#include "kernels/common/error.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace xr::data {

namespace {

/// Siblings are compared if there are no more; patients are more.
constexpr std::size_t max_siblings_compared = 8;
constexpr std::size_t min_equal_names = 3;

std::string without_extension(const std::string& path) {
  const std::size_t slash = path.rfind('/') + 1, dot = path.rfind('.');  // npos + 1 is 0
  return dot == std::string::npos || dot <= slash ? path : path.substr(0, dot);
}

std::set<std::string> stems_of(const FolderTree& folder) {
  std::set<std::string> stems;
  for (const std::string& path : folder.paths()) stems.insert(without_extension(path));
  return stems;
}

void compare_siblings(const std::vector<const FolderTree*>& siblings, const std::string& prefix,
                      UsedImages& used) {
  if (siblings.size() < 2 || siblings.size() > max_siblings_compared) return;
  std::vector<std::set<std::string>> stems;
  for (const FolderTree* folder : siblings) stems.push_back(stems_of(*folder));
  for (std::size_t a = 0; a < siblings.size(); ++a)
    for (std::size_t b = a + 1; b < siblings.size(); ++b) {
      std::vector<std::string> both;
      std::ranges::set_intersection(stems[a], stems[b], std::back_inserter(both));
      if (both.size() < min_equal_names || both.size() * 2 < std::min(stems[a].size(), stems[b].size()))
        continue;
      used.equal_count += static_cast<std::int64_t>(both.size());
      if (!used.equal_names.empty()) continue;
      for (const FolderTree* folder : {siblings[a], siblings[b]})
        used.equal_names.push_back(prefix.empty() ? folder->name : prefix + '/' + folder->name);
    }
}

void skip_folder(const FolderTree& folder, const std::string& prefix, UsedImages& used) {
  const std::vector<std::string> paths =
      folder.paths(prefix.empty() ? folder.name : prefix + '/' + folder.name);
  for (const std::string& path : paths)
    used.skipped.push_back(
        {path,
         is_mask_folder(folder.name) ? "in a folder of masks or annotations" : "in a folder to be skipped",
         SkipKind::role});
  if (!paths.empty()) used.folders[folder.name] += static_cast<std::int64_t>(paths.size());
}

void collect_files(const FolderTree& tree, const std::string& prefix, const SkipFolders& skip,
                   UsedImages& used) {
  std::set<std::string> stems;
  if (skip.automatic)
    for (const std::string& name : tree.images) stems.insert(without_extension(name));
  for (const std::string& name : tree.images) {
    std::string path = prefix;
    if (!path.empty()) path += '/';
    path += name;
    const std::string picture = skip.automatic ? masked_picture(name) : std::string();
    if (!picture.empty() && stems.contains(picture)) {
      ++used.mask_files;
      used.skipped.push_back({std::move(path), "a mask by its name, beside its picture", SkipKind::role});
    } else {
      used.paths.push_back(std::move(path));
    }
  }
}

void collect(const FolderTree& tree, const std::string& prefix, const SkipFolders& skip, UsedImages& used) {
  collect_files(tree, prefix, skip, used);
  std::vector<const FolderTree*> siblings;
  for (const FolderTree& folder : tree.folders) {
    if (is_skipped_folder(folder.name, skip)) {
      skip_folder(folder, prefix, used);
      continue;
    }
    collect(folder, prefix.empty() ? folder.name : prefix + '/' + folder.name, skip, used);
    if (folder.image_count() > 0) siblings.push_back(&folder);
  }
  compare_siblings(siblings, prefix, used);
}

}  // namespace

bool is_skipped_folder(const std::string& name, const SkipFolders& skip) {
  if (skip.automatic && is_mask_folder(name)) return true;
  return std::ranges::any_of(
      skip.names, [&](const std::string& wanted) { return lower_case(wanted) == lower_case(name); });
}

void collect_images(const FolderTree& tree, const std::string& prefix, const SkipFolders& skip,
                    UsedImages& used) {
  collect(tree, prefix, skip, used);
  std::ranges::sort(used.paths);
}

std::vector<Notice> notices_of(const UsedImages& used) {
  std::vector<Notice> notices;
  if (!used.folders.empty()) {
    const bool masks =
        std::ranges::all_of(used.folders, [](const auto& f) { return is_mask_folder(f.first); });
    Notice notice{masks ? notice_id::role_folders_skipped : notice_id::folders_skipped, Importance::note, {}};
    std::string list;
    for (const auto& [name, count] : used.folders) {
      list += (list.empty() ? "" : ", ") + engine::quote_name(name);
      notice.names.push_back(name);
      notice.count += count;
    }
    notice.text = fmt::format("{} image(s) in folders named {} are skipped{}", notice.count, list,
                              masks ? ": masks or annotations" : "");
    notices.push_back(std::move(notice));
  }
  if (used.mask_files > 0)
    notices.push_back({notice_id::mask_files_skipped,
                       Importance::note,
                       fmt::format("{} file(s) are skipped as masks of the picture beside them "
                                   "(1_mask.png beside 1.png)",
                                   used.mask_files),
                       {},
                       used.mask_files});
  if (!used.equal_names.empty())
    notices.push_back(
        {notice_id::equal_file_names, Importance::warning,
         fmt::format("{} files have the same names in sibling folders ({} and {}): if one holds masks, "
                     "they are trained on as X-rays",
                     used.equal_count, engine::quote_name(used.equal_names[0]),
                     engine::quote_name(used.equal_names[1])),
         used.equal_names, used.equal_count});
  return notices;
}

}  // namespace xr::data
