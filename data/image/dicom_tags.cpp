#include "data/image/dicom_tags.h"

#include "data/image/dicom_dataset.h"
#include "data/image/dicom_recognition.h"
#include "kernels/common/error.h"

#include <bit>
#include <cctype>
#include <charconv>
#include <utility>

namespace xr::data {

namespace {

std::uint64_t little64(const std::uint8_t* bytes, std::size_t count = 8) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value |= std::uint64_t{bytes[i]} << (8 * i);
  return value;
}

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void rounds(int count) {
    for (int i = 0; i < count; ++i) {
      v0 += v1, v1 = std::rotl(v1, 13) ^ v0, v0 = std::rotl(v0, 32);
      v2 += v3, v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3, v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1, v1 = std::rotl(v1, 17) ^ v2, v2 = std::rotl(v2, 32);
    }
  }
  [[nodiscard]] std::uint64_t folded() const { return v0 ^ v1 ^ v2 ^ v3; }
};

/// A code or a maker's name: upper-case letters, digits and a few signs, so that free text of a wrong tag does
/// not come through as it is.
std::string plain(const std::string& text, std::size_t longest) {
  std::string result;
  for (const char letter : text) {
    const auto code = static_cast<unsigned char>(letter);
    if (result.size() < longest &&
        (std::isalnum(code) != 0 || std::string_view(" -_./").find(letter) != std::string_view::npos))
      result += static_cast<char>(std::toupper(code));
  }
  while (!result.empty() && result.back() == ' ') result.pop_back();
  return result;
}

/// Empty for what de-identification leaves: words for nobody, or the same sign again and again.
std::string without_placeholder(const std::string& text) {
  std::string letters;
  for (const char letter : text)
    if (const auto code = static_cast<unsigned char>(letter); code > 127 || std::isalnum(code) != 0)
      letters += static_cast<char>(std::tolower(code));
  for (const std::string_view word :
       {"anon", "anonymous", "anonymized", "anonymised", "deidentified", "unknown", "none", "noname",
        "removed", "patient", "test", "na", "null", "notavailable", "withheld", "redacted"})
    if (letters == word) return {};
  const bool same = letters.find_first_not_of(letters.substr(0, 1)) == std::string::npos;
  return same && (letters.empty() || letters[0] == '0' || letters[0] == 'x') ? std::string() : text;
}

}  // namespace

std::string pseudonym_of(std::string_view text, const PseudonymKey& key) {
  const std::uint64_t k0 = little64(key.data()), k1 = little64(key.data() + 8);
  SipState state{k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du ^ 0xEEu, k0 ^ 0x6c7967656e657261u,
                 k1 ^ 0x7465646279746573u};
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  const std::size_t whole = text.size() / 8 * 8;
  const auto absorb = [&](std::uint64_t block) {
    state.v3 ^= block;
    state.rounds(2);
    state.v0 ^= block;
  };
  for (std::size_t at = 0; at < whole; at += 8) absorb(little64(bytes + at));
  absorb(little64(bytes + whole, text.size() - whole) | std::uint64_t{text.size()} << 56);
  state.v2 ^= 0xEE;
  state.rounds(4);
  const std::uint64_t first = state.folded();
  state.v1 ^= 0xDD;
  state.rounds(4);
  return fmt::format("{:016x}{:016x}", first, state.folded());
}

PseudonymKey key_of(std::span<const std::string> secrets) {
  constexpr PseudonymKey start = {'x', 'r', '-', 'p', 's', 'e', 'u', 'd',
                                  'o', 'n', 'y', 'm', 's', '-', '1', 0};
  std::string text;
  for (const std::string& secret : secrets) text += fmt::format("{}:{}\n", secret.size(), secret);
  const std::string digits = pseudonym_of(text, start);
  PseudonymKey key{};
  for (std::size_t i = 0; i < key.size(); ++i)
    std::from_chars(digits.data() + 2 * i, digits.data() + 2 * i + 2, key[i], 16);
  return key;
}

std::optional<DicomIdentity> read_dicom_identity(std::span<const std::byte> bytes, bool whole) {
  if (!is_dicom(bytes)) return std::nullopt;
  const DicomFile file = read_dicom_head(bytes, whole);
  const auto text = [&](std::uint32_t group, std::uint32_t element) {
    return file.elements.text(dicom_tag(group, element));
  };
  DicomIdentity identity;
  const std::string institution = without_placeholder(text(0x0008, 0x0080)),
                    station = without_placeholder(text(0x0008, 0x1010));
  identity.identifier = without_placeholder(text(0x0010, 0x0020));
  identity.name = without_placeholder(text(0x0010, 0x0010));
  if (!identity.identifier.empty())
    identity.patient = "patient\n" + text(0x0010, 0x0021) + '\n' + identity.identifier;
  else if (!identity.name.empty())
    identity.patient = "name\n" + identity.name;
  if (!institution.empty()) identity.site = "site\n" + institution;
  if (!station.empty()) identity.station = "station\n" + institution + '\n' + station;
  for (const auto& [group, element] :
       {std::pair{0x0008u, 0x0018u}, {0x0020u, 0x000Du}, {0x0010u, 0x0020u}, {0x0010u, 0x0010u}})
    identity.instance += text(group, element) + '\n';
  constexpr std::size_t code = 16, maker = 64;  // CS and LO (PS3.5, 6.2)
  DicomTags& tags = identity.tags;
  tags.view_position = plain(text(0x0018, 0x5101), code);
  tags.manufacturer = plain(text(0x0008, 0x0070), maker);
  tags.model = plain(text(0x0008, 0x1090), maker);
  tags.modality = plain(text(0x0008, 0x0060), code);
  const std::string sex = text(0x0010, 0x0040);
  if (sex == "M" || sex == "F" || sex == "O") tags.sex = sex;
  const auto side = [&](std::uint32_t element) {
    return file.elements.unsigned_number(dicom_tag(0x0028, element)).value_or(0);
  };
  identity.has_picture = side(0x0010) > 0 && side(0x0011) > 0;
  return identity;
}

DicomTags tags_of(const DicomIdentity& identity, const PseudonymKey& key) {
  DicomTags tags = identity.tags;
  const auto pseudonym = [&](const std::string& text) {
    return text.empty() ? std::string() : pseudonym_of(text, key);
  };
  tags.patient = pseudonym(identity.patient);
  tags.site = pseudonym(identity.site);
  tags.station = pseudonym(identity.station);
  return tags;
}

std::optional<DicomTags> read_dicom_tags(std::span<const std::byte> bytes, const PseudonymKey& key) {
  const std::optional<DicomIdentity> identity = read_dicom_identity(bytes, true);
  return identity ? std::optional(tags_of(*identity, key)) : std::nullopt;
}

}  // namespace xr::data
