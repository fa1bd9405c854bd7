#include "apps/xrtrain/evaluation/views.h"

namespace xr::apps {

data::AugmentSettings view_settings(const data::AugmentSettings& evaluation, std::int64_t view) {
  if (view == 0) return evaluation;
  data::AugmentSettings settings = data::AugmentSettings::mild_geometry();
  settings.mean = evaluation.mean;
  settings.deviation = evaluation.deviation;
  return settings;
}

data::AugmentDraw draw_view(const data::AugmentSettings& settings, int side, std::int64_t view) {
  return data::draw_augmentation(settings, side, side, view_seed, static_cast<std::uint64_t>(view), 0);
}

}  // namespace xr::apps
