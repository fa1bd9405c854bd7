#include "kernels/simt/config.h"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>

#include "kernels/common/error.h"

namespace xr::kernels::simt {

namespace {

constexpr std::string_view names[] = {"forward", "reverse", "shuffled", "warp_first"};
constexpr std::string_view mma_sums[] = {"nearest", "toward_zero", "aligned"};

std::mutex config_mutex;
std::optional<Config> current;

}  // namespace

Order parse_order(std::string_view name) {
  for (int i = 0; i < 4; ++i)
    if (names[i] == name) return static_cast<Order>(i);
  throw Error(fmt::format(
      "XR_SIMT_ORDER=\"{}\" is not an order of threads: use forward, reverse, shuffled or warp_first", name));
}

std::string_view order_name(Order order) {
  return names[static_cast<int>(order)];
}

MmaSum parse_mma_sum(std::string_view name) {
  for (int i = 0; i < 3; ++i)
    if (mma_sums[i] == name) return static_cast<MmaSum>(i);
  throw Error(
      fmt::format("XR_SIMT_MMA=\"{}\" is not a rounding mode: use nearest, toward_zero or aligned", name));
}

Config config_from_environment(const char* order, const char* seed, const char* mma_sum) {
  Config config;
  if (mma_sum != nullptr) config.mma_sum = parse_mma_sum(mma_sum);
  if (order != nullptr) config.order = parse_order(order);
  if (seed != nullptr) {
    const char* end = seed + std::strlen(seed);
    const auto [stop, error] = std::from_chars(seed, end, config.seed);
    XR_CHECK(error == std::errc() && stop == end, "XR_SIMT_SEED=\"{}\" is not a whole number", seed);
  }
  return config;
}

Config config() {
  const std::lock_guard lock(config_mutex);
  if (!current)
    current = config_from_environment(std::getenv("XR_SIMT_ORDER"), std::getenv("XR_SIMT_SEED"),
                                      std::getenv("XR_SIMT_MMA"));
  return *current;
}

void set_config(const Config& config) {
  const std::lock_guard lock(config_mutex);
  current = config;
}

}  // namespace xr::kernels::simt
