#include "data/dataset/folder_tree.h"

#include "data/dataset/folder_names.h"
#include "data/dataset/image_candidate.h"
#include "engine/io/file.h"
#include "kernels/common/error.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

namespace xr::data {

namespace fs = std::filesystem;

namespace {

using FolderIdentity = std::pair<dev_t, ino_t>;  // device and inode

std::string joined(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : prefix + '/' + name;
}

class Scanner {
 public:
  Scanner(TreeScan& scan, const Progress& progress) : scan_(scan), progress_(progress) {}

  void folder(const fs::path& directory, const std::string& prefix, FolderTree& tree) {
    struct stat status {};
    XR_CHECK(::stat(directory.c_str(), &status) == 0, "cannot read the folder {}: {}",
             engine::quote_name(directory), std::strerror(errno));
    const FolderIdentity identity{status.st_dev, status.st_ino};
    if (std::find(above_.begin(), above_.end(), identity) != above_.end()) {
      skip(prefix, "a link that leads back to a folder above it", SkipKind::unreachable);
      return;
    }
    // Links to folders that hold links to folders: the number of ways doubles with each.
    if (++visits_[identity] > max_visits)
      return skip(prefix, fmt::format("a folder that links lead to more than {} times", max_visits),
                  SkipKind::unreachable);
    above_.push_back(identity);
    for (const fs::path& path : sorted_entries(directory, prefix)) entry(path, prefix, tree);
    above_.pop_back();
  }

 private:
  std::vector<fs::path> sorted_entries(const fs::path& directory, const std::string& prefix) {
    std::error_code code;
    std::vector<fs::path> entries;
    for (fs::directory_iterator it(directory, code), end; !code && it != end; it.increment(code)) {
      const std::string name = it->path().filename().string();
      if (name.starts_with('.')) continue;
      if (is_leftover(name))
        scan_.ignored.push_back(joined(prefix, name));
      else
        entries.push_back(it->path());
    }
    XR_CHECK(!code, "cannot list the folder {}: {}", engine::quote_name(directory), code.message());
    std::sort(entries.begin(), entries.end());
    return entries;
  }

  void entry(const fs::path& path, const std::string& prefix, FolderTree& tree) {
    if (++met_ % entries_told == 0 && progress_) progress_(met_, 0);
    const std::string name = path.filename().string(), whole = joined(prefix, name);
    std::error_code code;
    const fs::file_status status = fs::status(path, code);
    if (fs::is_directory(status)) {
      FolderTree below{name, {}, {}};
      try {
        folder(path, whole, below);
      } catch (const Error& error) {
        skip(whole, error.what(), SkipKind::unreachable);
      }
      tree.folders.push_back(std::move(below));
    } else if (!fs::exists(status)) {
      skip(whole, code ? code.message() : "a broken link", SkipKind::unreachable);
    } else if (!fs::is_regular_file(status)) {
      skip(whole, "not a regular file", SkipKind::unreachable);
    } else if (!may_be_image(path)) {
      skip(whole, "not an image by name or content", SkipKind::not_an_image);
    } else {
      tree.images.push_back(name);
    }
  }

  void skip(const std::string& path, std::string reason, SkipKind kind) {
    scan_.skipped.push_back({path, std::move(reason), kind});
  }

  static constexpr std::size_t entries_told = 256;
  static constexpr int max_visits = 100;

  TreeScan& scan_;
  const Progress& progress_;
  std::size_t met_ = 0;
  std::vector<FolderIdentity> above_;
  std::map<FolderIdentity, int> visits_;
};

void add_paths(const FolderTree& tree, const std::string& prefix, std::vector<std::string>& paths) {
  for (const std::string& name : tree.images) paths.push_back(joined(prefix, name));
  for (const FolderTree& folder : tree.folders) add_paths(folder, joined(prefix, folder.name), paths);
}

}  // namespace

std::size_t FolderTree::image_count() const {
  std::size_t count = images.size();
  for (const FolderTree& folder : folders) count += folder.image_count();
  return count;
}

const FolderTree* FolderTree::find(const std::string& folder) const {
  const auto found = std::ranges::find(folders, folder, &FolderTree::name);
  return found == folders.end() ? nullptr : &*found;
}

std::vector<std::string> FolderTree::paths(const std::string& prefix) const {
  std::vector<std::string> result;
  add_paths(*this, prefix, result);
  std::ranges::sort(result);
  return result;
}

void check_folder(const fs::path& directory) {
  std::error_code code;
  const fs::file_status status = fs::status(directory, code);
  XR_CHECK(status.type() != fs::file_type::not_found, "no such file or folder: {}; check the path",
           engine::quote_name(directory));
  XR_CHECK(!code, "cannot read the folder {}: {}", engine::quote_name(directory), code.message());
  XR_CHECK(fs::is_directory(status), "{} is a file, not a folder of class folders",
           engine::quote_name(directory));
}

TreeScan scan_tree(const fs::path& directory, const Progress& progress) {
  TreeScan scan;
  Scanner(scan, progress).folder(directory, "", scan.tree);
  return scan;
}

}  // namespace xr::data
