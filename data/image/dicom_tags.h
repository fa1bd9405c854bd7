// What the tags of a DICOM file say of where an image comes from, for the tables of patients and of subgroups.
// DicomTags identify nobody: names, identifiers and dates become pseudonyms or are left out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace xr::data {

/// A secret of whoever makes the tables: the same key gives the same pseudonyms, and without it nobody can try
/// out names.
using PseudonymKey = std::array<std::uint8_t, 16>;

/// SipHash-2-4 (Aumasson and Bernstein, 2012) with an output of 128 bits, as 32 hexadecimal digits.
[[nodiscard]] std::string pseudonym_of(std::string_view text, const PseudonymKey& key);

/// A key that only those can compute who have all of `secrets`, in this order: a hash of them.
[[nodiscard]] PseudonymKey key_of(std::span<const std::string> secrets);

struct DicomTags {
  std::string
      patient;  ///< Pseudonym of the patient's identifier and its issuer, else of the name; "" if unknown
  std::string site;           ///< Pseudonym of the institution's name; "" if unknown
  std::string station;        ///< Pseudonym of the station's name; "" if unknown
  std::string view_position;  ///< "PA", "AP", ...
  std::string manufacturer;
  std::string model;     ///< of the machine
  std::string modality;  ///< "DX", "CR", ...
  std::string sex;       ///< "M", "F", "O"
};

/// As the file has it. Names a person: for pseudonyms and keys alone, never for a message or a file.
struct DicomIdentity {
  std::string patient, site, station;  ///< What pseudonyms are made of; "" if unknown.
  std::string identifier, name;        ///< Of the patient; "" if unknown.
  std::string instance;                ///< Identifiers of patient, study and image.
  DicomTags tags;                      ///< Without pseudonyms.
  bool has_picture = false;            ///< It has rows and columns: it is no report, index or the like.
};

/// Identity of a file, of which the first part may be enough; nothing if it is not a DICOM file. An identifier
/// or name that stands for none ("ANONYMOUS", "unknown", "0000") counts as absent. `whole`: the bytes are the
/// whole file. Throws xr::Error for a damaged file; error_code::image_truncated where more of it is needed.
[[nodiscard]] std::optional<DicomIdentity> read_dicom_identity(std::span<const std::byte> bytes, bool whole);

/// Its tags with pseudonyms.
[[nodiscard]] DicomTags tags_of(const DicomIdentity& identity, const PseudonymKey& key);

/// Both at once, of a whole file.
[[nodiscard]] std::optional<DicomTags> read_dicom_tags(std::span<const std::byte> bytes,
                                                       const PseudonymKey& key);

}  // namespace xr::data
