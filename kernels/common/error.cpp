#include "kernels/common/error.h"

namespace xr::detail {

void throw_check_failure(ErrorCode code, const char* expression, const char* file, int line,
                         fmt::string_view format, fmt::format_args arguments) {
  throw Error(code, fmt::vformat(format, arguments), fmt::format("{} [{}:{}]", expression, file, line));
}

}  // namespace xr::detail
