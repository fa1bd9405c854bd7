// Which lines of a table are about an image: the one matching of names for all tables.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace xr::data {

/// A file as a table names it, as the folder does: without "./", and with '/' where it has only '\\'.
std::string listed_path(std::string field);

/// The part of a path after its last '/'.
std::string file_name_of(const std::string& path);

/// Finds the lines of a table by the path of an image. A line names an image by
/// - its path relative to the folder, or to the outer folder that was entered;
/// - a longer path that ends in it: /home/me/xrays/train/a/1.png;
/// - the end of its path, from a folder on or the bare name: a/1.png, 1.png;
/// - the folder that holds it, where `folders` is set (a study, p10000032/s50414267);
/// all with or without the extension. What fits the most of the path wins.
class FileIndex {
 public:
  FileIndex() = default;
  /// `entries`: a listed_path each. `root`: the outer folder that was entered; empty: none.
  FileIndex(std::vector<std::string> entries, std::string root, bool folders = false);
  FileIndex(const FileIndex&) = delete;
  FileIndex& operator=(const FileIndex&) = delete;
  FileIndex(FileIndex&&) = default;
  FileIndex& operator=(FileIndex&&) = default;

  /// Numbers of the lines about this image, in their order; none: empty.
  [[nodiscard]] std::span<const std::uint32_t> lines_of(const std::string& path) const;
  [[nodiscard]] const std::vector<std::string>& entries() const { return entries_; }
  [[nodiscard]] bool names_folders() const { return folders_; }

 private:
  using Lines = std::vector<std::uint32_t>;
  [[nodiscard]] const Lines* find(std::string_view path) const;

  std::vector<std::string> entries_;
  std::string root_;
  bool folders_ = false;
  std::unordered_map<std::string, Lines> whole_;         // by the entry
  std::unordered_map<std::string_view, Lines> endings_;  // by each proper ending from a folder on; of several
                                                         // entries with the same none
};

/// How the lines of a table and the images of a folder fit together.
struct FileFit {
  std::size_t images = 0, known = 0;  ///< Images; of them those with a line.
  std::size_t strange = 0;            ///< Lines that are about no image.
  std::string first_strange;
  std::string ambiguous;  ///< The first name of a file that fits several images; empty: none.
};
FileFit fit_of(const FileIndex& index, const std::vector<std::string>& paths);

}  // namespace xr::data
