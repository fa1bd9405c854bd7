// The samples of each patient, which stay together wherever a set is cut.
#pragma once

#include "data/dataset/image_folder.h"

namespace xr::data {

/// All samples of one patient; a patient may have images of several classes. A sample without a group is one
/// by itself.
struct SampleGroup {
  std::vector<std::size_t> members;    ///< positions in the list of samples
  std::vector<std::size_t> per_class;  ///< how many of each stratum
};

/// What a cut keeps in proportion: the class of each sample; of samples with targets label_strata, one stratum more
/// than labels.
struct Strata {
  std::vector<std::size_t> of_sample;
  std::vector<std::size_t> counts;  ///< samples of each
};
Strata strata_of(const std::vector<Sample>& samples, std::size_t classes);

/// In an order that is a function of (seed, sub_stream of RandomPurpose::split, samples).
std::vector<SampleGroup> shuffled_groups(const std::vector<Sample>& samples, const Strata& strata,
                                         std::uint64_t seed, std::uint64_t sub_stream);

}  // namespace xr::data
