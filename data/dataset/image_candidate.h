// Which files may be images: by name, or else by their first bytes.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace xr::data {

/// Ends in one of the usual extensions of images, in any case: .jpg .jpe .jfif .png .bmp .pgm .gif .webp .tif
/// .dcm .jp2 ... Whether this build decodes the format is another question.
[[nodiscard]] bool has_image_extension(const std::filesystem::path& path);

/// Begins as an image does that is read or refused by name (image_format.h), if only with the first bytes of a BMP
/// or DICOM file. `bytes`: the first recognition_bytes of a file, or all of a shorter one.
[[nodiscard]] bool begins_as_image(std::span<const std::byte> bytes);

/// A regular file of either kind. Of a file that may not be opened the name decides: one without the extension of
/// another kind of file may be an image.
[[nodiscard]] bool may_be_image(const std::filesystem::path& path);

}  // namespace xr::data
