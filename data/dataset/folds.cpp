#include "data/dataset/folds.h"

#include "data/dataset/sample_groups.h"
#include "data/dataset/split.h"
#include "engine/io/file.h"
#include "kernels/common/error.h"

#include <algorithm>

namespace xr::data {

namespace {

/// Sub-streams of RandomPurpose::split that the folds use; those of read_image_folder are below.
constexpr std::uint64_t fold_stream = 16, validation_stream = 17;

/// Large ones first: the small ones level out what these leave uneven.
std::vector<SampleGroup> groups_by_size(const std::vector<Sample>& samples, const Strata& strata,
                                        std::uint64_t seed) {
  std::vector<SampleGroup> groups = shuffled_groups(samples, strata, seed, fold_stream);
  std::stable_sort(groups.begin(), groups.end(), [](const SampleGroup& a, const SampleGroup& b) {
    return a.members.size() > b.members.size();
  });
  return groups;
}

/// The fold of each sample: a group goes where its classes are rarest, counted in shares of each class.
std::vector<int> assign(const std::vector<Sample>& samples, const Strata& strata,
                        const FoldSettings& settings) {
  const std::size_t classes = strata.counts.size();
  const std::vector<double> totals(strata.counts.begin(), strata.counts.end());
  std::vector<std::vector<double>> shares(static_cast<std::size_t>(settings.folds),
                                          std::vector<double>(classes));
  std::vector<int> fold_of(samples.size());
  for (const SampleGroup& group : groups_by_size(samples, strata, settings.seed)) {
    std::size_t best = 0;
    double least = 0;
    for (std::size_t fold = 0; fold < shares.size(); ++fold) {
      double load = 0;
      for (std::size_t c = 0; c < classes; ++c)
        if (group.per_class[c] > 0) load += shares[fold][c];
      if (fold == 0 || load < least) {
        best = fold;
        least = load;
      }
    }
    for (std::size_t c = 0; c < classes; ++c)
      if (totals[c] > 0) shares[best][c] += static_cast<double>(group.per_class[c]) / totals[c];
    for (const std::size_t member : group.members) fold_of[member] = static_cast<int>(best) + 1;
  }
  return fold_of;
}

void sort_by_path(std::vector<Sample>& samples) {
  std::sort(samples.begin(), samples.end(), [](const Sample& a, const Sample& b) { return a.path < b.path; });
}

}  // namespace

Dataset take_fold(const Dataset& dataset, const FoldSettings& settings) {
  XR_CHECK(settings.folds >= 2, "cross-validation needs at least 2 folds, not {}", settings.folds);
  XR_CHECK(settings.fold >= 1 && settings.fold <= settings.folds,
           "fold {} of {} does not exist: folds count from 1", settings.fold, settings.folds);
  std::vector<Sample> pool = dataset.train;
  pool.insert(pool.end(), dataset.validation.begin(), dataset.validation.end());
  if (settings.with_test) pool.insert(pool.end(), dataset.test.begin(), dataset.test.end());
  sort_by_path(pool);
  const std::vector<int> fold_of = assign(pool, strata_of(pool, dataset.class_names.size()), settings);

  Dataset result = dataset;
  result.train.clear();
  result.validation.clear();
  result.test.clear();
  for (std::size_t i = 0; i < pool.size(); ++i)
    (fold_of[i] == settings.fold ? result.test : result.train).push_back(pool[i]);
  // A rare label may be absent from a fold: its figures are then undefined there.
  const std::size_t required = dataset.task == Task::multi_class ? dataset.class_names.size() : 0;
  for (std::size_t c = 0; c < required; ++c)
    for (const auto& [part, samples] : {std::pair{"test", &result.test}, {"training", &result.train}})
      XR_CHECK(
          std::any_of(
              samples->begin(), samples->end(),
              [&](const Sample& sample) { return static_cast<std::size_t>(sample.class_index) == c; }),
          "class {} has too few patients for {} folds: fold {} is left without {} images of it; use fewer "
          "folds",
          engine::quote_name(dataset.class_names[c]), settings.folds, settings.fold, part);
  result.test_split_by_program = true;
  result.validation_split_by_program = settings.validation_fraction > 0;
  if (settings.validation_fraction > 0)
    result.validation =
        split_off(result.train, dataset.class_names, settings.validation_fraction, settings.seed,
                  validation_stream + static_cast<std::uint64_t>(settings.fold), "validation");
  return result;
}

}  // namespace xr::data
