// What the parts of the executor tell each other.
#pragma once

namespace xr::kernels::simt::detail {

/// The running thread has returned: an Error if it left asynchronous copies pending.
void thread_ended();
/// Forgets what a block that failed has left.
void block_ended();

}  // namespace xr::kernels::simt::detail
