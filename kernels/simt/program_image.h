// What the running program's files say about it: where static shared memory lies, and what functions are
// called.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace xr::kernels::simt::detail {

/// The memory of all `__shared__` variables, of every loaded object: the sections that XR_SIMT_STATIC_SHARED
/// (device.h) puts them into.
std::vector<std::span<std::byte>> static_shared_memory();

/// The name of the function at `address`, without its parameters; "a kernel" where symbols were stripped.
std::string function_name(const void* address);

}  // namespace xr::kernels::simt::detail
