#include "apps/xrtrain/explain/picture_file.h"

#include <fmt/core.h>

namespace xr::apps::explain {

std::filesystem::path picture_file(const std::filesystem::path& folder, const std::filesystem::path& image,
                                   std::set<std::string>& taken) {
  const std::string stem = image.stem().string();
  std::string name = stem + ".png";
  for (int i = 2; !taken.insert(name).second; ++i) name = fmt::format("{}-{}.png", stem, i);
  return folder / name;
}

}  // namespace xr::apps::explain
