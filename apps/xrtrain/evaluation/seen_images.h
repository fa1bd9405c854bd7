// Whether images that are evaluated were images that a network was trained on: by their files, and by their content.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "apps/xrtrain/console.h"
#include "apps/xrtrain/options/options.h"
#include "data/dataset/image_set.h"

namespace xr::apps {

/// A run's training and validation images.
struct SeenImages {
  std::set<std::filesystem::path> files;  ///< Found again by the run's options; of a fold those of that fold.
  std::set<std::uint64_t> contents;       ///< ImageSet::fingerprints, as the run kept them.

  /// False if the data folder can no longer be read and the run kept no contents.
  [[nodiscard]] bool known() const { return !files.empty() || !contents.empty(); }
};

constexpr const char* seen_images_file = "seen_images.txt";

/// RUN/seen_images.txt: the fingerprint of each training and validation image once, in ascending order, 16 hexadecimal
/// digits a line.
[[nodiscard]] std::string seen_images_text(const data::ImageSet& train, const data::ImageSet& validation);

/// Warns of lines of seen_images.txt that are no fingerprints, and skips them.
[[nodiscard]] SeenImages images_of_run(const std::filesystem::path& run, const TrainOptions& of_run,
                                       Console& console);

/// Which of some images are among those of one or several networks.
class SeenMarks {
 public:
  /// Images as loaded in the run's format, the same each time; their paths are relative to `directory`.
  void mark(const data::ImageSet& images, const std::filesystem::path& directory, const SeenImages& seen);

  [[nodiscard]] std::int64_t count() const;
  /// " (3 of them in other files with the same pixels)", or nothing.
  [[nodiscard]] std::string by_content_text() const;

 private:
  std::vector<bool> by_file_, by_content_;
};

}  // namespace xr::apps
