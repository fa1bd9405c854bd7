#include "data/dataset/rare_classes.h"

#include "engine/io/file.h"
#include "kernels/common/error.h"

#include <algorithm>
#include <set>

namespace xr::data {

namespace {

constexpr std::size_t max_rare_named = 5;

struct ClassSize {
  std::set<std::string> patients;
  std::size_t unknown = 0, images = 0;

  [[nodiscard]] std::size_t patient_count() const { return patients.size() + unknown; }
};

/// "'a' (2), 'b' (1)"
std::string text_of(const std::vector<std::string>& names, const std::vector<ClassSize>& sizes,
                    const std::vector<bool>& wanted) {
  std::string text;
  std::size_t count = 0;
  for (std::size_t c = 0; c < names.size(); ++c) {
    if (!wanted[c] || ++count > max_rare_named) continue;
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", engine::quote_name(names[c]), sizes[c].images);
  }
  if (count > max_rare_named) text += fmt::format(" and {} more", count - max_rare_named);
  return text;
}

}  // namespace

void skip_rare_classes(Dataset& dataset, std::size_t min_patients, const std::string& table) {
  std::vector<ClassSize> sizes(dataset.class_names.size());
  for (const Sample& sample : dataset.train) {
    ClassSize& size = sizes[static_cast<std::size_t>(sample.class_index)];
    ++size.images;
    if (sample.group.empty())
      ++size.unknown;
    else
      size.patients.insert(sample.group);
  }
  std::vector<bool> rare;
  std::vector<int> place;
  std::vector<std::string> kept_names, rare_names;
  std::int64_t images = 0;
  for (std::size_t c = 0; c < sizes.size(); ++c) {
    rare.push_back(sizes[c].patient_count() < min_patients);
    place.push_back(static_cast<int>(kept_names.size()));
    (rare[c] ? rare_names : kept_names).push_back(dataset.class_names[c]);
    if (rare[c]) images += static_cast<std::int64_t>(sizes[c].images);
  }
  if (rare_names.empty()) return;
  const std::string text =
      fmt::format("{} of the {} classes of {} have images of fewer than {} patients, too few to split",
                  rare_names.size(), sizes.size(), table, min_patients);
  const std::string named = text_of(dataset.class_names, sizes, rare);
  XR_CHECK(kept_names.size() > 1, "{}: {}; a classifier needs at least two", text, named);
  std::vector<Sample> kept;
  for (Sample& sample : dataset.train) {
    const auto c = static_cast<std::size_t>(sample.class_index);
    if (rare[c]) {
      dataset.skipped.push_back(
          {sample.path, "its class has too few patients to split", SkipKind::unlabelled});
      continue;
    }
    sample.class_index = place[c];
    kept.push_back(std::move(sample));
  }
  dataset.train = std::move(kept);
  dataset.class_names = std::move(kept_names);
  dataset.notices.push_back({notice_id::rare_classes, Importance::warning,
                             fmt::format("{}; their {} images are skipped: {}", text, images, named),
                             rare_names, images});
}

}  // namespace xr::data
