#include "data/image/dicom_dataset.h"

#include "data/image/byte_reader.h"
#include "data/image/inflate.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <charconv>
#include <cstring>

namespace xr::data {

namespace {

using Bytes = std::span<const std::byte>;

constexpr std::uint32_t undefined = 0xFFFFFFFF;
constexpr std::uint32_t item_tag = dicom_tag(0xFFFE, 0xE000), item_end = dicom_tag(0xFFFE, 0xE00D),
                        sequence_end = dicom_tag(0xFFFE, 0xE0DD), pixel_tag = dicom_tag(0x7FE0, 0x0010);
constexpr int max_depth = 24;  // of sequences in sequences

bool is_long_form(std::string_view representation) {
  static constexpr std::array<std::string_view, 13> names = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ",
                                                             "SV", "UC", "UN", "UR", "UT", "UV"};
  return std::ranges::find(names, representation) != names.end();
}

/// Reads elements one after the other.
class Walker {
 public:
  Walker(Bytes bytes, DicomEncoding encoding) : bytes_(bytes), encoding_(encoding) {}

  [[nodiscard]] bool at_end() const { return at_ >= bytes_.size(); }
  [[nodiscard]] std::size_t at() const { return at_; }

  /// The next element; its value is skipped. `depth` counts the sequences around it.
  DicomElement next(int depth) {
    DicomElement element;
    element.tag = dicom_tag(u16(at_), u16(at_ + 2));
    std::size_t length_at = at_ + 4;
    const bool delimiter = element.tag >> 16 == 0xFFFE;
    std::uint32_t length = 0;
    if (encoding_.is_explicit && !delimiter) {
      element.representation = {static_cast<char>(u8(at_ + 4)), static_cast<char>(u8(at_ + 5))};
      const bool long_form = is_long_form({element.representation.data(), 2});
      length_at = at_ + (long_form ? 8 : 6);
      length = long_form ? u32(length_at) : u16(length_at);
      at_ = length_at + (long_form ? 4 : 2);
    } else {
      length = u32(length_at);
      at_ = length_at + 4;
    }
    if (delimiter && element.tag != item_tag) return element;  // delimiters have no value
    element.undefined_length = length == undefined;
    if (element.undefined_length)
      element.value = skip_undefined(element, depth);
    else
      element.value = take(element, length);
    return element;
  }

 private:
  Bytes take(const DicomElement& element, std::uint32_t length) {
    const std::size_t left = bytes_.size() - at_;
    XR_CHECK_CODE(length <= left || element.tag == pixel_tag, error_code::image_truncated,
                  "the DICOM file is truncated: element ({:04X},{:04X}) has {} bytes of {}",
                  element.tag >> 16, element.tag & 0xFFFF, left, length);
    const Bytes value = bytes_.subspan(at_, std::min<std::size_t>(length, left));
    at_ += value.size();
    return value;
  }

  /// Items up to the sequence's delimiter, or elements up to the item's.
  Bytes skip_undefined(const DicomElement& element, int depth) {
    XR_CHECK_CODE(depth < max_depth, error_code::image_damaged,
                  "the DICOM file is damaged: more than {} sequences in each other", max_depth);
    const std::size_t begin = at_;
    if (element.tag == pixel_tag) {  // fragments; they may be cut off
      at_ = bytes_.size();
      return bytes_.subspan(begin);
    }
    const std::uint32_t end = element.tag == item_tag ? item_end : sequence_end;
    // An unknown representation of undefined length holds implicit elements (PS3.5, 6.2.2).
    const DicomEncoding before = encoding_;
    if (element.representation == std::array{'U', 'N'}) encoding_ = {false, false};
    for (;;) {
      const std::size_t inner = at_;
      if (next(depth + 1).tag == end) {
        encoding_ = before;
        return bytes_.subspan(begin, inner - begin);
      }
    }
  }

  [[nodiscard]] std::uint32_t u8(std::size_t at) const {
    XR_CHECK_CODE(at < bytes_.size(), error_code::image_truncated,
                  "the DICOM file is truncated: it ends inside an element");
    return static_cast<std::uint32_t>(bytes_[at]);
  }
  [[nodiscard]] std::uint32_t u16(std::size_t at) const {
    return encoding_.big_endian ? u8(at) << 8 | u8(at + 1) : u8(at) | u8(at + 1) << 8;
  }
  [[nodiscard]] std::uint32_t u32(std::size_t at) const {
    return encoding_.big_endian ? u16(at) << 16 | u16(at + 2) : u16(at) | u16(at + 2) << 16;
  }

