// Every odd file of the cases folder: what is right, and what the decoder makes of it. Prints the table.
#include "tests/cases.h"
#include "data/image/ijg_jpeg.h"
#include "data/image/image.h"
#include "engine/io/file.h"
#include "kernels/common/error_codes.h"
#include "tests/data/support.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <numeric>
#include <optional>
#include <sstream>

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

namespace {

fs::path case_images() {
  return xr::test::cases_folder(XR_SOURCE_FOLDER) / "images";
}

/// What is right for a file.
struct Case {
  const char* file;
  std::string_view code = {};  ///< of the error; empty: the file decodes
  const char* word = "";       ///< in the message: what the file is called
  Transparency transparency = Transparency::none;
  const char* without_gdcm = "";  ///< what the refusal calls it in a build without GDCM
  double mean = 0;                ///< grey level; 0: Pillow's
};

constexpr std::string_view truncated = error_code::image_truncated.name,
                           damaged = error_code::image_damaged.name,
                           unsupported = error_code::image_unsupported.name,
                           no_image = error_code::not_an_image.name, wrong_size = error_code::image_size.name;
constexpr double picture_mean = 160.71;  // of the picture that all files were made from

constexpr Case case_table[] = {
    {"00_plain.png"},
    {"01_grey.jpg"},
    {"02_colour.jpg"},
    {"03_progressive_grey.jpg"},
    {"04_progressive_col420.jpg"},
    {"05_prog_restart.jpg"},
    {"06_cmyk_adobe.jpg"},
    {"07_cmyk_noadobe.jpg"},
    {"08_exif2.jpg"},
    {"08_exif3.jpg"},
    {"08_exif6.jpg"},
    {"08_exif8.jpg"},
    {"09_exif6.png"},
    {.file = "10_16bit_full.png", .mean = picture_mean},
    {.file = "11_16bit_12used.png", .mean = picture_mean},
    {.file = "12_16bit_10used.png", .mean = picture_mean},
    {"13_interlaced.png"},
    {"14_interlaced16.png"},
    {.file = "15_rgba_half_transparent_with_rgb.png", .transparency = Transparency::some},
    {.file = "16_rgba_transp_white.png", .transparency = Transparency::some},
    {.file = "17_rgba_transp_black.png", .transparency = Transparency::some},
    {.file = "18_LA.png", .transparency = Transparency::some},
    {.file = "19_all_in_alpha.png", .transparency = Transparency::picture_in_alpha},
    {.file = "20_trns_grey.png", .transparency = Transparency::some},
    {.file = "21_trns_rgb.png", .transparency = Transparency::some},
    {"22_palette.png"},
    {"23_palette4bit.png"},
    {.file = "24_palette_trns.png", .transparency = Transparency::some},
    {"25_1bit.png"},
    {"30_gif_named.png"},
    {"31_webp_named.jpg"},
    {"32_tiff_named.png"},
    {"33_png_named.jpg"},
    {"34_jpeg_named.png"},
    {"35_avif_named.jpg", unsupported, "AVIF"},
    {"36_jp2_named.jpg"},
    {"37_bmp8.bmp"},
    {"38_bmp24.bmp"},
    {"39_bmp_rle.bmp"},
    {"40_pgm.pgm"},
    {.file = "41_pgm16.pgm", .mean = picture_mean},
    {"50_trunc_half.jpg", truncated, "JPEG"},
    {"51_trunc_2bytes.jpg", truncated, "JPEG"},
    {"52_trunc_20bytes.jpg", truncated, "JPEG"},
    {"53_trailing_garbage.jpg"},
    {"54_trailing_zeros.jpg"},
    {"55_extraneous_before_eoi.jpg"},
    {"56_extraneous_before_dqt.jpg"},
    {"57_rst_before_eoi.jpg"},
    {"58_leading_newline.jpg", no_image, "after 1 byte"},
    {"59_rot_payload_bitflip.jpg"},
    {"60_prog_trunc.jpg", truncated, "JPEG"},
    {"61_arithmetic.jpg"},
    {.file = "62_lossless.jpg", .without_gdcm = "lossless", .mean = picture_mean},
    {.file = "63_12bit.jpg", .without_gdcm = "12-bit", .mean = picture_mean},
    {.file = "64_jpegls.jpg", .mean = picture_mean},
    {"65_rgb_adobe0.jpg"},
    {"70_png_trunc.png", truncated, "PNG"},
    {"71_png_trailing.png"},
    {"72_png_crc.png", damaged, "checksum"},
    {"73_empty.png", ErrorCode().name, "empty"},
    {"74_html.jpg", no_image, "HTML page"},
    {"75_lfs_pointer.png", no_image, "Git LFS pointer"},
    {"76_1x1.png", wrong_size, "1 x 1"},
    {"77_png_noiend.png", truncated, "PNG"},
    {.file = "80_dicom.png", .mean = picture_mean},
    {.file = "81_dicom.dcm", .mean = 255 - picture_mean},  // MONOCHROME1
    {.file = "82_dicom_noext", .mean = picture_mean},
    {"83_inverted_mono1.png"},
    {"k_adobe.jpg"},
    {"k_noadobe.jpg"},
    {"k_ycck.jpg"},
};

/// Mean grey level by file, of pillow.csv (file, format, mode, width, height, mean, note).
std::map<std::string, double> pillow_means(const fs::path& table) {
  std::map<std::string, double> means;
  std::ifstream lines(table);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string file, field;
    std::getline(fields, file, ',');
    for (int i = 0; i < 5; ++i) std::getline(fields, field, ',');
    if (!field.empty() && std::isdigit(static_cast<unsigned char>(field[0])) != 0)
      means[file] = std::strtod(field.c_str(), nullptr);
  }
  return means;
}

