// What can go wrong, by exit status.
#pragma once

#include "apps/command_line/errors.h"

namespace xr::apps {

/// The program's exit statuses.
enum ExitStatus : int {
  exit_done = 0,
  exit_failed = 1,
  exit_usage = 2,
  exit_data = 3,
  exit_findings = 4,  ///< audit --fail-on found something
};

using command_line::errors_as;
using command_line::UsageError;  // exit status 2

/// Images, folders, checkpoints that cannot be used: exit status 3.
class DataError : public Error {
 public:
  using Error::Error;
};

}  // namespace xr::apps
