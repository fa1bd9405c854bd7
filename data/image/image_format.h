// What a file is, told from its first bytes. Names and extensions play no part.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace xr::data {

enum class ImageFormat {
  // --- images that are read
  jpeg,
  png,
  bmp,
  pnm,
  gif,
  webp,
  tiff,
  jpeg2000,
  jpeg_ls,
  dicom,
  // --- images that are refused by name
  avif,
  heif,
  jpeg_xl,
  jpeg_xr,
  pbm,
  pam,
  svg,
  photoshop,
  icon,
  open_exr,
  radiance,
  nifti,
  nrrd,
  meta_image,
  fits,
  // --- other files
  html,
  git_lfs_pointer,
  xml,
  pdf,
  zip,
  gzip,
  archive,
  numpy,
  hdf5,
  video,
  text,
  zeros,
  empty,
  unknown,
};

enum class ContentKind {
  image,              ///< A format that this project reads (a build may lack the library for it).
  unsupported_image,  ///< An image, in a format that is refused by its name.
  other,              ///< Not an image, as far as its first bytes show.
};

/// How a format is called, and what someone who meant to give an image can do.
struct FormatDescription {
  ImageFormat format;
  ContentKind kind;
  std::string_view id;      ///< "jpeg", "git-lfs-pointer": stable
  std::string_view name;    ///< "a JPEG image", "a Git LFS pointer"
  std::string_view remedy;  ///< "run git lfs pull"; empty where there is nothing to add
};

/// So many bytes from the start of a file are enough to recognise it.
constexpr std::size_t recognition_bytes = 4096;

/// The format of a file, given at least its first `recognition_bytes` bytes (or all, if it has fewer).
/// Recognised does not mean whole: a damaged PNG is a PNG.
[[nodiscard]] ImageFormat format_of(std::span<const std::byte> bytes);

[[nodiscard]] const FormatDescription& describe(ImageFormat format);

/// Whether a file of this format was meant as an image: it is then read, or refused by name.
[[nodiscard]] inline bool is_image(ImageFormat format) {
  return describe(format).kind != ContentKind::other;
}

/// One line on a file that is not an image, or not one that is read: "the content is an HTML page, not an
/// image: download the file itself".
[[nodiscard]] std::string refusal_of(std::span<const std::byte> bytes);

}  // namespace xr::data
