#include "data/dataset/image_candidate.h"

#include "data/dataset/folder_names.h"
#include "data/image/image_format.h"
#include "engine/io/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <string>
#include <string_view>

namespace xr::data {

namespace {

using namespace std::string_view_literals;

/// The start of a BMP file too short to be recognised: two reserved fields of zero.
bool is_bmp_start(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.starts_with("BM") &&
         text.substr(std::min<std::size_t>(6, text.size())).starts_with("\0\0\0\0"sv);
}

/// The start of a DICOM data set without its preamble; one element is enough. It is of group 2 or 8, little endian,
/// with an explicit type of value (PS3.5, section 7.1.2) or implicit with a short length.
bool is_bare_dicom_start(std::span<const std::byte> bytes) {
  if (bytes.size() < 8) return false;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned>(bytes[at]); };
  if ((byte(0) != 2 && byte(0) != 8) || byte(1) != 0 || byte(3) != 0) return false;
  const auto is_capital = [](unsigned letter) { return letter >= 'A' && letter <= 'Z'; };
  const bool is_explicit = is_capital(byte(4)) && is_capital(byte(5));
  const bool is_implicit = byte(0) == 8 && byte(2) <= 0x18 && byte(5) == 0 && byte(6) == 0 && byte(7) == 0 &&
                           byte(4) % 2 == 0 && byte(4) > 0 && byte(4) <= 64;
  return is_explicit || is_implicit;
}

/// Whether the name leaves open what the file is: "scan", or "1.2.840.113619" as of DICOM.
bool tells_nothing(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  return std::ranges::none_of(extension, [](unsigned char letter) { return std::isalpha(letter) != 0; });
}

}  // namespace

bool has_image_extension(const std::filesystem::path& path) {
  static constexpr std::array known = {".jpg"sv, ".jpeg"sv,  ".jpe"sv,  ".jfif"sv, ".pjpeg"sv, ".pjp"sv,
                                       ".png"sv, ".apng"sv,  ".bmp"sv,  ".dib"sv,  ".pgm"sv,   ".ppm"sv,
                                       ".pbm"sv, ".pnm"sv,   ".gif"sv,  ".webp"sv, ".tif"sv,   ".tiff"sv,
                                       ".dcm"sv, ".dicom"sv, ".ima"sv,  ".jp2"sv,  ".j2k"sv,   ".jpf"sv,
                                       ".jpx"sv, ".jls"sv,   ".avif"sv, ".heic"sv, ".heif"sv,  ".jxl"sv};
  return std::ranges::find(known, lower_case(path.extension().string())) != known.end();
}

bool begins_as_image(std::span<const std::byte> bytes) {
  return is_image(format_of(bytes)) || is_bmp_start(bytes) || is_bare_dicom_start(bytes);
}

bool may_be_image(const std::filesystem::path& path) {
  if (has_image_extension(path)) return true;
  const engine::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return errno != ENOENT && tells_nothing(path);
  std::array<std::byte, recognition_bytes> begin{};
  const ssize_t count = ::read(file.get(), begin.data(), begin.size());
  if (count < 0) return tells_nothing(path);
  return count > 0 && begins_as_image(std::span(begin).first(static_cast<std::size_t>(count)));
}

}  // namespace xr::data
