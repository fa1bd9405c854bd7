// One label's images, sorted once for many resamples: its counts at a threshold and its areas in one pass.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "apps/statistics/confusion.h"

namespace xr::statistics {

struct RankedLabel {
  BinaryCounts counts;  ///< at the threshold, positive from it on
  std::optional<double> auroc, average_precision;
};

/// The same numbers, to the last bit, as Ranking (roc.h) and a count of the images have. A resample costs one addition
/// an image: images without the label that stand next to each other in the ranking are summed before anything is
/// multiplied or divided.
class LabelRanking {
 public:
  /// `images`: numbers of the images of which the label is known, the places of `times` that are theirs. Throws Error
  /// if a score is NaN.
  LabelRanking(std::span<const std::size_t> images, std::span<const std::uint8_t> positive,
               std::span<const double> scores, double threshold);

  [[nodiscard]] RankedLabel measure(Times times = {}) const;

 private:
  /// Images [begin of the segment, others_end) are without the label, [others_end, end) have it. Either there are none
  /// of these, or all have one score.
  struct Segment {
    std::uint32_t others_end = 0, end = 0;
  };

  std::vector<std::uint32_t> images_;  // by falling score
  std::vector<Segment> segments_;
  std::size_t called_ = 0;  // segments from the threshold on
};

}  // namespace xr::statistics
