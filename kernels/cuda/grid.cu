#include "kernels/cuda/device/grid.h"

#include <charconv>
#include <cstdlib>
#include <string_view>
#include <system_error>

namespace xr::kernels::XR_DEVICE_NAMESPACE {

std::int64_t max_grid_stride_blocks() {
  static const std::int64_t most = [] {
    std::int64_t blocks = 64 * max_multiprocessors;
    const char* const value = std::getenv("XR_MAX_BLOCKS");
    if (value == nullptr) return blocks;
    const std::string_view text(value);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), blocks);
    XR_CHECK(error == std::errc() && end == text.data() + text.size() && blocks >= 1,
             "XR_MAX_BLOCKS is '{}', not a number above zero", text);
    return blocks;
  }();
  return most;
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
