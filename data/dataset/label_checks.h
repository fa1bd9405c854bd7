// What a data set of several labels needs to be learned from.
#pragma once

#include "data/dataset/image_folder.h"

namespace xr::data {

/// With Task::multi_label: a warning for each label that all known training images have, or none of them has.
void warn_of_labels(Dataset& dataset);

}  // namespace xr::data
