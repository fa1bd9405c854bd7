// The command reference in the forms that other programs read: a page of documentation, a man page, completion.
#pragma once

#include <string>

#include "apps/command_line/description.h"

namespace xr::command_line {

/// A section for each command, with tables of options.
[[nodiscard]] std::string markdown_reference(const CommandDescription& program);
/// Section 1, in man(7) macros. `version`: "xrtrain 0.1.0".
[[nodiscard]] std::string man_page(const CommandDescription& program, const std::string& version);
/// To be sourced, or put into bash-completion's folder.
[[nodiscard]] std::string bash_completion(const CommandDescription& program);
/// A function _PROGRAM for a folder of fpath.
[[nodiscard]] std::string zsh_completion(const CommandDescription& program);

}  // namespace xr::command_line
