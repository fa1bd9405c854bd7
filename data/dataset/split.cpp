#include "data/dataset/split.h"

#include "data/dataset/sample_groups.h"
#include "engine/io/file.h"
#include "kernels/common/error.h"

#include <algorithm>
#include <cmath>

namespace xr::data {

namespace {

struct Group : SampleGroup {
  bool moved = false;
};

class Splitter {
 public:
  Splitter(std::vector<Group>& groups, const std::vector<std::size_t>& counts, double fraction)
      : groups_(groups), counts_(counts), moved_(counts.size()) {
    for (const std::size_t count : counts)
      wanted_.push_back(std::max<std::size_t>(
          1, static_cast<std::size_t>(std::lround(fraction * static_cast<double>(count)))));
  }

  /// Takes groups in order while they fit every class's share.
  void fill() {
    for (Group& group : groups_) take_if(group, wanted_);
  }

  /// A class whose groups are all larger than its share gets its smallest one, if that leaves the rest
  /// non-empty.
  void ensure(std::size_t class_index) {
    if (moved_[class_index] > 0) return;
    std::vector<std::size_t> at_most = counts_;
    for (std::size_t& count : at_most) --count;
    std::vector<Group*> candidates;
    for (Group& group : groups_)
      if (group.per_class[class_index] > 0) candidates.push_back(&group);
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const Group* a, const Group* b) { return a->members.size() < b->members.size(); });
    for (Group* group : candidates)
      if (take_if(*group, at_most)) return;
  }

  [[nodiscard]] std::size_t moved(std::size_t class_index) const { return moved_[class_index]; }

 private:
  bool take_if(Group& group, const std::vector<std::size_t>& at_most) {
    if (group.moved) return false;
    for (std::size_t c = 0; c < moved_.size(); ++c)
      if (group.per_class[c] > 0 && moved_[c] + group.per_class[c] > std::min(at_most[c], counts_[c] - 1))
        return false;
    for (std::size_t c = 0; c < moved_.size(); ++c) moved_[c] += group.per_class[c];
    group.moved = true;
    return true;
  }

  std::vector<Group>& groups_;
  const std::vector<std::size_t>& counts_;
  std::vector<std::size_t> wanted_, moved_;
};

}  // namespace

std::vector<Sample> split_off(std::vector<Sample>& samples, const std::vector<std::string>& class_names,
                              double fraction, std::uint64_t seed, std::uint64_t sub_stream,
                              const std::string& purpose) {
  XR_CHECK(fraction > 0 && fraction < 1, "the {} fraction {} is not between 0 and 1", purpose, fraction);
  const Strata strata = strata_of(samples, class_names.size());
  const std::vector<std::size_t>& counts = strata.counts;
  std::vector<Group> groups;
  for (SampleGroup& group : shuffled_groups(samples, strata, seed, sub_stream))
    groups.push_back({std::move(group)});

  Splitter splitter(groups, counts, fraction);
  splitter.fill();
  // A rare label may have no image to spare.
  const bool labels = counts.size() > class_names.size();
  for (std::size_t c = 0; c < class_names.size() && !labels; ++c) {
    splitter.ensure(c);
    XR_CHECK(
        splitter.moved(c) > 0,
        "class {} has {} image(s) of too few patients to split off {} images; add images of other patients "
        "or a {} folder",
        engine::quote_name(class_names[c]), counts[c], purpose, purpose == "test" ? "test/" : "val/");
  }
  std::vector<bool> moves(samples.size());
  for (const Group& group : groups)
    for (const std::size_t member : group.members) moves[member] = group.moved;
  std::vector<Sample> kept, moved;
  for (std::size_t i = 0; i < samples.size(); ++i) (moves[i] ? moved : kept).push_back(std::move(samples[i]));
  samples = std::move(kept);
  XR_CHECK(!labels || (!moved.empty() && !samples.empty()),
           "{} images are of too few patients to split off {} images", moves.size(), purpose);
  return moved;
}

void split_off_missing(Dataset& dataset, const SplitSettings& settings, std::uint64_t test_sub_stream,
                       std::uint64_t validation_sub_stream) {
  if (dataset.test.empty() && settings.test_fraction > 0) {
    dataset.test = split_off(dataset.train, dataset.class_names, settings.test_fraction, settings.seed,
                             test_sub_stream, "test");
    dataset.test_split_by_program = true;
  }
  if (dataset.validation.empty() && settings.validation_fraction > 0) {
    dataset.validation = split_off(dataset.train, dataset.class_names, settings.validation_fraction,
                                   settings.seed, validation_sub_stream, "validation");
    dataset.validation_split_by_program = true;
  }
}

}  // namespace xr::data
