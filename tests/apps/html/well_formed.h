// Whether markup is well-formed.
#pragma once

#include <string>
#include <string_view>

namespace xr::html {

/// Empty if every tag is closed in order, every attribute quoted and every & a reference; else what is wrong.
[[nodiscard]] std::string markup_fault(std::string_view text);

}  // namespace xr::html
