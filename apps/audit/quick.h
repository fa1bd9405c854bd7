// The part of the audit that is cheap enough to run before every training.
#pragma once

#include <vector>

#include "apps/audit/check.h"
#include "data/dataset/image_folder.h"
#include "data/dataset/image_set.h"

namespace xr::audit {

/// The images of a run, decoded already.
struct QuickImages {
  const data::ImageSet &train, &validation, &test;
};

/// What is not ok, the most serious first: patients in two splits, copies, contradicting labels, sources that
/// tell the class, unbalanced classes, and, for up to 2000 images, whether file properties or the border
/// alone give the class away. Copies are looked for among up to 10 000 images, and are those that the audit
/// finds; of more a finding says that they were not. It reads sources.csv and the headers of the files. Never throws: if a check
/// could not be made, a finding says so.
[[nodiscard]] std::vector<Check> quick_findings(const data::Dataset& dataset, const QuickImages& images);

}  // namespace xr::audit
