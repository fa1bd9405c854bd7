// By how many bits the images of a set are scaled, where they have more than 8 bits a sample.
#pragma once

#include "data/dataset/image_folder.h"
#include "data/image/sample_depth.h"
#include "engine/distributed/communicator.h"

namespace xr::data {

/// Decided by up to 1000 of the images, evenly spaced: headers are read, and those of more than 8 bits decoded.
/// Empty if there is none. Images that cannot be read are passed over: loading reports them. Several `ranks`, with the same
/// samples, share the files.
SampleDepths find_sample_depths(const std::filesystem::path& directory, std::span<const Sample> samples,
                                int workers, engine::Communicator* ranks = nullptr);

}  // namespace xr::data
