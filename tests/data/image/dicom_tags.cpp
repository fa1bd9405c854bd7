#include "data/image/dicom_tags.h"
#include "data/image/image.h"
#include "tests/data/dicom_writer.h"

#include <algorithm>
#include <numeric>

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

namespace {

constexpr PseudonymKey key = {1, 2, 3};

DicomWriter patient_file(const std::string& identifier, const std::string& name) {
  DicomWriter writer;
  writer.text(0x00080020, "DA", "20200315").text(0x00080060, "CS", "DX").text(0x00080070, "LO", "Maker Inc.");
  writer.text(0x00080080, "LO", "St. Elsewhere")
      .text(0x00081090, "LO", "Model 7")
      .text(0x00185101, "CS", "PA");
  writer.text(0x00100010, "PN", name).text(0x00100020, "LO", identifier).text(0x00100030, "DA", "19710228");
  return writer.text(0x00100040, "CS", "F").image(8, 8, 8, std::string(64, '\7'));
}

DicomTags tags_of(const DicomWriter& writer, const PseudonymKey& with = key) {
  return read_dicom_tags(writer.file(), with).value();
}

}  // namespace

TEST_CASE("pseudonyms are SipHash-2-4 of 128 bits") {
  // Vectors of the authors' reference (vectors_sip128 in github.com/veorq/SipHash): key 00 ... 0f, input 00 01 ...
  PseudonymKey counting{};
  std::iota(counting.begin(), counting.end(), std::uint8_t{0});
  CHECK(pseudonym_of("", counting) == "e6a825ba047f81a3930255c71472f66d");
  CHECK(pseudonym_of(std::string_view("\0", 1), counting) == "44af996bd8c187da45fc229b11597634");
}

TEST_CASE("the tags of a DICOM file give patient site view and maker without a name") {
  const DicomTags tags = tags_of(patient_file("4711", "Doe^Jane"));
  CHECK(tags.patient.size() == 32);
  CHECK(tags.site.size() == 32);
  CHECK(tags.view_position == "PA");
  CHECK(tags.manufacturer == "MAKER INC.");
  CHECK(tags.model == "MODEL 7");
  CHECK(tags.modality == "DX");
  CHECK(tags.sex == "F");
  CHECK(tags_of(patient_file("4711", "Doe^John")).patient == tags.patient);
  CHECK(tags_of(patient_file("4712", "Doe^Jane")).patient != tags.patient);
  CHECK(tags_of(patient_file("4711", "Doe^Jane"), {9}).patient != tags.patient);
  CHECK(tags_of(patient_file("", "Doe^Jane")).patient.size() == 32);
  CHECK(tags_of(patient_file("", "")).patient.empty());
  CHECK_FALSE(read_dicom_tags(encode_png(random_image(8, 8, 1)), key).has_value());
}

TEST_CASE("no name identifier or date of a patient comes out of the tags or of an error") {
  const std::vector<std::byte> file = patient_file("SECRET-4711", "Doe^Jane").file();
  std::string all;
  const DicomTags tags = read_dicom_tags(file, key).value();
  for (const std::string& value :
       {tags.patient, tags.site, tags.view_position, tags.manufacturer, tags.model, tags.modality, tags.sex})
    all += value + '\n';
  for (std::size_t size = 0; size < file.size(); ++size) {
    try {
      all += decode_with_notes(std::span(file).first(size), 1).notes.window + '\n';
    } catch (const Error& error) {
      all += std::string(error.what()) + '\n';
    }
    try {
      (void)read_dicom_tags(std::span(file).first(size), key);
    } catch (const Error& error) {
      all += std::string(error.what()) + '\n';
    }
  }
  std::ranges::transform(all, all.begin(),
                         [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  for (const char* secret : {"secret", "4711", "doe^", "jane", "2020", "1971", "elsewhere"}) {
    INFO(secret);
    CHECK(all.find(secret) == std::string::npos);
  }
}
