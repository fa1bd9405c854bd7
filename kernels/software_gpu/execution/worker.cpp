#include "kernels/software_gpu/execution/worker.h"

#include <algorithm>

#include "kernels/software_gpu/execution/warp_run.h"
#include "kernels/software_gpu/memory/global_races.h"
#include "kernels/software_gpu/options.h"

namespace xr::software_gpu {

namespace {

u32 special_value(const std::string& name, const Warp& warp, u32 lane) {
  const Block& block = *warp.block;
  const u32 thread = warp.index * 32 + lane;
  const u32 axis = static_cast<u32>(name.back() - 'x');
  if (name.starts_with("%tid."))
    return axis == 0   ? thread % block.size[0]
           : axis == 1 ? thread / block.size[0] % block.size[1]
                       : thread / (block.size[0] * block.size[1]);
  if (name.starts_with("%ntid.")) return block.size[axis];
  if (name.starts_with("%ctaid.")) return block.index[axis];
  if (name.starts_with("%nctaid.")) return block.grid[axis];
  if (name == "%laneid") return lane;
  if (name == "%warpid") return warp.index;
  if (name == "%nwarpid") return (block.threads + 31) / 32;
  if (name == "%lanemask_lt") return (1u << lane) - 1;
  if (name == "%lanemask_le") return (2u << lane) - 1;
  if (name == "%lanemask_eq") return 1u << lane;
  if (name == "%lanemask_gt") return ~((2u << lane) - 1);
  if (name == "%lanemask_ge") return ~((1u << lane) - 1);
  return 0;
}

}  // namespace

bool is_special_register(const std::string& name) {
  static const char* const known[] = {
      "%tid.x",   "%tid.y",       "%tid.z",       "%ntid.x",      "%ntid.y",      "%ntid.z",     "%ctaid.x",
      "%ctaid.y", "%ctaid.z",     "%nctaid.x",    "%nctaid.y",    "%nctaid.z",    "%laneid",     "%warpid",
      "%nwarpid", "%lanemask_lt", "%lanemask_le", "%lanemask_eq", "%lanemask_gt", "%lanemask_ge"};
  return std::find(std::begin(known), std::end(known), name) != std::end(known);
}

void Worker::prepare(const Launch& launch, Counting counting) {
  Kernel& kernel = *launch.kernel;
  block_.kernel = &kernel;
  block_.device = launch.device;
  block_.parameters = launch.parameters.data();
  block_.threads = launch.block[0] * launch.block[1] * launch.block[2];
  std::copy_n(launch.grid, 3, block_.grid);
  std::copy_n(launch.block, 3, block_.size);
  block_.shared.resize(kernel.static_shared + launch.dynamic_shared);
  block_.state.resize(block_.shared.size());
  block_.shadow.resize(std::max(block_.shadow.size(), block_.shared.size() / 4 + 4));
  block_.found.assign(kernel.code.size(), {});
  block_.counting = counting;
  block_.touched.clear();
  block_.counters.assign(counting == Counting::none ? 0 : kernel.code.size(), {});
  const std::size_t warps = (block_.threads + 31) / 32;
  warps_.resize(warps);
  registers_.resize(std::max(registers_.size(), warps * kernel.register_bytes));
  for (std::size_t i = 0; i < warps; ++i) {
    Warp& warp = warps_[i];
    warp.block = &block_;
    warp.index = static_cast<u32>(i);
    warp.bank[0] = registers_.data() + i * kernel.register_bytes;
    warp.bank[1] = reinterpret_cast<u8*>(kernel.constants.data());
  }
  first_block_ = true;
}

void Worker::set_specials(Warp& warp) const {
  for (const SpecialRegister& special : block_.kernel->specials)
    if (first_block_ || special.name.starts_with("%ctaid"))
      for (u32 lane = 0; lane < 32; ++lane)
        warp.reg<u32>(special.offset)[lane] = special_value(special.name, warp, lane);
}

void Worker::begin_block(u64 number) {
  block_.index[0] = static_cast<u32>(number % block_.grid[0]);
  block_.index[1] = static_cast<u32>(number / block_.grid[0] % block_.grid[1]);
  block_.index[2] = static_cast<u32>(number / block_.grid[0] / block_.grid[1]);
  std::fill(block_.shared.begin(), block_.shared.end(), u8{0xff});
  std::fill(block_.state.begin(), block_.state.end(), Block::unwritten);
  next_epoch();
  begin_global_block();
  for (Warp& warp : warps_) {
    const u32 left = block_.threads - warp.index * 32;
    warp.alive = warp.active = left >= 32 ? all_lanes : (1u << left) - 1;
    warp.pc = 0, warp.next_pc = nowhere, warp.at_barrier = false;
    warp.others.clear(), warp.copies.clear();
    std::fill_n(warp.committed, 32, 0u);
    warp.local.assign(32 * block_.kernel->local_bytes, 0xff);
    set_specials(warp);
  }
  first_block_ = false;
}

// Each warp runs to its next barrier, then the next warp: the largest lead that one may have over another.
void Worker::run_block(u64 number) {
  begin_block(number);
  for (bool left = true; left;) {
    left = false;
    for (std::size_t i = 0; i < warps_.size(); ++i) {
      Warp& warp = warps_[options().reverse ? warps_.size() - 1 - i : i];
      if (warp.alive == 0) continue;
      warp.at_barrier = false;
      steps += run_warp(warp, block_.counting != Counting::none);
      left = left || warp.at_barrier;
    }
    check_barriers();
    next_epoch();
  }
}

// bar.sync does not tell barriers apart, so a GPU goes on, with warps at different places of the program.
void Worker::check_barriers() const {
  const Warp* first = nullptr;
  for (const Warp& warp : warps_) {
    if (warp.alive == 0 || !warp.at_barrier) continue;
    if (first == nullptr) first = &warp;
    if (warp.pc == first->pc) continue;
    const Kernel& kernel = *block_.kernel;
    throw Fault(kernel.title + ", block " + triple(block_.index) +
                ": warps wait at different barriers:\n    warp " + std::to_string(first->index) + " at " +
                place_of(kernel, kernel.code[first->pc - 1]) + "\n    warp " + std::to_string(warp.index) +
                " at " + place_of(kernel, kernel.code[warp.pc - 1]));
  }
}

void Worker::next_epoch() {
  if (++block_.epoch < last_epoch) return;
  block_.epoch = 1;
  std::fill(block_.shadow.begin(), block_.shadow.end(), Shadow{});
}

}  // namespace xr::software_gpu
