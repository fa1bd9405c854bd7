// Inputs of readers of archives. Every other one is packed first: what stands between marks becomes the members of an
// archive whose checksums are right, which random changes would hardly ever be.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "kernels/common/error.h"
#include "tests/engine/io/zip_writer.h"
#include "tests/fuzz/expect.h"
#include "tests/fuzz/memory_file.h"

namespace xr::fuzz {

/// What stands before the first mark, or all; taken from the input with its mark.
inline std::string next_part(std::string_view& input) {
  constexpr std::string_view mark = "\xFE|";
  const std::size_t end = std::min(input.find(mark), input.size());
  std::string part(input.substr(0, end));
  input.remove_prefix(std::min(end + mark.size(), input.size()));
  return part;
}

/// Calls read(path) for a file of the input, or of pack(input).
template <class Pack, class Read>
void read_input(const std::uint8_t* data, std::size_t size, Pack&& pack, Read&& read) {
  std::string input(reinterpret_cast<const char*>(data), size);
  if (size % 2 == 0) input = pack(input);
  const MemoryFile file(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  try {
    read(file.path());
  } catch (const Error& error) {
    expect_one_line(error);
  }
}

}  // namespace xr::fuzz
