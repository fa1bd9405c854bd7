// What --version prints.
#pragma once

#include <string>

namespace xr::apps {

/// Version, commit, build, and what the build has and lacks, in four lines without the last newline.
[[nodiscard]] std::string version_text();

}  // namespace xr::apps
