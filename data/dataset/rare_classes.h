// Classes of a table that have too few patients to be cut into splits.
#pragma once

#include "data/dataset/image_folder.h"

namespace xr::data {

/// Takes the images of a class out of Dataset::train, and its name out of the classes, if they are of fewer than
/// `min_patients` patients (images of unknown patients count one each): a collection such as the COVID chest X-ray one has
/// findings of a single patient. A notice names them all (notice_id::rare_classes). Throws xr::Error if fewer than two
/// classes remain.
void skip_rare_classes(Dataset& dataset, std::size_t min_patients, const std::string& table);

}  // namespace xr::data
