// Images whose pixels hold nothing, or were stored otherwise than the rest.
#pragma once

#include "apps/audit/check.h"
#include "apps/audit/scan.h"

namespace xr::audit {

/// Images of one grey level.
[[nodiscard]] Check check_blank(const Scan& scan);
/// Images with an alpha channel that is not opaque; worse, those that have their picture in it alone.
[[nodiscard]] Check check_transparency(const Scan& scan);
/// Images of 8 bits among those of more, and of more than 8 bits with different numbers of them in use.
[[nodiscard]] Check check_depths(const Scan& scan);
/// Images with black and white exchanged among others (polarity.h).
[[nodiscard]] Check check_polarity(const Scan& scan);

/// All of these.
[[nodiscard]] std::vector<Check> check_pixels(const Scan& scan);

}  // namespace xr::audit
