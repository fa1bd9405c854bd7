// Asynchronous copies that have not landed, as the scheduler sees them.
#pragma once

namespace xr::kernels::simt::detail {

/// An Error if the running thread, which has ended, has not waited for all of its copies.
void check_copies_landed();
/// Drops what the threads of a failed block were copying.
void forget_copies();

}  // namespace xr::kernels::simt::detail
