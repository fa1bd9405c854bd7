// Terminals, and colours on them.
#pragma once

#include <string>

namespace xr::apps {

enum class Colour { red, yellow, green };

/// Whether a person reads what is written to this file descriptor as it comes: a terminal, and not one that a launcher of
/// several processes made to collect it.
[[nodiscard]] bool is_terminal(int descriptor);

/// Whether what is written to this file descriptor may have colours: a terminal that is not "dumb", unless NO_COLOR is set
/// to anything (https://no-color.org).
[[nodiscard]] bool has_colours(int descriptor);

/// The text between the terminal's codes for a colour in bold (ECMA-48, SGR) if `shown`, else as it is.
[[nodiscard]] std::string coloured(const std::string& text, Colour colour, bool shown);

}  // namespace xr::apps
