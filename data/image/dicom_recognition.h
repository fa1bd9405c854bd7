// Whether a file is a DICOM file.
#pragma once

#include <cstddef>
#include <span>

namespace xr::data {

/// "DICM" after a preamble of 128 bytes (PS3.10), or, as old programs write it, a data set without both: its
/// first elements are then of the groups 0002 or 0008, in ascending order.
[[nodiscard]] bool is_dicom(std::span<const std::byte> bytes);

}  // namespace xr::data
