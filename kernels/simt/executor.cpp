#include "kernels/simt/executor.h"

#include <mutex>

#include "kernels/common/error.h"
#include "kernels/simt/program_image.h"
#include "kernels/simt/scheduler.h"

namespace xr::kernels::simt::detail {

namespace {

std::mutex mutex;  // one launch at a time
thread_local bool inside_launch = false;

struct Inside {
  Inside() { inside_launch = true; }
  ~Inside() { inside_launch = false; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
};

}  // namespace

void run_grid(dim3 grid, dim3 block, std::size_t shared_bytes, Body body) {
  const auto fits = [](const dim3& size, unsigned x, unsigned y, unsigned z) {
    return size.x > 0 && size.y > 0 && size.z > 0 && size.x <= x && size.y <= y && size.z <= z;
  };
  XR_CHECK(fits(grid, 0x7FFFFFFF, 65535, 65535),
           "simt: {}: a grid of {} x {} x {} blocks: there must be 1 to 2147483647 x 65535 x 65535",
           function_name(body.kernel), grid.x, grid.y, grid.z);
  XR_CHECK(fits(block, 1024, 1024, 64) && block.x * block.y * block.z <= max_threads_per_block,
           "simt: {}: a block of {} x {} x {} threads: there must be 1 to 1024 x 1024 x 64, {} in all",
           function_name(body.kernel), block.x, block.y, block.z, max_threads_per_block);
  XR_CHECK(shared_bytes <= max_shared_bytes, "simt: {}: {} bytes of dynamic shared memory: {} are there",
           function_name(body.kernel), shared_bytes, max_shared_bytes);
  XR_CHECK(!inside_launch, "simt: {} was launched from within a kernel: kernels cannot launch kernels here",
           function_name(body.kernel));
  const std::lock_guard lock(mutex);
  const Inside inside;
  executor().run(grid, block, shared_bytes, body);
}

void fail(const Site& site, const std::string& what) {
  executor().fail(site, what);
}
void* dynamic_shared() {
  return executor().dynamic_shared();
}
unsigned thread_rank() {
  return executor().rank();
}
BarrierResult barrier(int predicate, const Site& site) {
  return executor().barrier(predicate, site);
}
void meet(unsigned mask, const void* in, void* out, const Meeting& meeting, const Site& site) {
  executor().meet(mask, in, out, meeting, site);
}

}  // namespace xr::kernels::simt::detail
