// The order in which the executor runs threads, and how its tensor cores round.
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

/// How a tensor core adds products to the sum that it is given: exactly, then one rounding, to the nearest float or
/// towards zero; or with each term cut to 26 bits below the exponent of the largest, then towards zero. GPUs round
/// towards zero (M. Fasi and others, "Numerical behavior of NVIDIA tensor
/// cores", PeerJ Computer Science 7:e330, 2021).
enum class MmaSum { nearest, toward_zero, aligned };

struct Config {
  Order order = Order::forward;
  std::uint64_t seed = 1;  ///< of the permutations
  MmaSum mma_sum = MmaSum::toward_zero;
};

/// "forward", "reverse", "shuffled" or "warp_first"; another name is an Error that lists them.
Order parse_order(std::string_view name);
std::string_view order_name(Order order);
/// "nearest", "toward_zero" or "aligned"; another name is an Error that lists them.
MmaSum parse_mma_sum(std::string_view name);

/// From the text of XR_SIMT_ORDER, XR_SIMT_SEED and XR_SIMT_MMA, null where they are not set. An Error if it makes no
/// sense.
Config config_from_environment(const char* order, const char* seed, const char* mma_sum);

/// What the next launch follows: at first these environment variables, if they are set. An Error if they make no sense.
Config config();
void set_config(const Config& config);

}  // namespace xr::kernels::simt
