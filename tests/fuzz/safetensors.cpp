// Opens the input as a safetensors file and loads every tensor.
#include "engine/io/safetensors.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "kernels/common/error.h"
#include "tests/fuzz/expect.h"

namespace {

using xr::fuzz::expect;

// A file in memory that a path leads to.
class MemoryFile {
 public:
  MemoryFile(const std::uint8_t* data, std::size_t size) : descriptor_(::memfd_create("input", MFD_CLOEXEC)) {
    expect(descriptor_ >= 0, "no memory file");
    while (size > 0) {
      const ssize_t written = ::write(descriptor_, data, size);
      expect(written > 0, "the memory file cannot be written");
      data += written;
      size -= static_cast<std::size_t>(written);
    }
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { ::close(descriptor_); }
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

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
  const MemoryFile file(data, size);
  try {
    load_all(file.path(), size);
  } catch (const xr::Error& error) {
    xr::fuzz::expect_one_line(error);
  }
  return 0;
}
