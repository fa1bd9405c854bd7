// A file that appears whole or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

#include "engine/io/file.h"

namespace xr::engine {

/// Who may write a target at the same time.
enum class Writers {
  one,   ///< the temporary name is TARGET.tmp: what a killed program leaves there is overwritten by the next
  many,  ///< each has a temporary name of its own; the last one to commit wins
};

/// Writes beside the target under a temporary name; commit() makes it durable (fsync of file and folder) and
/// renames it over the target. Without commit, or on an error, nothing of it remains and an older file at the
/// target stays as it was. Every failure throws Error with the path and the system's reason (code disk_full
/// for a full disk).
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path target, Writers writers = Writers::one);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  void commit();

 private:
  [[noreturn]] void fail(const char* action) const;

  std::filesystem::path target_, temporary_;
  FileDescriptor file_;
};

/// write + commit of a small file.
void write_file_atomically(const std::filesystem::path& target, std::string_view text);
void write_file_atomically(const std::filesystem::path& target, std::span<const std::byte> bytes);
/// The parts one after another.
void write_file_atomically(const std::filesystem::path& target,
                           std::span<const std::span<const std::byte>> parts, Writers writers = Writers::one);

}  // namespace xr::engine
