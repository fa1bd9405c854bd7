#include "apps/xrtrain/data_notices.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "apps/text/text.h"
#include "apps/xrtrain/warning_id.h"
#include "engine/io/atomic_file.h"

namespace xr::apps {

namespace {

namespace notice_id = data::notice_id;
using data::SkipKind;
using data::SkippedFile;

constexpr std::size_t max_named = 3;

struct Remedy {
  data::NoticeId id;
  std::string_view text;
};

constexpr Remedy remedies[] = {
    {notice_id::role_folders_skipped, " (--skip-folders none uses them)"},
    {notice_id::mask_files_skipped, " (--skip-folders none uses them)"},
    {notice_id::equal_file_names, "; name the folders to skip with --skip-folders"},
    {notice_id::rare_classes, "; name wider classes in the table to use them"},
    {notice_id::folders_not_used, "; give another folder as --data to use them"},
};

/// "a.png: why; b.png: why; and 3 more"
std::string first_of(const std::vector<const SkippedFile*>& files, bool with_reasons) {
  std::string text;
  for (std::size_t i = 0; i < std::min(files.size(), max_named); ++i) {
    const std::string path = text::one_line(files[i]->path), reason = text::one_line(files[i]->reason);
    text += i == 0 ? "" : with_reasons ? "; " : ", ";
    if (!with_reasons || reason.find(path) == std::string::npos) text += path + (with_reasons ? ": " : "");
    if (with_reasons) text += reason;
  }
  if (files.size() > max_named) text += fmt::format("; and {} more", files.size() - max_named);
  return text;
}

struct SkippedLines {
  std::string images, others;
};

SkippedLines lines_of(const std::vector<SkippedFile>& skipped) {
  std::vector<const SkippedFile*> images, others;
  for (const SkippedFile& file : skipped) {
    if (file.kind == SkipKind::unreadable || file.kind == SkipKind::unreachable) images.push_back(&file);
    if (file.kind == SkipKind::not_an_image) others.push_back(&file);
  }
  for (auto* list : {&images, &others})
    std::ranges::sort(*list, {}, [](const SkippedFile* file) { return file->path; });
  const auto files = [](const auto& list) {
    return fmt::format("{} file{}", list.size(), list.size() == 1 ? "" : "s");
  };
  SkippedLines lines;
  if (!images.empty())
    lines.images = fmt::format("skipped {} that cannot be read: {}", files(images), first_of(images, true));
  if (!others.empty())
    lines.others =
        fmt::format("skipped {} that {}: {}", files(others),
                    others.size() == 1 ? "is not an image" : "are not images", first_of(others, false));
  return lines;
}

}  // namespace

std::string with_remedy(const data::Notice& notice) {
  for (const Remedy& remedy : remedies)
    if (remedy.id == notice.id) return notice.text + std::string(remedy.text);
  return notice.text;
}

void print_notices(const std::vector<data::Notice>& notices, Console& console) {
  for (const data::Notice& notice : notices) {
    const std::string text = with_remedy(notice);
    if (notice.importance == data::Importance::warning) {
      console.warn(notice.id.name.data(), text);  // the name of a literal ends with a zero
      continue;
    }
    console.event("note", {{"id", std::string(notice.id.name)}, {"text", text}});
    console.line(text);
  }
}

void print_skipped(const std::vector<SkippedFile>& skipped, Console& console) {
  const SkippedLines lines = lines_of(skipped);
  if (!lines.images.empty()) console.warn(warning_id::file_skipped, lines.images);
  if (!lines.others.empty()) console.line(lines.others);
}

std::vector<std::string> skipped_lines(const std::vector<SkippedFile>& skipped) {
  const SkippedLines lines = lines_of(skipped);
  std::vector<std::string> result;
  for (const std::string& line : {lines.images, lines.others})
    if (!line.empty()) result.push_back(line);
  return result;
}

void write_skipped(const std::vector<SkippedFile>& skipped, const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "skipped.csv";
  if (skipped.empty()) {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    return;
  }
  std::vector<SkippedFile> files = skipped;
  std::ranges::stable_sort(files, {}, &SkippedFile::path);
  std::string text = "file,kind,reason\n";
  for (const SkippedFile& file : files)
    text += fmt::format("{},{},{}\n", text::csv_field(file.path), name_of(file.kind),
                        text::csv_field(text::one_line(file.reason)));
  engine::write_file_atomically(path, text);
}

}  // namespace xr::apps
