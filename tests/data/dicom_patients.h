// DICOM files of patients that do not exist, with everything in their tags that must not get out.
#pragma once

#include "tests/data/dicom_writer.h"

namespace xr::data::test {

struct DicomPatient {
  std::string identifier = "MRN-77665544-Q", name = "Zwetschgenthal^Apollonia";
  std::string institution = "St. Nimmerlein Hospital", station = "NIMMERCR07";
  std::string view = "PA", manufacturer = "Maker Inc.";
};

/// What must appear nowhere, in lower case: names, identifiers, dates and times.
inline const std::vector<std::string> dicom_secrets = {
    "77665544",    "zwetschgenthal", "apollonia",  "nimmerlein",     "nimmercr",
    "quacksalver", "ottokar",        "19710228",   "1971-02-28",     "20200315",
    "2020-03-15",  "114433.7",       "acc-998877", "1.2.826.0.1.36", "wunderlich"};

/// Without pixels. `image`: makes the file's own identifiers.
inline DicomWriter dicom_of(const DicomPatient& patient, int image) {
  DicomWriter writer;
  const std::string uid = fmt::format("1.2.826.0.1.3680043.9.{}", 1000 + image);
  writer.text(0x00080018, "UI", uid).text(0x00080020, "DA", "20200315").text(0x00080030, "TM", "114433.75");
  writer.text(0x00080050, "SH", "ACC-998877").text(0x00080060, "CS", "DX");
  writer.text(0x00080070, "LO", patient.manufacturer).text(0x00080080, "LO", patient.institution);
  writer.text(0x00080090, "PN", "Quacksalver^Ottokar").text(0x00081010, "SH", patient.station);
  writer.text(0x00081090, "LO", "Model 7").text(0x00100010, "PN", patient.name);
  writer.text(0x00100020, "LO", patient.identifier).text(0x00100030, "DA", "19710228");
  writer.text(0x00100040, "CS", image % 2 == 0 ? "F" : "M").text(0x00104000, "LT", "seen by Dr. Wunderlich");
  writer.text(0x00185101, "CS", patient.view).text(0x0020000D, "UI", uid + ".1");
  return writer;
}

/// With 32 x 32 pixels of noise, 12 bits stored; brighter above or below.
inline DicomWriter dicom_image_of(const DicomPatient& patient, int image, bool bright_above) {
  constexpr int side = 32;
  Philox random(static_cast<std::uint64_t>(image), 7);
  std::string pixels;
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      pixels += DicomWriter::word(random.below(2000) + ((y < side / 2) == bright_above ? 1800 : 200));
  return dicom_of(patient, image).image(side, side, 12, pixels);
}

/// A structured report.
inline DicomWriter dicom_report_of(const DicomPatient& patient, int image) {
  return dicom_of(patient, image)
      .text(0x00080060, "CS", "SR")
      .text(0x0040A491, "CS", "COMPLETE")
      .text(0x0040A493, "CS", "VERIFIED");
}

}  // namespace xr::data::test
