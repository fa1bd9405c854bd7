// Reads the input as a TOML file of options; what is accepted must survive being written and read again.
#include "apps/xrtrain/options/config.h"

#include <cstdint>
#include <string>
#include <string_view>

#include "kernels/common/error.h"
#include "tests/fuzz/expect.h"

namespace {

using xr::fuzz::expect;

xr::apps::TrainOptions options_of(std::string_view text) {
  xr::apps::TrainOptions options = xr::apps::preset_options("default");
  for (const xr::apps::FileOption& option : xr::apps::parse_config(text, "config.toml"))
    xr::apps::set_value(options, *option.spec, option.value, option.where);
  return options;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string written;
  try {
    written = xr::apps::config_text(options_of({reinterpret_cast<const char*>(data), size}));
  } catch (const xr::Error& error) {
    xr::fuzz::expect_one_line(error, 100000);  // a key is repeated, however long it is
    return 0;
  }
  try {
    expect(xr::apps::config_text(options_of(written)) == written,
           "options change when they are written and read");
  } catch (const xr::Error& error) {
    std::fprintf(stderr, "%s\nin\n%s\n", error.what(), written.c_str());
    expect(false, "what was written cannot be read");
  }
  return 0;
}
