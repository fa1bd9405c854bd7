// Errors: one exception type, one check macro.
#pragma once

#include <fmt/core.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace xr {

/// What every part of the project throws. what() is one line for a user: the thing, the value, the remedy.
/// where() is for a developer: the failed expression with file and line.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, std::string where = {})
      : std::runtime_error(message), where_(std::move(where)) {}
  [[nodiscard]] const std::string& where() const noexcept { return where_; }

 private:
  std::string where_;
};

namespace detail {
[[noreturn]] void throw_check_failure(const char* expression, const char* file, int line,
                                      fmt::string_view format, fmt::format_args arguments);

/// Formatting happens out of line: a check costs its caller a comparison and a call.
template <class... Arguments>
[[noreturn]] void check_failed(const char* expression, const char* file, int line,
                               fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  throw_check_failure(expression, file, line, format, fmt::make_format_args(arguments...));
}
}  // namespace detail

}  // namespace xr

/// Throws xr::Error with the formatted message unless `condition` holds. The message is built only on failure.
#define XR_CHECK(condition, ...)                                               \
  do {                                                                         \
    if (!(condition)) [[unlikely]]                                             \
      ::xr::detail::check_failed(#condition, __FILE__, __LINE__, __VA_ARGS__); \
  } while (false)
