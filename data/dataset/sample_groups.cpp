#include "data/dataset/sample_groups.h"

#include "data/dataset/label_strata.h"
#include "kernels/common/random.h"

#include <map>

namespace xr::data {

Strata strata_of(const std::vector<Sample>& samples, std::size_t classes) {
  Strata strata;
  std::vector<float> targets;
  for (const Sample& sample : samples) {
    targets.insert(targets.end(), sample.targets.begin(), sample.targets.end());
    strata.of_sample.push_back(static_cast<std::size_t>(sample.class_index));
  }
  if (!targets.empty()) strata.of_sample = label_strata(targets, classes);
  strata.counts.resize(targets.empty() ? classes : classes + 1);
  for (const std::size_t stratum : strata.of_sample) ++strata.counts[stratum];
  return strata;
}

std::vector<SampleGroup> shuffled_groups(const std::vector<Sample>& samples, const Strata& strata,
                                         std::uint64_t seed, std::uint64_t sub_stream) {
  std::map<std::string, SampleGroup> by_name;  // ordered: the shuffle starts from a defined order
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const Sample& sample = samples[i];
    // The prefixes keep a patient's name and a path apart.
    SampleGroup& group = by_name[sample.group.empty() ? "f" + sample.path : "p" + sample.group];
    group.members.push_back(i);
    group.per_class.resize(strata.counts.size());
    ++group.per_class[strata.of_sample[i]];
  }
  std::vector<SampleGroup> groups;
  for (auto& [name, group] : by_name) groups.push_back(std::move(group));
  Philox random(seed, stream_of(RandomPurpose::split, sub_stream));
  for (std::size_t i = groups.size(); i > 1; --i)
    std::swap(groups[i - 1], groups[random.below(static_cast<std::uint32_t>(i))]);
  return groups;
}

}  // namespace xr::data
