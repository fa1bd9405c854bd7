// Raw deflate data (RFC 1951), which a deflated DICOM data set is.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace xr::data {

/// Throws xr::Error: image_truncated, image_damaged, image_size beyond `max_bytes`, image_library_missing.
[[nodiscard]] std::vector<std::byte> inflate_raw(std::span<const std::byte> bytes, std::size_t max_bytes);

}  // namespace xr::data
