// Element types of files that others wrote. The engine computes with few of them: what is read becomes float or
// 64-bit integers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace xr::engine {

enum class ElementType : std::uint8_t { f16, bf16, f32, f64, i8, i16, i32, i64, u8, u16, u32, u64, boolean };

/// Bytes of one element.
[[nodiscard]] std::size_t bytes_of(ElementType type);
/// PyTorch's name: "float16".
[[nodiscard]] const char* name_of(ElementType type);
[[nodiscard]] bool is_floating(ElementType type);

enum class ByteOrder : std::uint8_t { little, big };

/// IEEE 754 binary16 as float, exactly; NaN keeps its payload.
[[nodiscard]] float float_of_half(std::uint16_t bits);

/// Elements of a floating type as floats: exact, but for float64, which is rounded. `bytes` holds values.size()
/// elements. Throws xr::Error for a finite float64 beyond float's range.
void to_floats(std::span<const std::byte> bytes, ElementType type, ByteOrder order, std::span<float> values);
/// Elements of an integer type or booleans. Throws xr::Error for a number beyond 2^63 - 1.
void to_integers(std::span<const std::byte> bytes, ElementType type, ByteOrder order,
                 std::span<std::int64_t> values);

}  // namespace xr::engine
