#include "apps/xrtrain/run/image_cache_folder.h"

#include <cstdlib>

namespace xr::apps {

namespace fs = std::filesystem;

namespace {

fs::path from_environment(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? fs::path() : fs::path(value);
}

}  // namespace

fs::path image_cache_folder() {
  if (fs::path path = from_environment("XRTRAIN_CACHE"); !path.empty()) return path;
  if (const fs::path path = from_environment("XDG_CACHE_HOME"); !path.empty()) return path / "xrtrain";
  if (const fs::path path = from_environment("HOME"); !path.empty()) return path / ".cache" / "xrtrain";
  return {};
}

}  // namespace xr::apps
