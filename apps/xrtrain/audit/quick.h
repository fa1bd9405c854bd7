// The part of the audit that is cheap enough to run before every training.
#pragma once

#include <string>
#include <vector>

#include "apps/xrtrain/audit/scan.h"
#include "data/image_set.h"

namespace xr::apps::audit {

/// The images of a run, decoded already.
struct QuickImages {
  const data::ImageSet &train, &validation, &test;
};

/// One line for each finding, in plain words: copies, contradicting labels, sources of one class, unbalanced
/// classes, and, for up to 2000 images, whether file properties or the border alone give the class away. It
/// reads sources.csv and the headers of the files. Patients in two splits are told when the folder is read.
/// Never throws: what cannot be checked is left out.
[[nodiscard]] std::vector<std::string> quick_findings(const data::Dataset& dataset,
                                                      const QuickImages& images);

}  // namespace xr::apps::audit
