#include <cstdio>

#include "kernels/software_gpu/block.h"

namespace xr::software_gpu {

std::string place_of(const Kernel& kernel, const Instruction& instruction) {
  const auto file = kernel.files.find(instruction.file);
  std::string text =
      file == kernel.files.end() ? "" : file->second + ":" + std::to_string(instruction.source_line) + ", ";
  return text + "PTX line " + std::to_string(instruction.line) + ": " + kernel.texts[instruction.text];
}

std::string triple(const u32* values) {
  char text[40];
  std::snprintf(text, sizeof(text), "(%u,%u,%u)", values[0], values[1], values[2]);
  return text;
}

std::string hex(u64 v) {
  char text[24];
  std::snprintf(text, sizeof(text), "0x%llx", static_cast<unsigned long long>(v));
  return text;
}

void fault(const Warp& warp, const Instruction& instruction, int lane, const std::string& what) {
  const Block& block = *warp.block;
  const u32 t = warp.index * 32 + static_cast<u32>(lane);
  const u32 thread[3] = {t % block.size[0], t / block.size[0] % block.size[1],
                         t / (block.size[0] * block.size[1])};
  throw Fault(block.kernel->title + ", block " + triple(block.index) + ", thread " + triple(thread) + ": " +
              what + "\n    at " + place_of(*block.kernel, instruction));
}

}  // namespace xr::software_gpu
