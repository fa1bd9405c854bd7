// Files: whole-file reading that cannot hang, atomic writing, names fit for a message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace xr::data {

/// The name in single quotes with control characters escaped (\n, \x1b), so that a message stays one line.
std::string quote_name(const std::filesystem::path& path);

/// Reads a whole regular file. Throws xr::Error for anything else (a folder, a pipe, a device), for an empty
/// or unreadable file and for one above `max_bytes`. Never blocks on a pipe.
std::vector<std::byte> read_file(const std::filesystem::path& path, std::uint64_t max_bytes);

/// Writes the parts one after another so that the file appears whole or not at all: temporary file in the
/// same folder, fsync, rename. Throws xr::Error; the temporary file is removed.
void write_file_atomically(const std::filesystem::path& path,
                           std::span<const std::span<const std::byte>> parts);
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);

/// 64-bit content hash for checksums and cache keys: fast, well mixed, not cryptographic. Chain calls through
/// `seed`.
std::uint64_t content_hash(std::span<const std::byte> bytes, std::uint64_t seed = 0);

}  // namespace xr::data
