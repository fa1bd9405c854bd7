// --help, as text of at most 100 columns.
#pragma once

#include <string>

#include "apps/command_line/description.h"

namespace xr::command_line {

/// `program`: the name before the command's own; empty for the program itself.
[[nodiscard]] std::string help_text(const CommandDescription& command, const std::string& program);

/// Words of `text` in lines of at most `width` columns, the second and later ones indented.
[[nodiscard]] std::string wrap(const std::string& text, std::size_t width, std::size_t indent);

}  // namespace xr::command_line
