// What to do about an error of the libraries, which name no option: the one place for such advice.
#pragma once

#include <string>
#include <string_view>

#include "kernels/common/error.h"

namespace xr::command_line {

/// "; use --device cpu", to be appended to the message; empty if there is nothing to add.
[[nodiscard]] std::string_view remedy_for(const ErrorCode& code);
/// The error's message and its remedy.
[[nodiscard]] std::string with_remedy(const Error& error);

}  // namespace xr::command_line
