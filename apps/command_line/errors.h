// A wrong request: what both programs end with exit status 2 for.
#pragma once

#include <filesystem>

#include "kernels/common/error.h"

namespace xr::command_line {

/// Options that make no sense, a device that is not there.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// Calls `action`; an error of the parts below becomes an `As`, with the same message.
template <class As, class Action>
auto errors_as(Action&& action) {
  try {
    return action();
  } catch (const Error& error) {
    throw As(error.code(), error.what(), error.where());
  } catch (const std::filesystem::filesystem_error& error) {
    throw As(error.what());
  }
}

}  // namespace xr::command_line
