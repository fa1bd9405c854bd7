#include "apps/xrtrain/training/loader_settings.h"

namespace xr::apps {

data::LoaderSettings training_loader_settings(const TrainOptions& options,
                                              const Preprocessing& preprocessing) {
  data::LoaderSettings settings;
  settings.batch_size = static_cast<int>(options.batch_size);
  settings.shuffle = true;
  settings.seed = static_cast<std::uint64_t>(options.seed);
  settings.augment = preprocessing.train_augment;
  settings.image_size = static_cast<int>(options.image_size);
  settings.workers = static_cast<int>(options.workers);
  return settings;
}

}  // namespace xr::apps
