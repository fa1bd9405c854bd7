// The images of one part of a loading, decoded by the ranks of a training together.
//
// Each file is decoded by one rank (rank_files.h). Ranks of one machine with the same cache folder are a group: they write
// into one segment of the cache, and all map it. What other groups decoded is sent to the first rank of a group, which
// writes it there too. Ranks without a cache, and those whose files are not those of their group's first, are sent what
// they lack.
#pragma once

#include "data/dataset/cache_segment.h"
#include "data/dataset/rank_files.h"
#include "engine/distributed/communicator.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace xr::data {

/// The lowest rank of each rank's group: ranks on one running system whose index of the cache is this file. Without one
/// (empty), and where its folder cannot be made, a rank is a group of its own. Called by all ranks.
[[nodiscard]] std::vector<int> find_groups(engine::Communicator& ranks,
                                           const std::filesystem::path& index_file);

/// Where an image is, and what is known of it.
struct RankImage {
  const std::uint8_t *pixels = nullptr, *facts = nullptr;
  std::uint64_t fingerprint = 0, content = 0, checksum = 0;
  std::string failure;  ///< why it could not be decoded
};

/// Call in this order, on all ranks: open(), keep() for each of own() that could be decoded, exchange().
class RankImages {
 public:
  /// `images`: where those are that this rank has in its cache. The arguments must outlive it.
  RankImages(engine::Communicator& ranks, const std::vector<int>& groups, const RankFiles& files,
             std::vector<RankImage>& images, SlotBytes bytes);

  /// Images of this rank's group that go into a segment.
  [[nodiscard]] const std::vector<std::size_t>& slots() const { return slots_; }
  /// Images that this rank decodes.
  [[nodiscard]] const std::vector<std::size_t>& own() const { return own_; }
  /// Of these a rank's own, without failures once they are exchanged.
  [[nodiscard]] std::size_t decoded_by(int rank) const { return decoded_by_[static_cast<std::size_t>(rank)]; }
  /// Bytes of images that this rank was sent.
  [[nodiscard]] std::uint64_t received_bytes() const { return received_bytes_; }

  /// `make` gives a segment for the slots, on the first rank of a group, or null; `join` opens it by its ID.
  void open(const std::function<std::unique_ptr<CacheSegment>()>& make,
            const std::function<std::unique_ptr<CacheSegment>(std::uint64_t)>& join);
  /// Keeps an image of own(), pixels with facts behind them, and what is known of it. From any thread.
  void keep(std::size_t image, std::span<const std::uint8_t> bytes);
  /// Fills `images`. Throws Error (rank_failed, or the reason on the rank that it is
  /// about) if only some ranks can decode a file, and with `strict` if none can.
  void exchange(bool strict);

  [[nodiscard]] CacheSegment* segment() { return segment_.get(); }
  [[nodiscard]] bool is_in_segment(std::size_t image) const { return is_in_segment(ranks_.rank(), image); }
  [[nodiscard]] const std::shared_ptr<const engine::MappedFile>& map() const { return map_; }
  [[nodiscard]] const std::shared_ptr<std::uint8_t[]>& block() const { return block_; }

 private:
  struct Delivery {
    std::size_t image;
    int from, to;
    bool into_segment;
  };
  /// What the rank that has an image's pixels says of it.
  struct Facts {
    std::uint64_t fingerprint = 0, content = 0, checksum = 0, failed = 0;
  };

  [[nodiscard]] int group(int rank) const { return groups_[static_cast<std::size_t>(rank)]; }
  [[nodiscard]] bool is_in_segment(int rank, std::size_t image) const;
  [[nodiscard]] bool is_wanted_of(int rank, std::size_t image) const;
  void number_slots();
  [[nodiscard]] std::uint8_t* place_in_block(std::size_t image) const;
  void point_into_map(std::size_t image);
  void share_facts();
  void share_failures();
  void stop_where_failed(bool strict) const;
  [[nodiscard]] const Facts& facts(int rank, std::size_t image) const {
    return facts_[static_cast<std::size_t>(rank) * files_.count() + image];
  }
  [[nodiscard]] std::vector<Delivery> deliveries(std::size_t image) const;
  void deliver(std::span<const Delivery> deliveries);

  engine::Communicator& ranks_;
  const std::vector<int>& groups_;
  const RankFiles& files_;
  std::vector<RankImage>& images_;
  SlotBytes bytes_;
  std::vector<std::size_t> own_, slots_;
  std::vector<std::size_t> slot_of_;       // by image
  std::vector<std::size_t> decoded_by_;    // by rank
  std::vector<std::uint64_t> segments_;    // IDs by rank; 0: it has none
  std::unique_ptr<CacheSegment> segment_;  // of this rank's group
  std::shared_ptr<const engine::MappedFile> map_;
  std::shared_ptr<std::uint8_t[]> block_;  // images that are not in the segment
  std::vector<Facts> facts_;               // by rank and image, of sources
  std::uint64_t received_bytes_ = 0;
};

/// Throws Error with the message on `rank`; the others wait until they are ended.
[[noreturn]] void stop_ranks(engine::Communicator& ranks, int rank, const std::string& message);

}  // namespace xr::data
