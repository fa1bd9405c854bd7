// What can go wrong, by exit status: 2 for a wrong request, as in xrtrain, 1 for all else.
#pragma once

#include "kernels/common/error.h"

namespace xr::bench {

/// Options that make no sense here, a device that is not there: exit status 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// Calls `action`; an Error becomes a UsageError with the same message.
template <class Action>
auto errors_of_usage(Action&& action) {
  try {
    return action();
  } catch (const Error& error) {
    throw UsageError(error.code(), error.what(), error.where());
  }
}

}  // namespace xr::bench
