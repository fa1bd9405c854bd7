// What can go wrong, by exit status.
#pragma once

#include <filesystem>

#include "kernels/common/error.h"

namespace xr::apps {

/// The program's exit statuses.
enum ExitStatus : int {
  exit_done = 0,
  exit_failed = 1,
  exit_usage = 2,
  exit_data = 3,
  exit_findings = 4,  ///< audit --fail-on found something
};

/// Options that make no sense: exit status 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// Images, folders, checkpoints that cannot be used: exit status 3.
class DataError : public Error {
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

}  // namespace xr::apps
