// Whole-file reading that cannot hang, and names fit for a message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace xr::engine {

/// The name in single quotes with control characters escaped (\n, \x1b), so that a message stays one line.
std::string quote_name(const std::filesystem::path& path);

/// Reads a whole regular file. Throws xr::Error for anything else (a folder, a pipe, a device), for an empty
/// or unreadable file and for one above `max_bytes`. Never blocks on a pipe.
std::vector<std::byte> read_file(const std::filesystem::path& path, std::uint64_t max_bytes);

/// An open file of the system that is closed at the end; -1: none.
class FileDescriptor {
 public:
  explicit FileDescriptor(int value = -1) : value_(value) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor();
  [[nodiscard]] int get() const { return value_; }
  /// Closes now and gives close's status: a network file system may report a failed write only here.
  int close_now();

 private:
  int value_;
};

}  // namespace xr::engine