double mean_of(const Image& image) {
  return std::accumulate(image.pixels.begin(), image.pixels.end(), 0.0) /
         static_cast<double>(image.pixels.size());
}

const char* text_of(Transparency transparency) {
  switch (transparency) {
    case Transparency::none:
      return "";
    case Transparency::some:
      return ", transparent parts";
    default:
      return ", all of it in alpha";
  }
}

/// What became of a file.
struct Outcome {
  std::string code, text;
  double mean = 0;
  ImageNotes notes;
};

Outcome outcome_of(const fs::path& path) {
  Outcome outcome;
  try {
    const DecodedImage decoded = read_with_notes(path, 1);
    outcome.mean = mean_of(decoded.image);
    outcome.notes = decoded.notes;
    outcome.text = fmt::format("{} x {}, mean {:.2f}{}", decoded.image.width, decoded.image.height,
                               outcome.mean, text_of(decoded.notes.transparency));
    if (decoded.notes.depth > 0) outcome.text += fmt::format(", {} bits in use", decoded.notes.depth);
    if (decoded.notes.orientation != 1)
      outcome.text += fmt::format(", orientation {}", decoded.notes.orientation);
  } catch (const Error& error) {
    outcome.code = error.code().name;
    outcome.text = error.what();
  }
  return outcome;
}

void check_case(const Case& expected, const Outcome& outcome, std::optional<double> pillow) {
  CHECK(outcome.code == expected.code);
  if (!expected.code.empty()) {
    CHECK_THAT(outcome.text, contains(expected.word));
    return;
  }
  const double mean = expected.mean > 0 ? expected.mean : pillow.value_or(picture_mean);
  CHECK(std::abs(outcome.mean - mean) <= 1.0);
  CHECK(outcome.notes.transparency == expected.transparency);
  CHECK(outcome.notes.one_level == (expected.transparency == Transparency::picture_in_alpha));
}

}  // namespace

TEST_CASE("odd files are decoded as they should be or refused by name") {
  if (!fs::exists(case_images())) {
    WARN("not tested: no images in " << case_images().string() << " (XR_TEST_CASES names another folder)");
    return;
  }
  const std::map<std::string, double> pillow = pillow_means(case_images() / "../pillow.csv");
  std::string table = fmt::format("{:<40} {:<42} {}\n", "file", "right", "outcome");
  std::size_t tested = 0;
  for (const Case& expected : case_table) {
    INFO(expected.file);
    const fs::path path = case_images() / expected.file;
    REQUIRE(fs::exists(path));
    const Outcome outcome = outcome_of(path);
    const auto mean = pillow.find(expected.file);
    table += fmt::format("{:<40} {:<42} {}\n", expected.file,
                         expected.code.empty() ? fmt::format("mean {:.2f}{}",
                                                             expected.mean > 0      ? expected.mean
                                                             : mean != pillow.end() ? mean->second
                                                                                    : picture_mean,
                                                             text_of(expected.transparency))
                                               : fmt::format("{}: \"{}\"", expected.code, expected.word),
                         outcome.text);
    if (*expected.without_gdcm != '\0' && !can_decode_with_ijg({.marker = 0xC3, .bits = 8})) {
      CHECK(outcome.code == unsupported);
      CHECK_THAT(outcome.text, contains(expected.without_gdcm));
    } else if (expected.code.empty() && lacks_reader(engine::read_file(path, 1 << 20))) {
      CHECK(outcome.code == error_code::image_library_missing.name);
    } else {
      check_case(expected, outcome, mean == pillow.end() ? std::nullopt : std::optional(mean->second));
    }
    ++tested;
  }
  fmt::print("{}", table);
  const auto files = std::distance(fs::directory_iterator(case_images()), fs::directory_iterator());
  CHECK(static_cast<std::size_t>(files) == tested);  // a new file needs a row here
}

TEST_CASE("EXIF orientations of the cases turn the picture") {
  if (!fs::exists(case_images())) {
    WARN("not tested: no images in " << case_images().string() << " (XR_TEST_CASES names another folder)");
    return;
  }
  const Image plain = read_image(case_images() / "01_grey.jpg", 1);
  struct Turn {
    const char* file;
    int width, height;
    int (*from)(int x, int y, int width, int height);  // index into the plain picture
  };
  const Turn turns[] = {
      {"08_exif2.jpg", 200, 240, [](int x, int y, int w, int) { return y * w + w - 1 - x; }},
      {"08_exif3.jpg", 200, 240, [](int x, int y, int w, int h) { return (h - 1 - y) * w + w - 1 - x; }},
      {"08_exif6.jpg", 240, 200, [](int x, int y, int w, int h) { return (h - 1 - x) * w + y; }},
      {"08_exif8.jpg", 240, 200, [](int x, int y, int w, int) { return x * w + w - 1 - y; }},
  };
  for (const Turn& turn : turns) {
    INFO(turn.file);
    const Image image = read_image(case_images() / turn.file, 1);
    REQUIRE(image.width == turn.width);
    REQUIRE(image.height == turn.height);
    bool same = true;
    for (int y = 0; y < image.height; ++y)
      for (int x = 0; x < image.width; ++x)
        same = same && image.pixels[static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) +
                                    static_cast<std::size_t>(x)] ==
                           plain.pixels[static_cast<std::size_t>(turn.from(x, y, plain.width, plain.height))];
    CHECK(same);
  }
}
