// What the machine can do at most, measured in the same run as the kernels.
#pragma once

#include "apps/xrbench/race.h"

namespace xr::bench {

struct CeilingSettings {
  std::int64_t copied_bytes = std::int64_t{512} << 20;  ///< of one of the two arrays
  std::int64_t matrix = 2048;                           ///< rows and columns of the product
};

/// The fastest sample of the fastest way: of copies, and of large square products in the race's precision by
/// the own kernel and, if the race has them, the libraries. Throws Error if none of these is right.
[[nodiscard]] Ceilings measure_ceilings(kernels::Backend& backend, const CeilingSettings& settings,
                                        const RaceSettings& race);

/// The product's rate from a race: of its right kernels. Throws Error if there is none.
void take_product_ceiling(const RaceResult& result, Ceilings& ceilings);

}  // namespace xr::bench
