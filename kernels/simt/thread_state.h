// What the parts of the executor tell each other.
#pragma once

namespace xr::kernels::simt::detail {

/// An Error if the running thread, which has ended, has not waited for all of its asynchronous copies.
void check_copies_landed();
/// Drops what the threads of a failed block were copying.
void forget_copies();

}  // namespace xr::kernels::simt::detail
