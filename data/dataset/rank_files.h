// Which ranks of a training have the same image files, and which of them decodes each.
//
// Files are the same as they are for the cache: by stamp, or by size and content. Content is worked out only where the
// stamps of two ranks differ: on machines that share no file system once a machine, on one machine never.
#pragma once

#include "data/dataset/file_stamp.h"
#include "engine/distributed/communicator.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace xr::data {

/// What a rank knows of one of its files before it is decoded.
struct RankFile {
  FileStamp stamp;               ///< lasting_stamp_of
  std::uint64_t content = 0;     ///< file_content_hash; 0: not worked out
  std::uint32_t unreadable = 0;  ///< 1: it is not there, or may not be read
  std::uint32_t cached = 0;      ///< 1: this rank's cache has it decoded
};

/// Of some images, the same on all ranks.
class RankFiles {
 public:
  /// Called by all ranks. `own`: this rank's files. `content_of(i)` gives file_content_hash of one of them, from `workers`
  /// threads; one that throws is unreadable.
  RankFiles(engine::Communicator& ranks, std::vector<RankFile> own,
            const std::function<std::uint64_t(std::size_t)>& content_of, int workers);

  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] int ranks() const { return ranks_; }
  [[nodiscard]] const RankFile& file(int rank, std::size_t image) const { return files_[place(rank, image)]; }
  [[nodiscard]] bool is_cached(int rank, std::size_t image) const { return file(rank, image).cached != 0; }

  /// Whether no rank lacks an image.
  [[nodiscard]] bool are_all_cached() const;

  /// The lowest rank that has the same file.
  [[nodiscard]] int owner(int rank, std::size_t image) const { return owners_[place(rank, image)]; }
  /// The rank whose pixels `rank` uses: one that has the same file in its cache, or decodes it. Decoding is shared equally.
  [[nodiscard]] int source(int rank, std::size_t image) const {
    return sources_[place(owner(rank, image), image)];
  }

  struct Unreadable {
    std::size_t image = 0;
    int rank = 0, readable_by = 0;
  };
  /// The first file that some ranks can read and others cannot, with the lowest of each.
  [[nodiscard]] std::optional<Unreadable> first_unreadable() const;

 private:
  [[nodiscard]] std::size_t place(int rank, std::size_t image) const {
    return static_cast<std::size_t>(rank) * count_ + image;
  }
  void find_equal_stamps();
  [[nodiscard]] std::vector<std::size_t> files_to_hash(int rank) const;
  void share_contents(engine::Communicator& ranks,
                      const std::function<std::uint64_t(std::size_t)>& content_of, int workers);
  void find_equal_contents();
  void choose_sources();

  std::size_t count_;
  int ranks_;
  std::vector<RankFile> files_;        // by rank and image
  std::vector<int> owners_, sources_;  // by rank and image; sources_ of owners alone
};

}  // namespace xr::data
