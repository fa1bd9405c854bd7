// Colours on a terminal.
#pragma once

#include <string>

namespace xr::apps {

enum class Colour { red, yellow, green };

/// Whether what is written to this file descriptor may have colours: a terminal that is not "dumb", unless NO_COLOR is set
/// to anything (https://no-color.org).
[[nodiscard]] bool has_colours(int descriptor);

/// The text between the terminal's codes for a colour in bold (ECMA-48, SGR) if `shown`, else as it is.
[[nodiscard]] std::string coloured(const std::string& text, Colour colour, bool shown);

}  // namespace xr::apps
