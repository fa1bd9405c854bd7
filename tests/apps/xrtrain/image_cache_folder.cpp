#include "apps/xrtrain/run/image_cache_folder.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <optional>
#include <string>

using namespace xr::apps;

TEST_CASE("the cache folder follows the environment") {
  const char* const variables[] = {"XRTRAIN_CACHE", "XDG_CACHE_HOME", "HOME"};
  std::optional<std::string> before[3];
  for (int i = 0; i < 3; ++i)
    if (const char* value = std::getenv(variables[i])) before[i] = value;
  ::setenv("HOME", "/h", 1);
  ::unsetenv("XRTRAIN_CACHE");
  ::unsetenv("XDG_CACHE_HOME");
  CHECK(image_cache_folder() == "/h/.cache/xrtrain");
  ::setenv("XDG_CACHE_HOME", "/x", 1);
  CHECK(image_cache_folder() == "/x/xrtrain");
  ::setenv("XRTRAIN_CACHE", "/own", 1);
  CHECK(image_cache_folder() == "/own");
  for (int i = 0; i < 3; ++i)
    before[i] ? ::setenv(variables[i], before[i]->c_str(), 1) : ::unsetenv(variables[i]);
}
