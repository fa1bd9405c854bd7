#include "data/dataset/label_checks.h"

#include "data/dataset/folder_names.h"
#include "engine/io/file.h"
#include "kernels/common/error.h"

#include <map>

namespace xr::data {

namespace {

void warn_of_similar_names(Dataset& dataset) {
  std::map<std::string, std::string> first;  // by the name in small letters
  for (const std::string& name : dataset.class_names) {
    const auto [place, added] = first.try_emplace(lower_case(name), name);
    if (!added)
      dataset.notices.push_back({notice_id::classes_differ_by_case,
                                 Importance::warning,
                                 fmt::format("{} and {} are two {}, but differ by capital letters alone",
                                             engine::quote_name(place->second), engine::quote_name(name),
                                             dataset.task == Task::multi_label ? "labels" : "classes"),
                                 {place->second, name},
                                 2});
  }
}

}  // namespace

void warn_of_labels(Dataset& dataset) {
  warn_of_similar_names(dataset);
  if (dataset.task != Task::multi_label) return;
  std::vector<std::size_t> with(dataset.class_names.size()), without(dataset.class_names.size());
  for (const Sample& sample : dataset.train)
    for (std::size_t l = 0; l < with.size(); ++l) {
      if (!is_known(sample.targets[l])) continue;
      ++(sample.targets[l] > 0.5f ? with : without)[l];
    }
  for (std::size_t l = 0; l < with.size(); ++l)
    if (with[l] == 0 || without[l] == 0)
      dataset.notices.push_back(
          {notice_id::label_not_learnable,
           Importance::warning,
           fmt::format("label {} cannot be learned: {} training images have it, {} do not",
                       engine::quote_name(dataset.class_names[l]), with[l], without[l]),
           {dataset.class_names[l]},
           static_cast<std::int64_t>(with[l])});
}

}  // namespace xr::data
