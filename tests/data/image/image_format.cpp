#include "data/image/image_format.h"
#include "tests/data/support.h"

#include <set>

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;
using namespace std::string_view_literals;

namespace {

std::string_view id_of(std::string_view content) {
  return describe(format_of(bytes_of(content))).id;
}

std::string padded(std::string_view head, std::size_t size = 64) {
  std::string text(head);
  text.resize(std::max(size, text.size()), '\0');
  return text;
}

std::string at(std::size_t offset, std::string_view signature) {
  return std::string(offset, '\0') + padded(signature);
}

}  // namespace

TEST_CASE("files are recognised by their content") {
  const std::pair<std::string, std::string_view> cases[] = {
      {padded("\xFF\xD8\xFF\xE0\0\4ab\xFF\xC0\0\x0B"sv), "jpeg"},
      {padded("\xFF\xD8\xFF\xE0\0\4ab\xFF\xF7\0\x0B"sv), "jpeg-ls"},
      {padded("\xFF\xD8\xFF\xDB"), "jpeg"},
      {padded("\x89PNG\r\n\x1a\n"), "png"},
      {padded("BM\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0"sv), "bmp"},
      {"P5 1 1 255\nx", "pnm"},
      {padded("GIF89a"), "gif"},
      {padded("RIFF\1\0\0\0WEBPVP8 "sv), "webp"},
      {padded("RIFF\1\0\0\0AVI "sv), "video"},
      {padded("II*\0"sv), "tiff"},
      {padded("MM\0+"sv), "tiff"},
      {padded("\0\0\0\x0CjP  \r\n\x87\n"sv), "jpeg-2000"},
      {padded("\xFF\x4F\xFF\x51"), "jpeg-2000"},
      {at(128, "DICM"), "dicom"},
      {padded("II*\0"sv, 128) + padded("DICM"), "dicom"},
      {padded("\0\0\0\x18"
              "ftypavif"sv),
       "avif"},
      {padded("\0\0\0\x1C"
              "ftypmif1\0\0\0\0mif1avif"sv),
       "avif"},
      {padded("\0\0\0\x18"
              "ftypheic"sv),
       "heif"},
      {padded("\0\0\0\x18"
              "ftypisom"sv),
       "video"},
      {padded("\xFF\x0A"), "jpeg-xl"},
      {"P4\n8 1\nx", "pbm"},
      {"<?xml version='1.0'?>\n<svg/>", "svg"},
      {"<?xml version='1.0'?>\n<note/>", "xml"},
      {"\xEF\xBB\xBF\n <!DOCTYPE HTML><html>", "html"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git-lfs-pointer"},
      {padded("%PDF-1.4"), "pdf"},
      {padded("PK\x03\x04"), "zip"},
      {padded("\x1F\x8B\x08"), "gzip"},
      {at(257, "ustar"), "archive"},
      {padded("\x93NUMPY"), "numpy"},
      {at(344, "n+1\0"sv), "nifti"},
      {"file,label\na.png,covid\n", "text"},
      {"BM is how this text begins, and it is longer than a header", "text"},
      {std::string(40, '\0'), "zeros"},
      {"", "empty"},
      {"\x01\x02\x03\xFE", "unknown"},
  };
  for (const auto& [content, id] : cases) {
    INFO(id << ": " << content);
    CHECK(id_of(content) == id);
  }
}

TEST_CASE("a DICOM data set without preamble is recognised and a similar file is not") {
  const std::string implicit =
      padded("\x08\0\x05\0\x04\0\0\0abcd\x08\0\x16\0\x02\0\0\0ab\x08\0\x18\0\x02\0\0\0ab"sv);
  const std::string with_types = padded("\x08\0\x05\0CS\2\0ab\x08\0\x16\0UI\2\0ab\x08\0\x18\0UI\2\0ab"sv);
  CHECK(id_of(implicit) == "dicom");
  CHECK(id_of(with_types) == "dicom");
  std::string descending = with_types;
  descending[12] = '\1';  // the second element now stands before the first
  CHECK(id_of(descending) != "dicom");
  CHECK(id_of(with_types.substr(0, 11)) != "dicom");
}

TEST_CASE("every format has one description with its own identifier") {
  std::set<std::string_view> ids;
  for (int i = 0; i <= static_cast<int>(ImageFormat::unknown); ++i) {
    const FormatDescription& description = describe(static_cast<ImageFormat>(i));
    CHECK(description.format == static_cast<ImageFormat>(i));
    CHECK(ids.insert(description.id).second);
    CHECK(is_image(description.format) == (i < static_cast<int>(ImageFormat::html)));
  }
}

TEST_CASE("what is not an image is named with what to do") {
  CHECK_THAT(refusal_of(bytes_of("<html><body>sign in</body></html>")),
             contains("HTML page") && contains("download"));
  CHECK_THAT(refusal_of(bytes_of("version https://git-lfs.github.com/spec/v1\n")), contains("git lfs pull"));
  CHECK_THAT(refusal_of(bytes_of(padded("\0\0\0\x18"
                                        "ftypavif"sv))),
             contains("AVIF") && contains("convert"));
  CHECK_THAT(refusal_of(bytes_of(padded("\n\n\x89PNG\r\n\x1a\n"))),
             contains("PNG") && contains("after 2 byte"));
}
