#include "data/dataset/file_index.h"

#include "data/dataset/image_candidate.h"

#include <algorithm>

namespace xr::data {

namespace {

/// Without the extension of an image.
std::string_view stem_of(std::string_view path) {
  const std::size_t dot = path.rfind('.'), slash = path.rfind('/');
  if (dot == path.npos || (slash != path.npos && dot < slash)) return path;
  return has_image_extension(std::string(path)) ? path.substr(0, dot) : path;
}

/// What is after the first '/'; empty if there is none.
std::string_view shorter(std::string_view path) {
  const std::size_t slash = path.find('/');
  return slash == path.npos ? std::string_view() : path.substr(slash + 1);
}

}  // namespace

std::string file_name_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

std::string listed_path(std::string field) {
  if (field.find('/') == std::string::npos) std::ranges::replace(field, '\\', '/');
  while (field.starts_with("./")) field.erase(0, 2);
  return field;
}

FileIndex::FileIndex(std::vector<std::string> entries, std::string root, bool folders)
    : entries_(std::move(entries)), root_(std::move(root)), folders_(folders) {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].empty()) continue;
    whole_[entries_[i]].push_back(static_cast<std::uint32_t>(i));
  }
  for (const auto& [entry, lines] : whole_)
    for (std::string_view end = shorter(entry); !end.empty(); end = shorter(end)) {
      const auto [place, added] = endings_.try_emplace(end, lines);
      if (!added) place->second.clear();
    }
}

const FileIndex::Lines* FileIndex::find(std::string_view path) const {
  const auto whole = [&](std::string_view name) -> const Lines* {
    const auto found = whole_.find(std::string(name));
    return found == whole_.end() ? nullptr : &found->second;
  };
  const auto ending = [&](std::string_view name) -> const Lines* {
    const auto found = endings_.find(name);
    return found == endings_.end() || found->second.empty() ? nullptr : &found->second;
  };
  const std::string_view inner =
      !root_.empty() && path.size() > root_.size() ? path.substr(root_.size() + 1) : path;
  for (const std::string_view name : {path, stem_of(path)})
    if (const Lines* lines = whole(name)) return lines;
  for (const std::string_view name : {path, stem_of(path), inner, stem_of(inner)})
    if (const Lines* lines = ending(name)) return lines;
  for (std::string_view end = shorter(path); !end.empty(); end = shorter(end))
    for (const std::string_view name : {end, stem_of(end)})
      if (const Lines* lines = whole(name)) return lines;
  return nullptr;
}

std::span<const std::uint32_t> FileIndex::lines_of(const std::string& path) const {
  if (const Lines* lines = find(path)) return *lines;
  if (!folders_) return {};
  for (std::string_view folder = path; folder.find('/') != folder.npos;) {
    folder = folder.substr(0, folder.rfind('/'));
    if (const Lines* lines = find(folder)) return *lines;
  }
  return {};
}

FileFit fit_of(const FileIndex& index, const std::vector<std::string>& paths) {
  FileFit fit;
  fit.images = paths.size();
  std::vector<std::uint32_t> uses(index.entries().size());
  for (const std::string& path : paths) {
    const auto lines = index.lines_of(path);
    if (!lines.empty()) ++fit.known;
    for (const std::uint32_t line : lines) ++uses[line];
  }
  for (std::size_t i = 0; i < uses.size(); ++i) {
    const std::string& entry = index.entries()[i];
    if (uses[i] == 0 && fit.strange++ == 0) fit.first_strange = entry;
    if (uses[i] > 1 && fit.ambiguous.empty() && !index.names_folders()) fit.ambiguous = entry;
  }
  return fit;
}

}  // namespace xr::data
