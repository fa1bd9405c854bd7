#include "kernels/error.h"

namespace xr::detail {

void throw_check_failure(const char* expression, const char* file, int line, const std::string& message) {
  throw Error(message, fmt::format("{} [{}:{}]", expression, file, line));
}

}  // namespace xr::detail
