// What is odd about the classes or labels of a data set.
#pragma once

#include "data/dataset/image_folder.h"

namespace xr::data {

/// A warning for classes or labels whose names differ by capital letters alone; with Task::multi_label one for each label
/// that all known training images have, or none of them has.
void warn_of_labels(Dataset& dataset);

}  // namespace xr::data
