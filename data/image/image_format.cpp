#include "data/image/image_format.h"

#include "data/image/byte_reader.h"
#include "data/image/dicom_recognition.h"
#include "data/image/image.h"
#include "data/image/pnm.h"
#include "data/image/raw_image.h"
#include "kernels/common/error.h"
#include "kernels/common/error_codes.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace xr::data {

namespace {

using Bytes = std::span<const std::byte>;
using namespace std::string_view_literals;

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool has_at(Bytes bytes, std::size_t at, std::string_view text) {
  return bytes.size() >= at && starts_with(bytes.subspan(at), text);
}

bool is_png(Bytes bytes) {
  return starts_with(bytes, "\x89PNG\r\n\x1a\n");
}

/// Marker of the first frame header (ITU-T T.81, table B.1; F7: ITU-T T.87); 0 if there is none in `bytes`.
std::uint32_t jpeg_frame_marker(Bytes bytes) {
  for (std::size_t at = 2; at + 3 < bytes.size();) {
    if (bytes[at] != std::byte{0xFF}) return 0;
    const auto marker = static_cast<std::uint32_t>(bytes[at + 1]);
    if (marker == 0xF7 || (marker >= 0xC0 && marker <= 0xC3)) return marker;
    if (marker == 0xFF) {
      ++at;
      continue;
    }
    at += 2 + (static_cast<std::size_t>(bytes[at + 2]) << 8 | static_cast<std::size_t>(bytes[at + 3]));
  }
  return 0;
}

bool is_jpeg_ls(Bytes bytes) {
  return starts_with(bytes, "\xFF\xD8\xFF") && jpeg_frame_marker(bytes) == 0xF7;
}

bool is_jpeg(Bytes bytes) {
  return starts_with(bytes, "\xFF\xD8\xFF") && jpeg_frame_marker(bytes) != 0xF7;
}

bool is_bmp(Bytes bytes) {
  static constexpr std::array header_sizes = {12, 16, 40, 52, 56, 64, 108, 124};  // of the versions
  return starts_with(bytes, "BM") && bytes.size() >= 26 && std::ranges::any_of(header_sizes, [&](int size) {
           return ByteReader(bytes).little32(14) == static_cast<std::uint32_t>(size);
         });
}

bool is_gif(Bytes bytes) {
  return starts_with(bytes, "GIF87a") || starts_with(bytes, "GIF89a");
}

bool is_webp(Bytes bytes) {
  return starts_with(bytes, "RIFF") && has_at(bytes, 8, "WEBP");
}

bool is_tiff(Bytes bytes) {
  return starts_with(bytes, "II*\0"sv) || starts_with(bytes, "MM\0*"sv) || starts_with(bytes, "II+\0"sv) ||
         starts_with(bytes, "MM\0+"sv);
}

bool is_jpeg2000(Bytes bytes) {
  return starts_with(bytes, "\0\0\0\x0CjP  \r\n\x87\n"sv) || starts_with(bytes, "\xFF\x4F\xFF\x51");
}

/// One of the brands of an ISO base media file (ISO/IEC 14496-12, "ftyp").
bool has_brand(Bytes bytes, std::span<const std::string_view> brands) {
  if (!has_at(bytes, 4, "ftyp")) return false;
  const std::size_t end = std::min<std::size_t>(ByteReader(bytes).big32(0), bytes.size());
  for (std::size_t at = 8; at + 4 <= end; at += 4)
    if (at != 12 &&
        std::ranges::any_of(brands, [&](std::string_view brand) { return has_at(bytes, at, brand); }))
      return true;
  return false;
}

bool is_avif(Bytes bytes) {
  static constexpr std::array brands = {"avif"sv, "avis"sv};
  return has_brand(bytes, brands);
}

bool is_heif(Bytes bytes) {
  static constexpr std::array brands = {"heic"sv, "heix"sv, "hevc"sv, "heim"sv, "heis"sv, "mif1"sv, "msf1"sv};
  return has_brand(bytes, brands);
}

bool is_video(Bytes bytes) {
  return has_at(bytes, 4, "ftyp") || (starts_with(bytes, "RIFF") && has_at(bytes, 8, "AVI ")) ||
         starts_with(bytes, "\x1A\x45\xDF\xA3");
}

bool is_jpeg_xl(Bytes bytes) {
  return starts_with(bytes, "\xFF\x0A") || starts_with(bytes, "\0\0\0\x0CJXL \r\n\x87\n"sv);
}

bool is_space(char letter) {
  return std::isspace(static_cast<unsigned char>(letter)) != 0;
}

bool is_pbm(Bytes bytes) {
  return bytes.size() >= 3 && (starts_with(bytes, "P1") || starts_with(bytes, "P4")) &&
         is_space(text_of(bytes)[2]);
}

bool is_pam(Bytes bytes) {
  return starts_with(bytes, "P7\n") || starts_with(bytes, "Pf\n") || starts_with(bytes, "PF\n");
}

bool is_archive(Bytes bytes) {
  return starts_with(bytes, "7z\xBC\xAF\x27\x1C") || starts_with(bytes, "Rar!\x1A\x07") ||
         starts_with(bytes,
                     "\xFD"
                     "7zXZ") ||
         starts_with(bytes, "BZh") || starts_with(bytes, "\x28\xB5\x2F\xFD") || has_at(bytes, 257, "ustar");
}

bool is_gzip(Bytes bytes) {
  return starts_with(bytes, "\x1F\x8B");
}

bool is_zip(Bytes bytes) {
  return starts_with(bytes, "PK\x03\x04") || starts_with(bytes, "PK\x05\x06");
}

bool is_hdf5(Bytes bytes) {
  return starts_with(bytes, "\x89HDF\r\n\x1a\n") || starts_with(bytes, "MATLAB 5.0");
}

bool is_nifti(Bytes bytes) {
  return has_at(bytes, 344, "n+1\0"sv) || has_at(bytes, 344, "ni1\0"sv) || has_at(bytes, 4, "n+2\0"sv);
}

/// The start of a text in lower case, without byte order mark and white space in front.
std::string lower_start(Bytes bytes) {
  std::string_view text = text_of(bytes.first(std::min<std::size_t>(bytes.size(), 1024)));
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  std::string lower(text);
  for (char& letter : lower) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return lower;
}

bool is_svg(Bytes bytes) {
  const std::string start = lower_start(bytes);
  return start.starts_with("<svg") || (start.starts_with("<?xml") && start.find("<svg") != std::string::npos);
}

bool is_html(Bytes bytes) {
  const std::string start = lower_start(bytes);
  static constexpr std::array tags = {"<!doctype html"sv, "<html"sv, "<head"sv, "<body"sv, "<script"sv};
  return std::ranges::any_of(tags, [&](std::string_view tag) { return start.starts_with(tag); });
}

bool is_xml(Bytes bytes) {
  return lower_start(bytes).starts_with("<?xml");
}

bool is_zeros(Bytes bytes) {
  return !bytes.empty() && std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

/// Without control characters other than white space, in ASCII, UTF-8, an 8-bit code or UTF-16 with its mark.
bool is_text(Bytes bytes) {
  if (starts_with(bytes, "\xFF\xFE") || starts_with(bytes, "\xFE\xFF")) return true;
  return !bytes.empty() &&
         std::ranges::all_of(text_of(bytes.first(std::min(bytes.size(), recognition_bytes))),
                             [](char letter) {
                               const auto code = static_cast<unsigned char>(letter);
                               return code >= 0x20 ? code != 0x7F : is_space(letter);
                             });
}

struct FormatRow {
  FormatDescription description;
  bool (*recognises)(Bytes);
  const ImageReader* (*reader)() = nullptr;
  std::string_view package = {};  ///< of Debian, with the library that the reader needs
};

template <std::size_t Size>
struct Signature {
  char text[Size]{};
  // NOLINTNEXTLINE(google-explicit-constructor): a string literal as template argument
  constexpr Signature(const char (&literal)[Size]) { std::ranges::copy(literal, text); }
};

template <Signature Text>
bool starts(Bytes bytes) {
  return starts_with(bytes, std::string_view(Text.text, sizeof Text.text - 1));
}

constexpr std::string_view to_png = "convert it to PNG", fetch_file = "download the file itself",
                           copy_again = "download or copy it again", unpack_it = "unpack it";
constexpr ContentKind is_read = ContentKind::image, is_refused = ContentKind::unsupported_image,
                      is_other = ContentKind::other;

/// In the order in which they are asked: the first that recognises the bytes decides. DICOM comes first,
/// because a DICOM file may begin like any other (PS3.10: its first 128 bytes are free).
constexpr std::array format_rows = std::to_array<FormatRow>({
    {{ImageFormat::dicom, is_read, "dicom", "a DICOM file", ""}, is_dicom, dicom_reader},
    {{ImageFormat::jpeg_ls, is_read, "jpeg-ls", "a JPEG-LS image", ""},
     is_jpeg_ls,
     jpeg_ls_reader,
     "libcharls-dev"},
    {{ImageFormat::jpeg, is_read, "jpeg", "a JPEG image", ""}, is_jpeg, jpeg_reader, "libjpeg62-turbo-dev"},
    {{ImageFormat::png, is_read, "png", "a PNG image", ""}, is_png, png_reader},
    {{ImageFormat::bmp, is_read, "bmp", "a BMP image", ""}, is_bmp, bmp_reader},
    {{ImageFormat::pnm, is_read, "pnm", "a PGM or PPM image", ""}, is_pnm, pnm_reader},
    {{ImageFormat::gif, is_read, "gif", "a GIF image", ""}, is_gif, gif_reader, "libgif-dev"},
    {{ImageFormat::webp, is_read, "webp", "a WebP image", ""}, is_webp, webp_reader, "libwebp-dev"},
    {{ImageFormat::tiff, is_read, "tiff", "a TIFF image", ""}, is_tiff, tiff_reader, "libtiff-dev"},
    {{ImageFormat::jpeg2000, is_read, "jpeg-2000", "a JPEG 2000 image", ""},
     is_jpeg2000,
     jpeg2000_reader,
     "libopenjp2-7-dev"},
    {{ImageFormat::avif, is_refused, "avif", "an AVIF image", to_png}, is_avif},
    {{ImageFormat::heif, is_refused, "heif", "a HEIF (HEIC) image", to_png}, is_heif},
    {{ImageFormat::jpeg_xl, is_refused, "jpeg-xl", "a JPEG XL image", to_png}, is_jpeg_xl},
    {{ImageFormat::jpeg_xr, is_refused, "jpeg-xr", "a JPEG XR image", to_png}, starts<"II\xBC">},
    {{ImageFormat::pbm, is_refused, "pbm", "a PBM image", to_png}, is_pbm},
    {{ImageFormat::pam, is_refused, "pam", "a PAM or PFM image", to_png}, is_pam},
    {{ImageFormat::svg, is_refused, "svg", "an SVG drawing", to_png}, is_svg},
    {{ImageFormat::photoshop, is_refused, "photoshop", "a Photoshop image", to_png}, starts<"8BPS">},
    {{ImageFormat::icon, is_refused, "icon", "an icon", to_png}, starts<"\0\0\1\0">},
    {{ImageFormat::open_exr, is_refused, "open-exr", "an OpenEXR image", to_png}, starts<"\x76\x2F\x31\x01">},
    {{ImageFormat::radiance, is_refused, "radiance", "a Radiance HDR image", to_png}, starts<"#?RADIANCE">},
    {{ImageFormat::nifti, is_refused, "nifti", "a NIfTI volume", to_png}, is_nifti},
    {{ImageFormat::nrrd, is_refused, "nrrd", "an NRRD volume", to_png}, starts<"NRRD000">},
    {{ImageFormat::meta_image, is_refused, "meta-image", "a MetaImage header", to_png},
     starts<"ObjectType = Image">},
    {{ImageFormat::fits, is_refused, "fits", "a FITS image", to_png}, starts<"SIMPLE  =">},
    {{ImageFormat::html, is_other, "html", "an HTML page", fetch_file}, is_html},
    {{ImageFormat::git_lfs_pointer, is_other, "git-lfs-pointer", "a Git LFS pointer", "run git lfs pull"},
     starts<"version https://git-lfs.github.com/spec/">},
    {{ImageFormat::xml, is_other, "xml", "an XML file", ""}, is_xml},
    {{ImageFormat::pdf, is_other, "pdf", "a PDF document", "export its images"}, starts<"%PDF-">},
    {{ImageFormat::zip, is_other, "zip", "a ZIP archive", unpack_it}, is_zip},
    {{ImageFormat::gzip, is_other, "gzip", "a gzip file", unpack_it}, is_gzip},
    {{ImageFormat::archive, is_other, "archive", "an archive", unpack_it}, is_archive},
    {{ImageFormat::numpy, is_other, "numpy", "a NumPy array", "save it as PNG files"}, starts<"\x93NUMPY">},
    {{ImageFormat::hdf5, is_other, "hdf5", "an HDF5 or MATLAB file", ""}, is_hdf5},
    {{ImageFormat::video, is_other, "video", "a video", "export its frames"}, is_video},
    {{ImageFormat::text, is_other, "text", "a text", ""}, is_text},
    {{ImageFormat::zeros, is_other, "zeros", "nothing but zero bytes", copy_again}, is_zeros},
    {{ImageFormat::empty, is_other, "empty", "empty (0 bytes)", copy_again},
     [](Bytes bytes) { return bytes.empty(); }},
    {{ImageFormat::unknown, is_other, "unknown", "of an unknown kind", ""}, [](Bytes) { return true; }},
});

/// Where an image begins that has some bytes in front of it; 0 if none is found nearby.
std::size_t late_start(Bytes bytes) {
  constexpr std::size_t farthest = 256;
  for (std::size_t at = 1; at < std::min(bytes.size(), farthest); ++at)
    if (is_jpeg(bytes.subspan(at)) || is_png(bytes.subspan(at))) return at;
  return 0;
}

const FormatRow& row_of(ImageFormat format) {
  return *std::ranges::find_if(format_rows,
                               [&](const FormatRow& row) { return row.description.format == format; });
}

}  // namespace

ImageFormat format_of(Bytes bytes) {
  return std::ranges::find_if(format_rows, [&](const FormatRow& row) { return row.recognises(bytes); })
      ->description.format;
}

const FormatDescription& describe(ImageFormat format) {
  return row_of(format).description;
}

std::string refusal_of(Bytes bytes) {
  const FormatDescription& found = describe(format_of(bytes));
  const std::string remedy = found.remedy.empty() ? "" : fmt::format(": {}", found.remedy);
  if (found.kind != ContentKind::other)
    return fmt::format("the content is {}, which is not read{}", found.name, remedy);
  if (const std::size_t start = late_start(bytes); start > 0)
    return fmt::format("{} begins only after {} byte(s) that do not belong there: remove them",
                       describe(format_of(bytes.subspan(start))).name, start);
  return fmt::format("the content is {}, not an image{}", found.name, remedy);
}

const ImageReader& reader_of(ImageFormat format, Bytes bytes) {
  const FormatRow& row = row_of(format);
  if (row.reader == nullptr)
    throw Error(is_image(format) ? error_code::image_unsupported : error_code::not_an_image,
                refusal_of(bytes));
  const ImageReader* reader = row.reader();
  XR_CHECK_CODE(reader != nullptr, error_code::image_library_missing,
                "the content is {}, for which this build has no reader: install {} and build again",
                row.description.name, row.package);
  return *reader;
}

std::vector<FormatSupport> supported_formats() {
  std::vector<FormatSupport> formats;
  for (const FormatRow& row : format_rows)
    if (row.reader != nullptr)
      formats.push_back({row.description.format, row.reader() != nullptr, row.package});
  return formats;
}

}  // namespace xr::data
