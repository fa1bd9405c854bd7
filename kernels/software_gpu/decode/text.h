// Reading PTX: words, operands and types.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernels/software_gpu/widths.h"

namespace xr::software_gpu {

[[nodiscard]] bool is_name(char c);
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char at);
[[nodiscard]] std::string_view trim(std::string_view text);

/// Operands at the top level: commas within braces, brackets and parentheses do not part them.
[[nodiscard]] std::vector<std::string> operands_of(std::string_view text);
/// "{a, b}" as a and b; anything else as it is.
[[nodiscard]] std::vector<std::string> in_braces(const std::string& text);

/// 12, -3, 0x1f, 0f3F800000 or 0d3FF0000000000000; a float where 8 bytes are wanted becomes a double.
[[nodiscard]] bool read_number(const std::string& text, u64& bits, u8 width);

/// "f32", "pred", ...
[[nodiscard]] bool is_type(std::string_view text);
/// Of a type: 4 for "f32", 1 for "pred".
[[nodiscard]] int bytes_of(std::string_view type);

/// ".shared .align 4 .b8 name[64]" and the like.
[[nodiscard]] std::string_view variable_name(std::string_view declaration);

/// A kernel's name as people write it, without what all kernels of the project have in common.
[[nodiscard]] std::string demangle(const std::string& name);

}  // namespace xr::software_gpu
