#include "apps/xrtrain/evaluation/seen_images.h"

#include <fmt/format.h>

#include <charconv>
#include <fstream>

#include "apps/text/text.h"
#include "apps/xrtrain/training/dataset.h"
#include "apps/xrtrain/warning_id.h"

namespace xr::apps {

namespace fs = std::filesystem;

namespace {

fs::path file_of(const fs::path& directory, const data::Sample& sample) {
  std::error_code code;
  return fs::weakly_canonical(directory / sample.path, code);
}

constexpr std::size_t fingerprint_digits = 16;

/// Empty for a run of an earlier version, which has no such file. Lines that are no fingerprints are skipped, with one
/// warning.
std::set<std::uint64_t> read_contents(const fs::path& path, Console& console) {
  std::set<std::uint64_t> contents;
  std::ifstream file(path);
  std::size_t number = 0, damaged = 0, first_damaged = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    std::uint64_t value = 0;
    const auto [end, code] = std::from_chars(line.data(), line.data() + line.size(), value, 16);
    if (code == std::errc() && end == line.data() + line.size() && line.size() == fingerprint_digits) {
      contents.insert(contents.end(), value);
    } else if (++damaged == 1) {
      first_damaged = number;
    }
  }
  if (damaged > 0)
    console.warn(
        warning_id::seen_images_damaged,
        fmt::format(
            "{} is damaged: {} no fingerprint of an image and {} skipped; a training image in another file "
            "may count as unseen",
            text::one_line(path.string()),
            damaged == 1 ? fmt::format("line {} holds", first_damaged)
                         : fmt::format("{} lines from line {} on hold", damaged, first_damaged),
            damaged == 1 ? "is" : "are"));
  return contents;
}

}  // namespace

std::string seen_images_text(const data::ImageSet& train, const data::ImageSet& validation) {
  std::set<std::uint64_t> contents(train.fingerprints.begin(), train.fingerprints.end());
  contents.insert(validation.fingerprints.begin(), validation.fingerprints.end());
  std::string text;
  for (const std::uint64_t content : contents) text += fmt::format("{:016x}\n", content);
  return text;
}

SeenImages images_of_run(const fs::path& run, const TrainOptions& of_run, Console& console) {
  SeenImages seen;
  seen.contents = read_contents(run / seen_images_file, console);
  data::Dataset own;
  try {
    own = find_dataset(of_run, console);
  } catch (const Error&) {
    return seen;  // the folder is no longer there
  }
  for (const auto* samples : {&own.train, &own.validation})
    for (const data::Sample& sample : *samples) seen.files.insert(file_of(own.directory, sample));
  return seen;
}

void SeenMarks::mark(const data::ImageSet& images, const fs::path& directory, const SeenImages& seen) {
  by_file_.resize(images.count());
  by_content_.resize(images.count());
  for (std::size_t i = 0; i < images.count(); ++i) {
    if (seen.files.contains(file_of(directory, images.samples[i]))) by_file_[i] = true;
    if (seen.contents.contains(images.fingerprints[i])) by_content_[i] = true;
  }
}

std::int64_t SeenMarks::count() const {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < by_file_.size(); ++i) count += by_file_[i] || by_content_[i] ? 1 : 0;
  return count;
}

std::string SeenMarks::by_content_text() const {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < by_file_.size(); ++i) count += !by_file_[i] && by_content_[i] ? 1 : 0;
  return count == 0 ? std::string() : fmt::format(" ({} of them in other files with the same pixels)", count);
}

}  // namespace xr::apps
