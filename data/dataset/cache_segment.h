// A file of equally long slots, written once by several threads, then only read.
#pragma once

#include "engine/io/file.h"
#include "engine/io/mapped_file.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace xr::data {

/// Not synced to the disk: whoever reads a slot knows its checksum.
class CacheSegment {
 public:
  /// Makes FOLDER/STEM.ID.pixels with room for so many slots. Throws xr::Error if it cannot, also for want of
  /// space.
  CacheSegment(const std::filesystem::path& folder, const std::string& stem, std::size_t slots,
               std::size_t slot_bytes);
  /// Removes the file unless keep() was called.
  ~CacheSegment();
  CacheSegment(const CacheSegment&) = delete;
  CacheSegment& operator=(const CacheSegment&) = delete;

  /// From any thread. Throws xr::Error.
  void store(std::size_t slot, std::span<const std::uint8_t> bytes);

  /// What was stored, in memory; stays valid without the file.
  [[nodiscard]] std::shared_ptr<const engine::MappedFile> map() const;
  void keep() { kept_ = true; }

  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] std::size_t slots() const { return slots_; }

  static std::filesystem::path file_of(const std::filesystem::path& folder, const std::string& stem,
                                       std::uint64_t id);
  /// The ID in a file name; 0 if it is not a segment of `stem`.
  static std::uint64_t id_in(const std::string& file_name, const std::string& stem);

 private:
  std::uint64_t id_;
  std::size_t slots_, slot_bytes_;
  std::filesystem::path path_;
  engine::FileDescriptor file_;
  bool kept_ = false;
};

}  // namespace xr::data
