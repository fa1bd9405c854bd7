// Cross-validation: a dataset cut into folds, stratified and without tearing patients apart.
#pragma once

#include "data/dataset/image_folder.h"

namespace xr::data {

struct FoldSettings {
  int fold = 1, folds = 5;         ///< fold number `fold`, counted from 1, is the test set
  std::uint64_t seed = 0;          ///< of the cut: another seed cuts anew (repeated cross-validation)
  bool with_test = false;          ///< the images of test/ take part, too; otherwise they are left alone
  double validation_fraction = 0;  ///< split off from the other folds, as read_image_folder does; 0: none
};

/// The dataset whose test images are one fold of `dataset` and whose training and validation images are the
/// rest. Over all folds each image is tested once. Images of one patient (Sample::group) stay together; as
/// far as these allow, every fold gets the same share of each class. A function of (settings, samples).
/// Throws xr::Error for senseless settings, and where a class has fewer patients than there are folds.
Dataset take_fold(const Dataset& dataset, const FoldSettings& settings);

}  // namespace xr::data
