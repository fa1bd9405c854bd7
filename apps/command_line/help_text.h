// --help and -h, as text of at most 100 columns.
#pragma once

#include <string>

#include "apps/command_line/description.h"

namespace xr::command_line {

/// `program`: the name before the command's own; empty for the program itself. `brief`: one line an option: as much of it
/// as fits, the default always.
[[nodiscard]] std::string help_text(const CommandDescription& command, const std::string& program,
                                    bool brief = false);

/// Words of `text` in lines of at most `width` columns, the second and later ones indented.
[[nodiscard]] std::string wrap(const std::string& text, std::size_t width, std::size_t indent);

}  // namespace xr::command_line
