#pragma once

#include <filesystem>

namespace xr::apps {

/// Where decoded images are kept: $XRTRAIN_CACHE, else $XDG_CACHE_HOME/xrtrain, else $HOME/.cache/xrtrain;
/// empty if none of them is set.
std::filesystem::path image_cache_folder();

}  // namespace xr::apps
