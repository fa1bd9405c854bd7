#include "data/dataset/folder_scan.h"

#include "engine/io/file.h"
#include "kernels/common/error.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace xr::data {

namespace fs = std::filesystem;

namespace {

struct FolderIdentity {
  dev_t device;
  ino_t inode;
  bool operator==(const FolderIdentity&) const = default;
};

bool is_hidden(const fs::path& path) {
  return path.filename().native().starts_with('.');
}

std::vector<fs::path> sorted_entries(const fs::path& directory) {
  std::error_code code;
  std::vector<fs::path> entries;
  for (fs::directory_iterator it(directory, code), end; !code && it != end; it.increment(code))
    if (!is_hidden(it->path())) entries.push_back(it->path());
  XR_CHECK(!code, "cannot list the folder {}: {}", engine::quote_name(directory), code.message());
  std::sort(entries.begin(), entries.end());
  return entries;
}

class Scan {
 public:
  Scan(std::vector<std::string>& found, std::vector<SkippedFile>& skipped)
      : found_(found), skipped_(skipped) {}

  void folder(const fs::path& directory, const std::string& prefix) {
    struct stat status {};
    XR_CHECK(::stat(directory.c_str(), &status) == 0, "cannot read the folder {}",
             engine::quote_name(directory));
    const FolderIdentity identity{status.st_dev, status.st_ino};
    if (std::find(above_.begin(), above_.end(), identity) != above_.end()) {
      skipped_.push_back({prefix, "a link that leads back to a folder above it"});
      return;
    }
    above_.push_back(identity);
    for (const fs::path& path : sorted_entries(directory)) entry(path, prefix);
    above_.pop_back();
  }

 private:
  void entry(const fs::path& path, const std::string& prefix) {
    const std::string name =
        prefix.empty() ? path.filename().string() : prefix + '/' + path.filename().string();
    std::error_code code;
    const fs::file_status status = fs::status(path, code);
    if (fs::is_directory(status)) {
      try {
        folder(path, name);
      } catch (const Error& error) {
        skipped_.push_back({name, error.what()});
      }
    } else if (!fs::exists(status)) {
      skipped_.push_back({name, code ? code.message() : "a broken link"});
    } else if (!has_image_extension(path)) {
      skipped_.push_back({name, "not one of .jpg .jpeg .png .bmp .pgm .ppm"});
    } else if (!fs::is_regular_file(status)) {
      skipped_.push_back({name, "not a regular file"});
    } else {
      found_.push_back(name);
    }
  }

  std::vector<std::string>& found_;
  std::vector<SkippedFile>& skipped_;
  std::vector<FolderIdentity> above_;
};

}  // namespace

bool has_image_extension(const fs::path& path) {
  static constexpr std::array<std::string_view, 6> known = {".jpg", ".jpeg", ".png", ".bmp", ".pgm", ".ppm"};
  std::string extension = path.extension().string();
  for (char& letter : extension) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return std::find(known.begin(), known.end(), extension) != known.end();
}

void check_folder(const fs::path& directory) {
  std::error_code code;
  const fs::file_status status = fs::status(directory, code);
  XR_CHECK(status.type() != fs::file_type::not_found, "no such folder: {}; check the path",
           engine::quote_name(directory));
  XR_CHECK(!code, "cannot read the folder {}: {}", engine::quote_name(directory), code.message());
  XR_CHECK(fs::is_directory(status), "{} is a file, not a folder of class folders",
           engine::quote_name(directory));
}

std::vector<std::string> list_folders(const fs::path& directory) {
  std::vector<std::string> names;
  for (const fs::path& path : sorted_entries(directory)) {
    std::error_code code;
    if (fs::is_directory(path, code)) names.push_back(path.filename().string());
  }
  return names;
}

std::vector<std::string> scan_images(const fs::path& directory, const std::string& prefix,
                                     std::vector<SkippedFile>& skipped) {
  std::vector<std::string> found;
  Scan(found, skipped).folder(directory, prefix);
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace xr::data
