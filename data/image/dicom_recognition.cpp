#include "data/image/dicom_recognition.h"

#include "data/image/byte_reader.h"

#include <cctype>

namespace xr::data {

namespace {

/// Length of the element at `at` with its header, little-endian; 0 if there cannot be one. A value
/// representation stands in the header of the explicit form (PS3.5, section 7.1).
std::size_t element_size(const ByteReader& reader, std::size_t at) {
  const std::uint32_t first = reader.u8(at + 4), second = reader.u8(at + 5);
  const bool is_explicit =
      std::isupper(static_cast<int>(first)) != 0 && std::isupper(static_cast<int>(second)) != 0;
  if (!is_explicit) return 8 + std::size_t{reader.little32(at + 4)};
  const std::string_view long_form = "OBOWOFODOLSQUCURUTUN";
  for (std::size_t i = 0; i < long_form.size(); i += 2)
    if (static_cast<std::uint32_t>(long_form[i]) == first &&
        static_cast<std::uint32_t>(long_form[i + 1]) == second)
      return 12 + std::size_t{reader.little32(at + 8)};
  return 8 + std::size_t{reader.little16(at + 6)};
}

bool is_bare_data_set(std::span<const std::byte> bytes) {
  constexpr std::size_t longest = 1024;  // bytes of an element of these groups that comes first
  constexpr int needed = 3;
  const ByteReader reader(bytes);
  std::uint32_t previous = 0;
  std::size_t at = 0;
  for (int seen = 0; seen < needed; ++seen) {
    if (at + 12 > bytes.size()) return false;
    const std::uint32_t group = reader.little16(at), tag = group << 16 | reader.little16(at + 2);
    if ((group != 2 && group != 8) || (seen > 0 && tag <= previous)) return false;
    const std::size_t size = element_size(reader, at);
    if (size > longest || size % 2 != 0) return false;
    previous = tag;
    at += size;
  }
  return true;
}

}  // namespace

bool is_dicom(std::span<const std::byte> bytes) {
  if (bytes.size() >= 132 && starts_with(bytes.subspan(128), "DICM")) return true;
  return is_bare_data_set(bytes);
}

}  // namespace xr::data
