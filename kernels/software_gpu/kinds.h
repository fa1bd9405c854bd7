// Classes of instructions, for counters.
#pragma once

#include <array>
#include <cstdint>

namespace xr::software_gpu {

enum class Kind : std::uint8_t {
  integer,
  floating,
  f64,
  special,
  conversion,
  move,
  predicate,
  tensor,
  global,
  shared,
  local,
  parameter,
  warp,
  async,
  control,
  count
};

/// For people and files, by Kind.
constexpr std::array<const char*, static_cast<std::size_t>(Kind::count)> kind_names = {
    "integer", "float",  "f64",   "special", "convert", "move",  "predicate", "tensor",
    "global",  "shared", "local", "param",   "warp",    "async", "control"};

}  // namespace xr::software_gpu
