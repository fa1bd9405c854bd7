// The order in which the executor runs threads.
#pragma once

#include <cstdint>
#include <string_view>

namespace xr::kernels::simt {

/// Which thread of a block runs next whenever one waits or ends.
enum class Order {
  forward,    ///< by thread number, each on to where it waits
  reverse,    ///< from the last to the first, also for blocks
  shuffled,   ///< a new random permutation after every barrier, and for blocks
  warp_first  ///< each warp runs on to its next block-wide barrier, then the next warp
};

struct Config {
  Order order = Order::forward;
  std::uint64_t seed = 1;  ///< of the permutations
};

/// "forward", "reverse", "shuffled" or "warp_first"; another name is an Error that lists them.
Order parse_order(std::string_view name);
std::string_view order_name(Order order);

/// From the text of XR_SIMT_ORDER and XR_SIMT_SEED, null where they are not set. An Error if it makes no
/// sense.
Config config_from_environment(const char* order, const char* seed);

/// What the next launch follows: at first the environment variables XR_SIMT_ORDER and XR_SIMT_SEED, if they
/// are set. An Error if they make no sense.
Config config();
void set_config(const Config& config);

}  // namespace xr::kernels::simt
