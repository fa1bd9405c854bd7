// The header of NumPy's .npy files: element type and shape of the array that follows. Format: NumPy reference,
// numpy.lib.format, versions 1 to 3.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/io/zip.h"

namespace xr::data {

struct NpyHeader {
  std::string type;  ///< as the header has it: "|u1", "<i8"
  std::vector<std::uint64_t> shape;

  /// Bytes of one element: the number in `type`.
  [[nodiscard]] std::size_t element_bytes() const;
  /// Bytes of the array.
  [[nodiscard]] std::uint64_t bytes() const;
  /// "uint8 (5856, 28, 28)"
  [[nodiscard]] std::string describe() const;
};

/// Reads the header; the array's bytes are what `reader` has next. `what` names the array in errors. Throws
/// xr::Error for what is no .npy file, for arrays in Fortran's order, of objects or of records, and if the bytes
/// that are left are not those of the array.
[[nodiscard]] NpyHeader read_npy_header(engine::ZipReader& reader, const std::string& what);

}  // namespace xr::data
