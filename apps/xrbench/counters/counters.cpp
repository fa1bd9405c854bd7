#include "apps/xrbench/counters/counters.h"

#include <numeric>

namespace xr::bench {

Traffic& Traffic::operator+=(const Traffic& other) {
  requests += other.requests, units += other.units, least += other.least;
  return *this;
}

double Traffic::ratio() const {
  return least == 0 ? 1 : static_cast<double>(units) / static_cast<double>(least);
}

double Traffic::per_request() const {
  return requests == 0 ? 0 : static_cast<double>(units) / static_cast<double>(requests);
}

std::int64_t LaunchCounters::all_instructions() const {
  return std::accumulate(instructions.begin(), instructions.end(), std::int64_t{0});
}

}  // namespace xr::bench
