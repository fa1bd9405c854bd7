// What is said when the program cannot go on.
#pragma once

#include <exception>
#include <string>

namespace xr::apps {

struct Failure {
  int status = 1;       ///< exit status, see errors.h
  std::string message;  ///< with what to do about it
};

[[nodiscard]] Failure describe_failure(const std::exception_ptr& error);

/// "xrtrain: error: ..." on one line, without its end.
[[nodiscard]] std::string error_line(const std::string& message, bool with_colours = false);

}  // namespace xr::apps
