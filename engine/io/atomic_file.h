// A file that appears whole or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace xr::engine {

/// Writes beside the target under a temporary name; commit() makes it durable (fsync) and renames it over the
/// target. Without commit, or on an error, nothing of it remains and an older file at the target stays as it
/// was. Every failure throws Error with the path and the system's reason.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path target);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  void commit();

 private:
  [[noreturn]] void fail(const char* action) const;

  std::filesystem::path target_, temporary_;
  int descriptor_ = -1;
};

/// write + commit of a small file.
void write_file_atomically(const std::filesystem::path& target, std::string_view text);

}  // namespace xr::engine
