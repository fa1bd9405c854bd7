#include <algorithm>

#include "kernels/software_gpu/memory/access.h"

namespace xr::software_gpu {

namespace {

Counter& counter(const Warp& warp, const Instruction& instruction) {
  return warp.block->counters[static_cast<std::size_t>(&instruction - warp.block->kernel->code.data())];
}

}  // namespace

void count_sectors(const Warp& warp, const Instruction& instruction, u32 lanes, u32 bytes, const u64* a) {
  Counter& c = counter(warp, instruction);
  u64 sectors[1024];
  int n = 0;
  each(lanes, [&](int lane) {
    for (u64 s = a[lane] / 32; s <= (a[lane] + bytes - 1) / 32; ++s)
      if (n == 0 || sectors[n - 1] != s) sectors[n++] = s;
  });
  std::sort(sectors, sectors + n);
  n = static_cast<int>(std::unique(sectors, sectors + n) - sectors);
  u64 touched[32];
  int m = 0;
  each(lanes, [&](int lane) { touched[m++] = a[lane]; });
  std::sort(touched, touched + m);
  const u64 distinct = static_cast<u64>(std::unique(touched, touched + m) - touched);
  ++c.requests;
  c.sectors += static_cast<u64>(n);
  for (int i = 0; i < n; ++i) warp.block->touched.add(sectors[i]);
  c.ideal_sectors += (distinct * bytes + 31) / 32;
}

void count_wavefronts(const Warp& warp, const Instruction& instruction, u32 lanes, u32 bytes, const u64* a) {
  Counter& c = counter(warp, instruction);
  const int part = bytes <= 4 ? 32 : bytes == 8 ? 16 : 8;
  u64 total = 0, ideal = 0;
  for (int first = 0; first < 32; first += part) {
    u64 words[32][40];
    int depth[32]{}, worst = 0;
    bool any = false;
    for (int lane = first; lane < first + part; ++lane) {
      if ((lanes >> lane & 1) == 0) continue;
      any = true;
      for (u64 word = a[lane] / 4; word <= (a[lane] + bytes - 1) / 4; ++word) {
        const int bank = static_cast<int>(word % 32);
        if (std::find(words[bank], words[bank] + depth[bank], word) == words[bank] + depth[bank]) {
          words[bank][depth[bank]++] = word;
          worst = std::max(worst, depth[bank]);
        }
      }
    }
    if (!any) continue;
    total += static_cast<u64>(worst);
    ++ideal;
  }
  ++c.shared_requests;
  c.wavefronts += total;
  c.ideal_wavefronts += ideal;
}

}  // namespace xr::software_gpu
