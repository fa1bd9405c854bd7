// A page with one of everything, names chosen to hurt.
#pragma once

#include "apps/html/page.h"

namespace xr::html {

[[nodiscard]] Page sample_page();

}  // namespace xr::html