  Bytes bytes_;
  DicomEncoding encoding_;
  std::size_t at_ = 0;
};

/// All elements up to the tag `last`; what follows the pixel data is of no interest.
DicomItem read_item(Bytes bytes, DicomEncoding encoding, std::uint32_t last = pixel_tag) {
  std::vector<DicomElement> elements;
  for (Walker walker(bytes, encoding); !walker.at_end();) {
    elements.push_back(walker.next(0));
    if (elements.back().tag == last || (last != pixel_tag && elements.back().tag > last)) break;
  }
  return {std::move(elements), encoding};
}

/// Whether the data set at the start of `bytes` states value representations, where the file does not say.
bool looks_explicit(Bytes bytes) {
  return bytes.size() >= 6 && std::isupper(static_cast<int>(bytes[4])) != 0 &&
         std::isupper(static_cast<int>(bytes[5])) != 0;
}

/// Reads the group 0002 (always explicit, little-endian) and gives where the data set begins.
std::size_t read_meta(Bytes file, std::string& transfer_syntax) {
  std::size_t at = file.size() >= 132 && starts_with(file.subspan(128), "DICM") ? 132 : 0;
  while (at + 8 <= file.size() && file[at] == std::byte{2} && file[at + 1] == std::byte{0}) {
    Walker walker(file.subspan(at), {true, false});
    const DicomElement element = walker.next(0);
    if (element.tag == dicom_tag(0x0002, 0x0010)) {
      transfer_syntax.assign(reinterpret_cast<const char*>(element.value.data()), element.value.size());
      while (!transfer_syntax.empty() && (transfer_syntax.back() == '\0' || transfer_syntax.back() == ' '))
        transfer_syntax.pop_back();
    }
    at += walker.at();
  }
  return at;
}

template <class Number>
Number number_of(const std::byte* from, bool big_endian) {
  std::array<std::byte, sizeof(Number)> bytes{};
  std::memcpy(bytes.data(), from, bytes.size());
  if (big_endian) std::ranges::reverse(bytes);
  return std::bit_cast<Number>(bytes);
}

template <class Number>
std::vector<double> numbers_of(Bytes value, bool big_endian) {
  std::vector<double> numbers;
  for (std::size_t at = 0; at + sizeof(Number) <= value.size() && numbers.size() < 4096; at += sizeof(Number))
    numbers.push_back(static_cast<double>(number_of<Number>(value.data() + at, big_endian)));
  return numbers;
}

/// "1.5\ 2 ": decimal numbers; those that are none end the list.
std::vector<double> numbers_of_text(std::string_view text) {
  std::vector<double> numbers;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\\'), text.size());
    std::string_view part = text.substr(0, end);
    while (!part.empty() && (part.front() == ' ' || part.front() == '+')) part.remove_prefix(1);
    double number = 0;
    if (std::from_chars(part.data(), part.data() + part.size(), number).ec != std::errc()) break;
    numbers.push_back(number);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return numbers;
}

}  // namespace

const DicomElement* DicomItem::find(std::uint32_t tag) const {
  const auto found = std::ranges::find(elements_, tag, &DicomElement::tag);
  return found == elements_.end() ? nullptr : &*found;
}

std::string DicomItem::text(std::uint32_t tag) const {
  const DicomElement* element = find(tag);
  if (element == nullptr) return {};
  std::string text(reinterpret_cast<const char*>(element->value.data()), element->value.size());
  const auto is_padding = [](char letter) { return letter == ' ' || letter == '\0'; };
  while (!text.empty() && is_padding(text.back())) text.pop_back();
  text.erase(text.begin(), std::ranges::find_if_not(text, is_padding));
  return text;
}

