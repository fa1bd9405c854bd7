#include "apps/xrtrain/evaluation/seen_images.h"

#include <algorithm>

#include "apps/xrtrain/training/dataset.h"

namespace xr::apps {

namespace fs = std::filesystem;

namespace {

fs::path file_of(const data::Dataset& dataset, const data::Sample& sample) {
  std::error_code code;
  return fs::weakly_canonical(dataset.directory / sample.path, code);
}

}  // namespace

std::optional<std::set<fs::path>> images_of_run(const TrainOptions& of_run, Console& console) {
  data::Dataset own;
  try {
    own = find_dataset(of_run, console);
  } catch (const Error&) {
    return std::nullopt;
  }
  std::set<fs::path> files;
  for (const auto* samples : {&own.train, &own.validation})
    for (const data::Sample& sample : *samples) files.insert(file_of(own, sample));
  return files;
}

std::int64_t count_seen(const data::Dataset& dataset, const std::set<fs::path>& seen) {
  return std::ranges::count_if(
      dataset.test, [&](const data::Sample& sample) { return seen.contains(file_of(dataset, sample)); });
}

}  // namespace xr::apps
