// The elements of a DICOM file (PS3.5, PS3.10), bounds-checked. Nothing is copied: values are views of the file,
// which must outlive the data set.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace xr::data {

/// Group and element: dicom_tag(0x0028, 0x0010).
constexpr std::uint32_t dicom_tag(std::uint32_t group, std::uint32_t element) {
  return group << 16 | element;
}

/// How the values of a data set are written.
struct DicomEncoding {
  bool is_explicit = true;  ///< elements state their value representation
  bool big_endian = false;
};

struct DicomElement {
  std::uint32_t tag = 0;
  std::array<char, 2> representation{};  ///< "US", "DS", ...; zeros in an implicit data set
  std::span<const std::byte> value;
  bool undefined_length = false;  ///< `value` is then all up to the delimiter
};

/// One level of elements, in file order.
class DicomItem {
 public:
  DicomItem() = default;
  DicomItem(std::vector<DicomElement> elements, DicomEncoding encoding)
      : elements_(std::move(elements)), encoding_(encoding) {}

  [[nodiscard]] const DicomElement* find(std::uint32_t tag) const;
  /// The text without padding; several values have backslashes between. Empty if there is none.
  [[nodiscard]] std::string text(std::uint32_t tag) const;
  /// Numbers of a text (IS, DS) or binary (US, SS, UL, SL, FL, FD) element; where the representation is not
  /// stated, US or SS by `is_signed`. Nothing if there is none or it cannot be read.
  [[nodiscard]] std::vector<double> numbers(std::uint32_t tag, bool is_text, bool is_signed = false) const;
  /// The first number of a US element.
  [[nodiscard]] std::optional<std::uint32_t> unsigned_number(std::uint32_t tag) const;
  /// The items of a sequence.
  [[nodiscard]] std::vector<DicomItem> items(std::uint32_t tag) const;
  /// The unsigned 16-bit words of an element (OW, US).
  [[nodiscard]] std::vector<std::uint16_t> words(const DicomElement& element) const;
  [[nodiscard]] const DicomEncoding& encoding() const { return encoding_; }
  [[nodiscard]] std::uint32_t last_tag() const { return elements_.empty() ? 0 : elements_.back().tag; }

 private:
  std::vector<DicomElement> elements_;
  DicomEncoding encoding_;
};

struct DicomFile {
  std::string transfer_syntax;      ///< UID
  DicomItem elements;               ///< without the file's meta information
  std::vector<std::byte> inflated;  ///< what `elements` view where the data set was deflated
  bool encapsulated = false;        ///< pixel data is compressed, in fragments
};

/// Throws xr::Error (image_truncated, image_damaged, image_unsupported). Pixel data that is cut off is no error
/// here: its element then has what is there.
[[nodiscard]] DicomFile read_dicom(std::span<const std::byte> file);

/// The elements before those that are of no use for telling files apart: up to the group 0028, which describes
/// the pixels, and without what follows. `start` may be the first part of a file unless it is the `whole`.
/// Throws xr::Error as read_dicom; image_truncated where more of the file is needed.
[[nodiscard]] DicomFile read_dicom_head(std::span<const std::byte> start, bool whole);

/// Fragments of encapsulated pixel data, the table of offsets first (PS3.5, A.4).
[[nodiscard]] std::vector<std::span<const std::byte>> dicom_fragments(const DicomElement& pixels);

/// At most 64 printable characters of a text of the file, for a message. Never of an element that may name a
/// person.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace xr::data
