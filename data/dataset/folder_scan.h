// Walks class folders.
#pragma once

#include "data/dataset/image_folder.h"

namespace xr::data {

/// Ends in .jpg .jpeg .png .bmp .pgm or .ppm, in any case.
bool has_image_extension(const std::filesystem::path& path);

/// Names of the folders (or links to folders) directly in `directory`, sorted, hidden ones left out.
std::vector<std::string> list_folders(const std::filesystem::path& directory);

/// Paths of all images below `directory`, sorted, each starting with `prefix` + '/' (or nothing, for an empty
/// prefix). Other files, broken links and link loops go to `skipped`.
std::vector<std::string> scan_images(const std::filesystem::path& directory, const std::string& prefix,
                                     std::vector<SkippedFile>& skipped);

/// Throws xr::Error unless this is a readable folder.
void check_folder(const std::filesystem::path& directory);

}  // namespace xr::data
