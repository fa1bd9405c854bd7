// The test images that two runs have in common.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/xrtrain/evaluation/run_predictions.h"

namespace xr::apps {

/// Places of an image in the runs' test images.
struct ImagePair {
  std::size_t in_a = 0, in_b = 0;
};

struct PairedImages {
  std::vector<ImagePair> images;              ///< in the order of run A
  std::int64_t same_pictures = 0;             ///< of them, as far as is known; the others cannot be checked
  std::int64_t only_in_a = 0, only_in_b = 0;  ///< test images of one run alone, left out
};

/// By their paths. Throws DataError if the classes or labels differ, an image is of two classes, has a label in one run that
/// it has not in the other, or is another picture there, or if no image is in both.
[[nodiscard]] PairedImages pair_images(const RunPredictions& a, const RunPredictions& b);

/// What pairing left out and what it could not check, for people.
[[nodiscard]] std::vector<std::string> pairing_text(const PairedImages& paired);

}  // namespace xr::apps
