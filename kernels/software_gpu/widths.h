// Widths matter in every line of an interpreter: short names keep them in sight.
#pragma once

#include <cstdint>

namespace xr::software_gpu {

// NOLINTBEGIN(readability-identifier-naming)
using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using s8 = std::int8_t;
using s16 = std::int16_t;
using s32 = std::int32_t;
using s64 = std::int64_t;
// NOLINTEND(readability-identifier-naming)

}  // namespace xr::software_gpu
