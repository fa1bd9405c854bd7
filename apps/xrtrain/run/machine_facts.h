// What the program was built with and runs on: for `xrtrain info` and for the report of a run.
#pragma once

#include <string>

namespace xr::apps {

/// "Debian GNU/Linux 12 (bookworm), Linux 6.1.0, x86_64"
[[nodiscard]] std::string system_name();
/// The libraries that take part in computing or reading files, with the versions that were compiled in;
/// oneDNN and cuDNN are in the description of the device.
[[nodiscard]] std::string library_versions();

}  // namespace xr::apps
