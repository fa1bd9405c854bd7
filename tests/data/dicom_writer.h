// Small DICOM files for tests: explicit, little-endian.
#pragma once

#include "tests/data/support.h"

#include <map>

namespace xr::data::test {

/// Elements by tag, written in ascending order behind the preamble and the transfer syntax.
class DicomWriter {
 public:
  explicit DicomWriter(std::string transfer_syntax = "1.2.840.10008.1.2.1")
      : transfer_syntax_(std::move(transfer_syntax)) {}

  DicomWriter& text(std::uint32_t tag, const char* representation, std::string value) {
    if (value.size() % 2 != 0) value += ' ';
    elements_[tag] = header(tag, representation, value.size()) + value;
    return *this;
  }
  DicomWriter& numbers(std::uint32_t tag, const char* representation, const std::vector<int>& values) {
    std::string bytes;
    for (const int value : values) bytes += word(static_cast<unsigned>(value));
    elements_[tag] = header(tag, representation, bytes.size()) + bytes;
    return *this;
  }
  /// An element as it is, with its header.
  DicomWriter& raw(std::uint32_t tag, std::string bytes) {
    elements_[tag] = std::move(bytes);
    return *this;
  }
  /// An image of one 8-bit or 16-bit sample a pixel.
  DicomWriter& image(int columns, int rows, int stored, const std::string& pixels) {
    numbers(0x00280002, "US", {1}).text(0x00280004, "CS", "MONOCHROME2").numbers(0x00280010, "US", {rows});
    numbers(0x00280011, "US", {columns}).numbers(0x00280100, "US", {stored <= 8 ? 8 : 16});
    numbers(0x00280101, "US", {stored})
        .numbers(0x00280102, "US", {stored - 1})
        .numbers(0x00280103, "US", {0});
    return text(0x7FE00010, "OW", pixels);
  }
  [[nodiscard]] std::vector<std::byte> file() const {
    std::string uid = transfer_syntax_;
    if (uid.size() % 2 != 0) uid += '\0';
    std::string bytes(128, '\0');
    bytes += "DICM" + header(0x00020010, "UI", uid.size()) + uid;
    for (const auto& [tag, element] : elements_) bytes += element;
    return bytes_of(bytes);
  }

  static std::string word(unsigned value) {
    return {static_cast<char>(value & 255), static_cast<char>(value >> 8 & 255)};
  }
  static std::string long_word(std::size_t value) {
    return word(static_cast<unsigned>(value & 0xFFFF)) + word(static_cast<unsigned>(value >> 16 & 0xFFFF));
  }
  static std::string header(std::uint32_t tag, const std::string& representation, std::size_t length) {
    const std::string start = word(tag >> 16) + word(tag & 0xFFFF) + representation;
    const bool long_form =
        representation == "OW" || representation == "OB" || representation == "SQ" || representation == "UN";
    return long_form ? start + word(0) + long_word(length) : start + word(static_cast<unsigned>(length));
  }

 private:
  std::string transfer_syntax_;
  std::map<std::uint32_t, std::string> elements_;
};

}  // namespace xr::data::test
