#include "data/dataset/image_candidate.h"

#include "tests/data/support.h"

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

using namespace std::string_view_literals;

TEST_CASE("files that may be images are known by their names") {
  for (const char* name : {"a.jpg", "a.JPEG", "a.jpe", "a.jfif", "a.png", "a.bmp", "a.pgm", "a.gif", "a.webp",
                           "a.TIF", "a.tiff", "a.dcm", "a.DICOM", "a.jp2", "a.jls", "a.avif"})
    CHECK(has_image_extension(name));
  for (const char* name : {"a", "a.csv", "a.txt", "jpg", ".png", "a.jpg.txt"})
    CHECK_FALSE(has_image_extension(name));
}

TEST_CASE("files that may be images are known by their first bytes") {
  std::string preamble(132, '\0');
  preamble.replace(128, 4, "DICM");
  for (const std::string_view begin :
       {"\xFF\xD8\xFF\xE0"sv, "\x89PNG\r\n\x1a\n"sv, "GIF89a"sv, "RIFF\x10\0\0\0WEBPVP8 "sv,
        "II*\0\x08\0\0\0"sv, "MM\0*\0\0\0\x08"sv, "P5\n4 4\n255\n"sv, "BM\x36\0\0\0\0\0\0\0"sv,
        "\0\0\0\x0CjP  \r\n\x87\n"sv,
        "\0\0\0\x1C"
        "ftypavif"sv,
        "\x08\0\x05\0CS\x0A\0ISO_IR 100"sv, "\x02\0\0\0UL\x04\0"sv, "\x08\0\x05\0\x0A\0\0\0ISO_IR 100"sv,
        std::string_view(preamble)})
    CHECK(begins_as_image(bytes_of(begin)));
  std::string volume(352, '\0');
  volume.replace(344, 3, "n+1");
  CHECK(begins_as_image(bytes_of(volume)));  // NIfTI: refused by name
  CHECK(begins_as_image(bytes_of("8BPS")));
  for (const std::string_view begin :
       {""sv, "file,patient\n"sv, "{}"sv, "<html>"sv, "%PDF-1.7"sv, "PK\x03\x04"sv, "RIFF\x10\0\0\0WAVE"sv,
        "BMI,age\n1,2\n"sv, "Price list"sv, "P"sv, "\x08\0"sv,
        // Nearly DICOM: a group, a length, an element that do not begin a data set.
        "\x08\0\x05\1CS\x0A\0ISO_IR 100"sv, "\x08\0\x05\0\x0B\0\0\0ISO_IR 100"sv,
        "\x08\0\x19\0\x0A\0\0\0ISO_IR 100"sv, "\x02\0\x05\0\x0A\0\0\0ISO_IR 100"sv,
        "\x7F"
        "ELF"sv})
    CHECK_FALSE(begins_as_image(bytes_of(begin)));
}

TEST_CASE("a file without extension is an image by its content alone") {
  const TemporaryFolder folder;
  make_png(folder / "scan.png");
  fs::rename(folder / "scan.png", folder / "scan");
  CHECK(may_be_image(folder / "scan"));
  write_bytes(folder / "notes", bytes_of("text"));
  CHECK_FALSE(may_be_image(folder / "notes"));
  CHECK_FALSE(may_be_image(folder / "absent"));
  CHECK(may_be_image(folder / "absent.dcm"));
}

TEST_CASE("a file that may not be read is an image unless its name tells otherwise") {
  const TemporaryFolder folder;
  // Root reads everything; a link to itself nobody opens.
  for (const char* name : {"scan", "1.2.840.113619", "a.png", "notes.txt", "sources.csv"})
    fs::create_symlink(name, folder / name);
  for (const char* name : {"scan", "1.2.840.113619", "a.png"}) CHECK(may_be_image(folder / name));
  for (const char* name : {"notes.txt", "sources.csv"}) CHECK_FALSE(may_be_image(folder / name));
}
