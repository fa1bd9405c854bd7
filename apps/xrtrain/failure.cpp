#include "apps/xrtrain/failure.h"

#include <fmt/format.h>

#include <new>

#include "apps/command_line/remedies.h"
#include "apps/text/text.h"
#include "apps/xrtrain/colour.h"
#include "apps/xrtrain/errors.h"

namespace xr::apps {

Failure describe_failure(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const UsageError& failure) {
    return {exit_usage, command_line::with_remedy(failure)};
  } catch (const DataError& failure) {
    return {exit_data, command_line::with_remedy(failure)};
  } catch (const Error& failure) {
    return {exit_failed, command_line::with_remedy(failure)};
  } catch (const std::bad_alloc&) {
    return {exit_failed, "out of memory: use a smaller --batch-size, --image-size or network"};
  } catch (const std::exception& failure) {
    return {exit_failed, failure.what()};
  }
}

std::string error_line(const std::string& message, bool with_colours) {
  return fmt::format("xrtrain: {}: {}", coloured("error", Colour::red, with_colours),
                     text::one_line(message));
}

}  // namespace xr::apps
