// Images as predict reads them, and what there is to say of how they were read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "apps/xrtrain/run/checkpoint.h"
#include "data/loader/loader.h"

namespace xr::apps {

/// Something that was chosen or dropped when a file was read.
struct PredictNote {
  const char* id;    ///< a stable name: "several-frames", "window-chosen", "transparency-dropped"
  const char* text;  ///< behind the number of files
};
/// Of an image.
[[nodiscard]] std::vector<const PredictNote*> predict_notes(const data::ImageNotes& notes);

/// The note of that name.
[[nodiscard]] const PredictNote* predict_note(const std::string& id);

struct PredictImage {
  std::string failure;               ///< why it cannot be predicted; empty: it can
  std::vector<std::uint8_t> stored;  ///< in the format that was asked for
  std::vector<const PredictNote*> notes;
};
/// Decodes images, all cores at once.
[[nodiscard]] std::vector<PredictImage> read_images(std::span<const std::filesystem::path> paths,
                                                    const data::StoredFormat& format);

/// A view (views.h) of those that can be predicted, as the checkpoint's network sees it; Batch::indices are places in
/// `images`, which are stored in the checkpoint's format.
[[nodiscard]] data::Batch make_batch(std::span<const PredictImage> images, const CheckpointInfo& info,
                                     std::int64_t view = 0);

/// Collects the notes of all images: a line for each kind, on standard error.
class PredictNotes {
 public:
  void add(const std::filesystem::path& file, const std::vector<const PredictNote*>& notes);
  void print() const;

 private:
  struct Files {
    const PredictNote* note = nullptr;
    std::vector<std::string> first;
    std::size_t count = 0;
  };
  std::map<std::string, Files> files_;  // by the note's id
};

}  // namespace xr::apps
