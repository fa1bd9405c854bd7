#include "apps/xrtrain/colour.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "apps/mpi/launcher.h"

namespace xr::apps {

bool is_terminal(int descriptor) {
  return ::isatty(descriptor) == 1 && !mpi::has_terminal_of_launcher();
}

bool has_colours(int descriptor) {
  if (!is_terminal(descriptor)) return false;
  const char* const refused = std::getenv("NO_COLOR");
  if (refused != nullptr && *refused != '\0') return false;
  const char* const terminal = std::getenv("TERM");
  return terminal != nullptr && std::string_view(terminal) != "dumb";
}

std::string coloured(const std::string& text, Colour colour, bool shown) {
  if (!shown) return text;
  const int code = colour == Colour::red ? 31 : colour == Colour::yellow ? 33 : 32;
  return fmt::format("\033[1;{}m{}\033[0m", code, text);
}

}  // namespace xr::apps
