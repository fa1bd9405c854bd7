// One loading of images: which of them the cache has, the decoding of the others, and where all of them are.
#pragma once

#include "data/dataset/image_cache.h"
#include "data/dataset/image_set.h"
#include "data/dataset/rank_images.h"

#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace xr::data {

/// Call in this order: look_into_cache(), decode_missing() or share_decoding(), fill_set(), write_cache(). What is decoded goes into
/// the cache in parts, a segment each, and the index is written while the others are decoded: a killed program
/// loses the last part, one that ends by an exception of the progress loses nothing that was decoded.
class ImageLoading {
 public:
  /// The arguments must outlive it.
  ImageLoading(const std::filesystem::path& directory, std::span<const Sample> samples,
               const LoadSettings& settings);

  void look_into_cache();
  void decode_missing();
  /// The same with other ranks.
  void share_decoding();
  void fill_set();
  void write_cache();

  ImageSet set;

 private:
  using Clock = std::chrono::steady_clock;
  struct Place {
    const std::uint8_t *pixels = nullptr, *facts = nullptr;
    std::uint64_t fingerprint = 0, checksum = 0;
    std::uint64_t content = 0;  ///< file_content_hash, and the stamp: of images in the cache
    FileStamp stamp{};
  };
  /// How it goes for one image that the cache lacks.
  struct Job {
    std::size_t sample = 0;
    ImageCache::Entry entry;
    std::string failure;
    bool done = false, stored = false;
    std::vector<std::uint8_t> slot;  ///< if it could not be written into the cache
  };

  [[nodiscard]] std::vector<std::uint8_t> decode(Job& job, const std::filesystem::path& path) const;
  [[nodiscard]] std::vector<std::uint8_t> try_to_decode(Job& job) const;
  void decode_part(std::span<Job> jobs, std::size_t jobs_before);
  [[nodiscard]] std::vector<RankFile> look_at_files(std::size_t begin, std::span<std::string> reasons) const;
  void share_part(std::size_t begin, std::size_t count);
  void decode_own(RankImages& shared, std::size_t missing, std::span<Job> jobs, std::span<RankImage> images);
  void add_shared(RankImages& shared, std::span<const Job> jobs);
  void save_what_is_there();
  [[nodiscard]] std::vector<std::uint64_t> checksums() const;
  void share_summary();
  void add_to_cache(CacheSegment& segment, const std::shared_ptr<const engine::MappedFile>& map,
                    std::span<const Job> jobs);
  void save_part(CacheSegment& segment, std::span<const Job> jobs);
  void save_if_due();
  [[nodiscard]] bool is_worth_syncing(std::size_t images) const;
  void find_summary();
  void warn(const std::string& what);
  void hold(std::shared_ptr<const void> memory);
  [[nodiscard]] std::unique_ptr<CacheSegment> make_segment(std::size_t slots);
  void store(CacheSegment& segment, std::size_t slot, Job& job, std::vector<std::uint8_t> bytes);
  void mask_images();

  const std::filesystem::path& directory_;
  std::span<const Sample> samples_;
  const LoadSettings& settings_;
  std::optional<ImageCache> cache_;
  bool storing_ = false;     // false without a cache, and when a segment could not be made
  std::vector<int> groups_;  // find_groups(), of several ranks
  bool is_writer_ = true;    // of the cache's index: the first rank of a group
  std::size_t missing_ = 0,
              shared_ = 0;     // images that this rank's cache lacks, and those of the parts so far
  std::vector<Place> images_;  // of each sample
  std::vector<Job> jobs_;
  std::vector<std::pair<std::uint64_t, std::future<std::optional<FileStamp>>>> syncs_;  // by segment
  bool changed_ = false;
  Clock::time_point saved_ = Clock::now();
  Clock::duration saving_{};  // how long the last time took
  std::mutex mutex_;
};

}  // namespace xr::data
