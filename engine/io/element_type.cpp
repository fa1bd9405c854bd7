#include "engine/io/element_type.h"

#include <bit>
#include <cmath>
#include <limits>

#include "kernels/common/error_codes.h"

namespace xr::engine {

namespace {

struct ElementFacts {
  const char* name;
  std::size_t bytes;
  bool floating;
  bool negative;  ///< has numbers below 0
};

/// In the order of ElementType.
constexpr ElementFacts element_facts[] = {
    {"float16", 2, true, true},  {"bfloat16", 2, true, true}, {"float32", 4, true, true},
    {"float64", 8, true, true},  {"int8", 1, false, true},    {"int16", 2, false, true},
    {"int32", 4, false, true},   {"int64", 8, false, true},   {"uint8", 1, false, false},
    {"uint16", 2, false, false}, {"uint32", 4, false, false}, {"uint64", 8, false, false},
    {"bool", 1, false, false},
};

const ElementFacts& facts_of(ElementType type) {
  return element_facts[static_cast<std::size_t>(type)];
}

/// Bits of element i.
std::uint64_t bits_at(std::span<const std::byte> bytes, std::size_t i, std::size_t width, ByteOrder order) {
  std::uint64_t bits = 0;
  for (std::size_t b = 0; b < width; ++b) {
    const std::size_t place = order == ByteOrder::little ? b : width - 1 - b;
    bits |= static_cast<std::uint64_t>(bytes[i * width + b]) << (8 * place);
  }
  return bits;
}

float narrowed(double value) {
  const auto result = static_cast<float>(value);
  XR_CHECK_CODE(std::isinf(value) || !std::isinf(result), error_code::weights_damaged,
                "it holds {}, which is beyond the range of float32", value);
  return result;
}

void check_count(std::span<const std::byte> bytes, ElementType type, std::size_t count) {
  XR_CHECK(bytes.size() == count * bytes_of(type), "{} bytes are not {} elements of {}", bytes.size(), count,
           name_of(type));
}

}  // namespace

std::size_t bytes_of(ElementType type) {
  return facts_of(type).bytes;
}

const char* name_of(ElementType type) {
  return facts_of(type).name;
}

bool is_floating(ElementType type) {
  return facts_of(type).floating;
}

float float_of_half(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
  const std::uint32_t exponent = bits >> 10 & 0x1Fu, fraction = bits & 0x3FFu;
  if (exponent == 0) {  // zero and subnormal numbers: fraction * 2^-24
    const float magnitude = std::ldexp(static_cast<float>(fraction), -24);
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide = exponent == 0x1Fu ? 0xFFu : exponent + (127 - 15);
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

void to_floats(std::span<const std::byte> bytes, ElementType type, ByteOrder order, std::span<float> values) {
  check_count(bytes, type, values.size());
  const std::size_t width = bytes_of(type);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint64_t bits = bits_at(bytes, i, width, order);
    switch (type) {
      case ElementType::f16:
        values[i] = float_of_half(static_cast<std::uint16_t>(bits));
        break;
      case ElementType::bf16:
        values[i] = std::bit_cast<float>(static_cast<std::uint32_t>(bits << 16));
        break;
      case ElementType::f32:
        values[i] = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
        break;
      case ElementType::f64:
        values[i] = narrowed(std::bit_cast<double>(bits));
        break;
      default:
        throw Error(fmt::format("{} is not a floating type", name_of(type)));
    }
  }
}

void to_integers(std::span<const std::byte> bytes, ElementType type, ByteOrder order,
                 std::span<std::int64_t> values) {
  check_count(bytes, type, values.size());
  XR_CHECK(!is_floating(type), "{} is not an integer type", name_of(type));
  const std::size_t width = bytes_of(type);
  const int unused = static_cast<int>(64 - 8 * width);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint64_t bits = bits_at(bytes, i, width, order);
    if (facts_of(type).negative) {
      values[i] = static_cast<std::int64_t>(bits << unused) >> unused;
    } else {
      XR_CHECK_CODE(bits <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()),
                    error_code::weights_damaged, "it holds {}, which is beyond the range of int64", bits);
      values[i] = static_cast<std::int64_t>(bits);
    }
  }
}

}  // namespace xr::engine
