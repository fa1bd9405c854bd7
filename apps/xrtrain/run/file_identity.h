// What tells one file of weights from another.
#pragma once

#include <filesystem>
#include <string>

namespace xr::apps {

/// "resnet18.pth 0123456789abcdef": name without folder, and a hash of the content.
[[nodiscard]] std::string identity_of_file(const std::filesystem::path& path);

}  // namespace xr::apps
