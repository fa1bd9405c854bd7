// One decoder for each size of sample that the library is built for: 8, 12 and 16 bits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace xr::data::ijg {

struct Result {
  enum class Status { decoded, truncated, damaged, out_of_memory } status = Status::decoded;
  std::array<char, 256> message{};
  unsigned width = 0, height = 0;
  int components = 0;
  std::vector<std::uint16_t> samples;  ///< interleaved
};

/// `max_samples` is what the file's header was accepted with.
using Decode = void(std::span<const std::byte> bytes, std::size_t max_samples, Result& result);
Decode decode_8, decode_12, decode_16;

}  // namespace xr::data::ijg
