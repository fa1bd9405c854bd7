// Comparison of figures.
#pragma once

#include <catch2/catch.hpp>
#include <cmath>
#include <optional>

namespace xr::statistics::test {

/// Fails for an undefined value and for NaN. The tolerance is relative for expectations above 1.
inline void check_near(const std::optional<double>& value, double expected, double tolerance = 1e-10) {
  INFO("expected " << expected);
  REQUIRE(value);
  INFO("found " << *value);
  CHECK(std::abs(*value - expected) <= tolerance * std::max(1.0, std::abs(expected)));
}

}  // namespace xr::statistics::test
