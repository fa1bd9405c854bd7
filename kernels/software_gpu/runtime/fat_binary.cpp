// What nvcc's stubs register before main, and the PTX in the fat binary.
#include <cstring>
#include <string>

#include "kernels/software_gpu/runtime/runtime.h"

namespace xr::software_gpu {

namespace {

template <class T>
T read(const u8* from) {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

// .nvFatBinSegment
struct Wrapper {
  u32 magic, version;
  const u8* data;
  const void* file;
};

}  // namespace

// A header (magic, u16 version at 4, u16 its size at 6, u64 the size of the rest at 8), then entries, each with a header
// (u16 kind: 1 is PTX, 2 a cubin; u32 the header's size at 4, u64 the payload's at 8, u64 flags at 40) and its payload.
// CUDA does not document this; found by looking at what nvcc 12 and 13 write.
std::unique_ptr<Module> read_fat_binary(const void* wrapper) {
  constexpr u32 wrapper_magic = 0x466243b1, magic = 0xba55ed50;
  constexpr u64 compressed = 0xf000;
  constexpr u16 ptx = 1;
  Wrapper head;
  std::memcpy(&head, wrapper, sizeof(head));
  if (head.magic != wrapper_magic || read<u32>(head.data) != magic)
    end_program("the fat binary has a format that is not known");
  auto module = std::make_unique<Module>();
  const u8* at = head.data + read<u16>(head.data + 6);
  const u8* const end = at + read<u64>(head.data + 8);
  while (at < end) {
    const u32 header = read<u32>(at + 4);
    const u64 size = read<u64>(at + 8);
    if (read<u16>(at) == ptx) {
      if ((read<u64>(at + 40) & compressed) != 0)
        end_program("the PTX in the program is compressed: nvcc needs --no-compress");
      const std::string_view text(reinterpret_cast<const char*>(at + header), size);
      module->texts.push_back(text.substr(0, text.find('\0')));
    }
    at += header + size;
  }
  return module;
}

}  // namespace xr::software_gpu

using xr::software_gpu::end_program;
using xr::software_gpu::Module;
using xr::software_gpu::runtime;

extern "C" {

void** __cudaRegisterFatBinary(void* wrapper) {
  return reinterpret_cast<void**>(xr::software_gpu::read_fat_binary(wrapper).release());
}
// Kernels are decoded when they are used first, or all of a module here.
void __cudaRegisterFatBinaryEnd(void** handle) {
  const std::lock_guard lock(runtime().mutex);
  if (!xr::software_gpu::options().decode_all) return;
  for (const auto& [host, function] : runtime().functions)
    if (function.module == reinterpret_cast<Module*>(handle)) (void)xr::software_gpu::find_function(host);
}
void __cudaUnregisterFatBinary(void** /*handle*/) {}

void __cudaRegisterFunction(void** handle, const char* host, char* /*device_function*/, const char* name,
                            int /*thread_limit*/, uint3* /*tid*/, uint3* /*bid*/, dim3* /*block*/,
                            dim3* /*grid*/, int* /*warp_size*/) {
  const std::lock_guard lock(runtime().mutex);
  xr::software_gpu::Function& function = runtime().functions[host];
  function.module = reinterpret_cast<Module*>(handle);
  function.name = name;
}

void __cudaRegisterVar(void** /*handle*/, char* /*host*/, char* /*device_address*/, const char* name,
                       int /*ext*/, std::size_t /*size*/, int /*constant*/, int /*global*/) {
  end_program("variables of the device are not known: " + std::string(name));
}

char __cudaInitModule(void** /*handle*/) {
  return 0;
}

}  // extern "C"
