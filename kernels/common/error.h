// Errors: one exception type, one check macro.
#pragma once

#include <fmt/core.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace xr {

/// A stable identifier, "out-of-memory", by which a program tells errors apart (error_codes.h lists them).
struct ErrorCode {
  std::string_view name = "error";  ///< of a literal

  friend constexpr bool operator==(const ErrorCode&, const ErrorCode&) = default;
};

/// What every part of the project throws. what() is one line for a user: the thing and the value. where() is
/// for a developer: the failed expression with file and line.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, std::string where = {})
      : std::runtime_error(message), where_(std::move(where)) {}
  Error(ErrorCode code, const std::string& message, std::string where = {})
      : std::runtime_error(message), code_(code), where_(std::move(where)) {}
  [[nodiscard]] const ErrorCode& code() const noexcept { return code_; }
  [[nodiscard]] const std::string& where() const noexcept { return where_; }

 private:
  ErrorCode code_;
  std::string where_;
};

namespace detail {
[[noreturn]] void throw_check_failure(ErrorCode code, const char* expression, const char* file, int line,
                                      fmt::string_view format, fmt::format_args arguments);

/// Formatting happens out of line: a check costs its caller a comparison and a call.
template <class... Arguments>
[[noreturn]] void check_failed(ErrorCode code, const char* expression, const char* file, int line,
                               fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  throw_check_failure(code, expression, file, line, format, fmt::make_format_args(arguments...));
}
}  // namespace detail

}  // namespace xr

/// Throws xr::Error with the formatted message unless `condition` holds. The message is built only on failure.
#define XR_CHECK(condition, ...)                                                                  \
  do {                                                                                            \
    if (!(condition)) [[unlikely]]                                                                \
      ::xr::detail::check_failed(::xr::ErrorCode(), #condition, __FILE__, __LINE__, __VA_ARGS__); \
  } while (false)

/// The same; the error carries the code `of_error`.
#define XR_CHECK_CODE(condition, of_error, ...)                                            \
  do {                                                                                     \
    if (!(condition)) [[unlikely]]                                                         \
      ::xr::detail::check_failed((of_error), #condition, __FILE__, __LINE__, __VA_ARGS__); \
  } while (false)
