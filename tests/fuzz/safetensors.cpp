// Opens the input as a safetensors file and loads every tensor.
#include "engine/io/safetensors.h"

#include <cstdint>
#include <string>

#include "kernels/common/error.h"
#include "tests/fuzz/expect.h"
#include "tests/fuzz/memory_file.h"

namespace {

using xr::fuzz::expect;

void load_all(const std::string& path, std::size_t size) {
  const xr::engine::SafetensorsFile file(path);
  for (const auto& entry : file.entries()) {
    expect(entry.begin <= entry.end && entry.end <= size, "an entry lies outside of the file");
    const xr::engine::Tensor tensor = file.load(entry.name);
    expect(tensor.shape() == entry.shape && tensor.dtype() == entry.dtype, "a tensor is not its entry's");
    expect(tensor.view().bytes() == entry.end - entry.begin, "a tensor has more bytes than its entry");
    expect(file.find(entry.name) != nullptr, "an entry is not found");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const xr::fuzz::MemoryFile file(data, size);
  try {
    load_all(file.path(), size);
  } catch (const xr::Error& error) {
    xr::fuzz::expect_one_line(error);
  }
  return 0;
}
