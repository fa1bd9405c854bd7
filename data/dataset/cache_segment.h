// A file of equally long slots, written once by several threads, then only read.
//
// The pixels of all slots come first, then the facts of all: whoever asks for the facts alone reads a small part.
#pragma once

#include "data/dataset/file_stamp.h"
#include "engine/io/file.h"
#include "engine/io/mapped_file.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace xr::data {

/// Bytes of a slot: an image's pixels, and what is known of it.
struct SlotBytes {
  std::size_t pixels = 0, facts = 0;
  [[nodiscard]] std::size_t all() const { return pixels + facts; }
};

/// Not synced to the disk, unless sync() is called: whoever reads a slot knows its checksum.
class CacheSegment {
 public:
  /// Makes FOLDER/STEM.ID.pixels with room for so many slots. Throws xr::Error if it cannot, also for want of
  /// space.
  CacheSegment(const std::filesystem::path& folder, const std::string& stem, std::size_t slots,
               SlotBytes bytes);
  /// The file that another process has made, and removes or keeps; it writes other slots. Throws xr::Error if it is not
  /// there.
  [[nodiscard]] static std::unique_ptr<CacheSegment> open(const std::filesystem::path& folder,
                                                          const std::string& stem, std::uint64_t id,
                                                          std::size_t slots, SlotBytes bytes);
  /// Removes the file unless keep() was called.
  ~CacheSegment();
  CacheSegment(const CacheSegment&) = delete;
  CacheSegment& operator=(const CacheSegment&) = delete;

  /// The pixels of a slot with its facts behind them. From any thread. Throws xr::Error.
  void store(std::size_t slot, std::span<const std::uint8_t> bytes);

  /// What was stored, in memory; stays valid without the file.
  [[nodiscard]] std::shared_ptr<const engine::MappedFile> map() const;
  void keep() { kept_ = true; }

  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] std::size_t slots() const { return slots_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  /// Writes a segment through to the disk. Gives the stamp by which it can be told that it is still the same; none
  /// if the disk has not taken it.
  [[nodiscard]] static std::optional<FileStamp> sync(const std::filesystem::path& file);

  static std::filesystem::path file_of(const std::filesystem::path& folder, const std::string& stem,
                                       std::uint64_t id);
  /// The ID in a file name; 0 if it is not a segment of `stem`.
  static std::uint64_t id_in(const std::string& file_name, const std::string& stem);

 private:
  CacheSegment(const std::filesystem::path& folder, const std::string& stem, std::uint64_t id,
               std::size_t slots, SlotBytes bytes, int flags);
  void write(std::size_t position, std::span<const std::uint8_t> bytes);

  std::uint64_t id_;
  std::size_t slots_;
  SlotBytes bytes_;
  std::filesystem::path path_;
  engine::FileDescriptor file_;
  bool kept_ = false;
};

}  // namespace xr::data
