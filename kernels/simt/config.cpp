#include "kernels/simt/config.h"

#include <charconv>
#include <cstdlib>
#include <mutex>
#include <optional>

#include "kernels/error.h"

namespace xr::kernels::simt {

namespace {

constexpr std::string_view names[] = {"forward", "reverse", "shuffled", "warp_first"};

std::mutex config_mutex;
std::optional<Config> current;

Config from_environment() {
  Config config;
  if (const char* order = std::getenv("XR_SIMT_ORDER")) config.order = parse_order(order);
  if (const char* text = std::getenv("XR_SIMT_SEED")) {
    const std::string_view seed = text;
    const auto [end, error] = std::from_chars(seed.data(), seed.data() + seed.size(), config.seed);
    XR_CHECK(error == std::errc() && end == seed.data() + seed.size(),
             "XR_SIMT_SEED=\"{}\" is not a whole number", seed);
  }
  return config;
}

}  // namespace

Order parse_order(std::string_view name) {
  for (int i = 0; i < 4; ++i)
    if (names[i] == name) return static_cast<Order>(i);
  throw Error(fmt::format(
      "XR_SIMT_ORDER=\"{}\" is no order of threads: use forward, reverse, shuffled or warp_first", name));
}

std::string_view order_name(Order order) {
  return names[static_cast<int>(order)];
}

Config config() {
  const std::lock_guard lock(config_mutex);
  if (!current) current = from_environment();
  return *current;
}

void set_config(const Config& config) {
  const std::lock_guard lock(config_mutex);
  current = config;
}

}  // namespace xr::kernels::simt
