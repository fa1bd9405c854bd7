// Stratified, seeded, patient-aware splitting of a list of samples.
#pragma once

#include "data/dataset/image_folder.h"

namespace xr::data {

/// Moves about `fraction` of each class (rounded, at least one image) from `samples` to the result; both stay
/// in path order. Samples of one group move together; a sample without a group is its own. The choice is a
/// function of (seed, sub_stream, samples). `purpose` ("test", "validation") names the split in errors.
/// Throws xr::Error if a class cannot give an image without being left empty.
std::vector<Sample> split_off(std::vector<Sample>& samples, const std::vector<std::string>& class_names,
                              double fraction, std::uint64_t seed, std::uint64_t sub_stream,
                              const std::string& purpose);

/// Splits the test and validation images off the training images where a data set has none and the settings want
/// them, with a sub-stream of random numbers for each.
void split_off_missing(Dataset& dataset, const SplitSettings& settings, std::uint64_t test_sub_stream,
                       std::uint64_t validation_sub_stream);

}  // namespace xr::data
