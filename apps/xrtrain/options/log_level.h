// How important a line of output is.
#pragma once

#include <cstdint>

namespace xr::apps {

enum class LogLevel : std::uint8_t { debug, info, warning };

}  // namespace xr::apps
