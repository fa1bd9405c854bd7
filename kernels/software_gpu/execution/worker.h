// One thread of the host that runs blocks; its memory is used again from launch to launch.
#pragma once

#include <vector>

#include "kernels/software_gpu/block.h"
#include "kernels/software_gpu/launch.h"

namespace xr::software_gpu {

class Worker {
 public:
  u64 steps = 0;  ///< warp instructions

  void prepare(const Launch& launch, Counting counting);
  /// Throws Fault.
  void run_block(u64 number);
  /// Of the blocks since prepare(), by instruction; empty if they were not counted.
  [[nodiscard]] const std::vector<Counter>& counters() const { return block_.counters; }
  [[nodiscard]] const SectorSet& touched() const { return block_.touched; }

 private:
  void begin_block(u64 number);
  void set_specials(Warp& warp) const;
  void check_barriers() const;
  void next_epoch();

  Block block_;
  std::vector<Warp> warps_;
  std::vector<u8> registers_;
  bool first_block_ = true;
};

/// Whether the name is a special register's that has a value here.
bool is_special_register(const std::string& name);

}  // namespace xr::software_gpu