std::vector<double> DicomItem::numbers(std::uint32_t tag, bool is_text, bool is_signed) const {
  const DicomElement* element = find(tag);
  if (element == nullptr) return {};
  if (is_text) return numbers_of_text(text(tag));
  const std::string_view kind(element->representation.data(), 2);
  const bool big = encoding_.big_endian;
  if (kind == "UL") return numbers_of<std::uint32_t>(element->value, big);
  if (kind == "SL") return numbers_of<std::int32_t>(element->value, big);
  if (kind == "FL") return numbers_of<float>(element->value, big);
  if (kind == "FD") return numbers_of<double>(element->value, big);
  const bool negative = kind == "SS" || (kind != "US" && is_signed);
  return negative ? numbers_of<std::int16_t>(element->value, big)
                  : numbers_of<std::uint16_t>(element->value, big);
}

std::optional<std::uint32_t> DicomItem::unsigned_number(std::uint32_t tag) const {
  const std::vector<double> values = numbers(tag, false);
  if (values.empty() || !(values[0] >= 0)) return std::nullopt;
  return static_cast<std::uint32_t>(values[0]);
}

std::vector<DicomItem> DicomItem::items(std::uint32_t tag) const {
  const DicomElement* element = find(tag);
  std::vector<DicomItem> result;
  if (element == nullptr) return result;
  const bool unknown = element->representation == std::array{'U', 'N'};
  const DicomEncoding inner = unknown ? DicomEncoding{false, false} : encoding_;
  for (Walker walker(element->value, inner); !walker.at_end();) {
    const DicomElement item = walker.next(0);
    if (item.tag != item_tag) break;
    result.push_back(read_item(item.value, inner));
  }
  return result;
}

std::vector<std::uint16_t> DicomItem::words(const DicomElement& element) const {
  std::vector<std::uint16_t> result(element.value.size() / 2);
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = number_of<std::uint16_t>(element.value.data() + 2 * i, encoding_.big_endian);
  return result;
}

namespace {

DicomFile read_up_to(std::span<const std::byte> file, std::uint32_t last) {
  constexpr std::string_view implicit = "1.2.840.10008.1.2", explicit_little = "1.2.840.10008.1.2.1",
                             deflated = "1.2.840.10008.1.2.1.99", big_endian = "1.2.840.10008.1.2.2";
  DicomFile result;
  const std::size_t start = read_meta(file, result.transfer_syntax);
  Bytes data_set = file.subspan(start);
  if (result.transfer_syntax.empty())
    result.transfer_syntax = looks_explicit(data_set) ? explicit_little : implicit;
  const std::string& syntax = result.transfer_syntax;
  if (syntax == deflated) {
    constexpr std::size_t max_inflated = std::size_t{512} << 20;
    result.inflated = inflate_raw(data_set, max_inflated);
    data_set = result.inflated;
  }
  result.encapsulated =
      syntax != implicit && syntax != explicit_little && syntax != deflated && syntax != big_endian;
  result.elements = read_item(data_set, {syntax != implicit, syntax == big_endian}, last);
  return result;
}

}  // namespace

DicomFile read_dicom(std::span<const std::byte> file) {
  return read_up_to(file, pixel_tag);
}

DicomFile read_dicom_head(std::span<const std::byte> start, bool whole) {
  constexpr std::uint32_t last = dicom_tag(0x0028, 0xFFFF);
  DicomFile file = read_up_to(start, last);
  XR_CHECK_CODE(whole || file.elements.last_tag() > last, error_code::image_truncated,
                "the start of the DICOM file, {} bytes, does not reach the description of its pixels",
                start.size());
  return file;
}

std::string printable(std::string_view text) {
  std::string result(text.substr(0, 64));
  for (char& letter : result)
    if (letter < ' ' || letter > '~') letter = '?';
  return result;
}

std::vector<std::span<const std::byte>> dicom_fragments(const DicomElement& pixels) {
  std::vector<Bytes> fragments;
  for (Walker walker(pixels.value, {true, false}); !walker.at_end();) {
    const DicomElement item = walker.next(0);
    if (item.tag == sequence_end) return fragments;
    XR_CHECK_CODE(item.tag == item_tag && !item.undefined_length, error_code::image_damaged,
                  "the DICOM file is damaged: its pixel data is not made of fragments");
    fragments.push_back(item.value);
  }
  throw Error(error_code::image_truncated, "the DICOM file is truncated: its pixel data has no end");
}

}  // namespace xr::data
