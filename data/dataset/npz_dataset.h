// MedMNIST's data sets: one .npz of NumPy arrays. J. Yang et al., "MedMNIST v2 - A large-scale lightweight
// benchmark for 2D and 3D biomedical image classification", Scientific Data 10, 2023.
//
// train_images, val_images, test_images: uint8, (N, H, W) or (N, H, W, 3). train_labels and so on: whole numbers,
// (N) or (N, 1): a class each; (N, L) of 0 and 1: L labels each. val_* and test_* may be absent.
#pragma once

#include "data/dataset/image_folder.h"
#include "data/image/image.h"
#include "data/loader/jobs.h"

#include <filesystem>
#include <functional>
#include <span>

namespace xr::data {

/// Whether a path is a file that begins as a zip archive does.
[[nodiscard]] bool is_npz(const std::filesystem::path& path);

/// The images are named "train/00017" by their place in train_images, ..., and Dataset::directory is the file.
/// Classes and labels have the names of MedMNIST's paper if the file has one of its names (pneumoniamnist.npz,
/// chestmnist_128.npz), else "0", "1" and so on. What the file does not split is split off as in
/// read_image_folder. Throws xr::Error for any other archive: what is missing, or has another type or shape.
Dataset read_npz(const std::filesystem::path& path, const SplitSettings& settings = {});

/// Its test images in Dataset::test, for a trained model. Throws xr::Error also where the names differ.
Dataset read_npz_for_evaluation(const std::filesystem::path& path, Task task,
                                const std::vector<std::string>& class_names);

/// One image, with as many channels as the file has; reads the file up to it.
Image read_npz_image(const std::filesystem::path& path, const Sample& sample);

/// Calls body(i, image) for each of `samples` of such a file, of 1 or 3 channels as the file has it, from
/// `workers` threads (0: one per core) and in no particular order. Holds a few hundred images at a time. Throws
/// xr::Error for a damaged file or a sample that it does not have.
void for_each_npz_image(const std::filesystem::path& path, std::span<const Sample> samples, int workers,
                        const Progress& progress, const std::function<void(std::size_t, Image&&)>& body);

}  // namespace xr::data
