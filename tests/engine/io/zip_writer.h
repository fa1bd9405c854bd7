// Writes .npy arrays and zip archives of stored members, right ones and, byte by byte, wrong ones.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace xr::engine::test {

inline void append_number(std::string& text, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) text += i < 8 ? static_cast<char>(value >> (8 * i) & 0xFF) : char{0};
}

/// The .npy file of an array: `shape` as Python writes it, "(5, 28, 28)".
inline std::string npy(const std::string& type, const std::string& shape, const std::string& data,
                       const std::string& order = "False") {
  const std::string header =
      "{'descr': '" + type + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
  std::string text("\x93NUMPY\x01\x00", 8);
  append_number(text, header.size(), 2);
  return text + header + data;
}

inline std::uint32_t crc32_of(std::string_view text) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char letter : text) {
    crc ^= static_cast<unsigned char>(letter);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB88320 : 0);
  }
  return ~crc;
}

struct ArchiveMember {
  std::string name, data;
};

/// An archive of stored members. With `zip64` sizes and offsets stand in the fields of large archives.
inline std::string zip(const std::vector<ArchiveMember>& members, bool zip64 = false) {
  std::string text, directory;
  const std::uint64_t none = 0xFFFFFFFF;
  for (const ArchiveMember& member : members) {
    const std::uint64_t offset = text.size(), size = member.data.size();
    text += "PK\3\4";
    append_number(text, 45, 2);  // version, flags, method, time, date
    append_number(text, 0, 8);
    append_number(text, crc32_of(member.data), 4);
    append_number(text, size, 4);
    append_number(text, size, 4);
    append_number(text, member.name.size(), 2);
    append_number(text, 0, 2);
    text += member.name + member.data;
    directory += "PK\1\2";
    append_number(directory, 45, 2);
    append_number(directory, 45, 2);
    append_number(directory, 0, 8);
    append_number(directory, crc32_of(member.data), 4);
    append_number(directory, zip64 ? none : size, 4);
    append_number(directory, zip64 ? none : size, 4);
    append_number(directory, member.name.size(), 2);
    append_number(directory, zip64 ? 28 : 0, 2);
    append_number(directory, 0, 10);
    append_number(directory, zip64 ? none : offset, 4);
    directory += member.name;
    if (!zip64) continue;
    append_number(directory, 1, 2);
    append_number(directory, 24, 2);
    for (const std::uint64_t value : {size, size, offset}) append_number(directory, value, 8);
  }
  const std::uint64_t begin = text.size();
  text += directory;
  if (zip64) {
    const std::uint64_t record = text.size();
    text += "PK\6\6";
    append_number(text, 44, 8);
    append_number(text, 45, 2);
    append_number(text, 45, 2);
    append_number(text, 0, 8);
    append_number(text, members.size(), 8);
    append_number(text, members.size(), 8);
    append_number(text, directory.size(), 8);
    append_number(text, begin, 8);
    text += "PK\6\7";
    append_number(text, 0, 4);
    append_number(text, record, 8);
    append_number(text, 1, 4);
  }
  text += "PK\5\6";
  append_number(text, 0, 4);
  append_number(text, zip64 ? 0xFFFF : members.size(), 2);
  append_number(text, zip64 ? 0xFFFF : members.size(), 2);
  append_number(text, zip64 ? none : directory.size(), 4);
  append_number(text, zip64 ? none : begin, 4);
  append_number(text, 0, 2);
  return text;
}

}  // namespace xr::engine::test
