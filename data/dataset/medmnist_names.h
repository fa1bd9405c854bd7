// What MedMNIST's classes and labels are called: its files hold numbers only.
#pragma once

#include "data/dataset/task.h"

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace xr::data {

/// "0", "1", ...
std::vector<std::string> numbered_names(std::size_t count);

/// The names of the data set that a file is called after (pneumoniamnist.npz, pneumoniamnist_224.npz) if it has
/// as many, else numbered_names. Of the chest X-rays only: https://github.com/MedMNIST/MedMNIST, medmnist/info.py.
std::vector<std::string> medmnist_names(const std::filesystem::path& path, Task task, std::size_t count);

}  // namespace xr::data
