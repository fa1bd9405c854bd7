#include "kernels/simt/warp.h"

#include <bit>

#include "kernels/common/error.h"

namespace xr::kernels::simt::detail {

void fail_absent_lane(int lane, int source, unsigned lanes, const Site& site) {
  fail(site, fmt::format("lane {} reads from lane {}, which does not take part: the lanes {:#010x} do", lane,
                         source, lanes));
}

int last_lane_of_segment(int width, unsigned distance, const Site& site) {
  if (width < 1 || width > 32 || !std::has_single_bit(static_cast<unsigned>(width)))
    fail(site, fmt::format("the width is {}: 1, 2, 4, 8, 16 and 32 can be", width));
  if (distance >= 32)
    fail(site, fmt::format("the distance between lanes is {}: it must be under 32", distance));
  return lane() | (width - 1);
}

}  // namespace xr::kernels::simt::detail
