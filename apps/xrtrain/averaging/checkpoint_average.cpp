#include "apps/xrtrain/averaging/checkpoint_average.h"

#include <fmt/format.h>

#include <limits>
#include <set>

#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/run/file_identity.h"

namespace xr::apps {

namespace {

namespace fs = std::filesystem;

/// What may differ among the checkpoints of one run.
const std::set<std::string> of_an_epoch = {"program", "epoch", "train_loss", "train_accuracy",
                                           "statistics_images"};

std::string value_of(const engine::Metadata& metadata, const std::string& key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? "none" : text::one_line(found->second);
}

void require_same_kind(const fs::path& first, const engine::Metadata& a, const fs::path& other,
                       const engine::Metadata& b) {
  std::set<std::string> keys;
  for (const engine::Metadata* metadata : {&a, &b})
    for (const auto& [key, value] : *metadata) keys.insert(key);
  for (const std::string& key : keys)
    if (!of_an_epoch.contains(key) && value_of(a, key) != value_of(b, key))
      throw DataError(fmt::format("cannot average {} and {}: {} is {} and {}; give checkpoints of one run",
                                  first.string(), other.string(), key, value_of(a, key), value_of(b, key)));
}

CheckpointInfo info_of(const fs::path& path) {
  return errors_as<DataError>([&] { return read_info(engine::SafetensorsFile(path), path); });
}

/// Sums of the elements of a network's f32 tensors.
class Sums {
 public:
  explicit Sums(const model::Module& network) {
    for (const engine::NamedTensor& entry : network.state())
      if (entry.tensor.dtype() == engine::DType::f32) {
        tensors_.push_back(entry.tensor);
        sums_.emplace_back(static_cast<std::size_t>(entry.tensor.numel()));
      }
  }

  void add_network() {
    for (std::size_t t = 0; t < tensors_.size(); ++t) {
      const std::vector<float> values = tensors_[t].to_host();
      for (std::size_t i = 0; i < values.size(); ++i) sums_[t][i] += static_cast<double>(values[i]);
    }
  }

  void set_network_to_mean(std::size_t count) {
    std::vector<float> means;
    for (std::size_t t = 0; t < tensors_.size(); ++t) {
      means.clear();
      for (const double sum : sums_[t]) means.push_back(static_cast<float>(sum / static_cast<double>(count)));
      tensors_[t].copy_from_host(means);
    }
  }

 private:
  std::vector<engine::Tensor> tensors_;
  std::vector<std::vector<double>> sums_;
};

}  // namespace

LoadedCheckpoint average_checkpoints(const std::vector<fs::path>& files, const kernels::Device& device) {
  const engine::Metadata first = to_metadata(info_of(files.front()));
  for (const fs::path& file : files) {
    const CheckpointInfo info = info_of(file);
    require_same_kind(files.front(), first, file, to_metadata(info));
    if (!info.averaged.empty())
      throw DataError(fmt::format("{} is an average of {} checkpoints: give those of epochs", file.string(),
                                  info.averaged.size()));
  }
  LoadedCheckpoint result = load_checkpoint(files.front(), device);
  Sums sums(*result.network);
  std::vector<std::string> identities;
  for (const fs::path& file : files) {
    load_weights(file, *result.network);
    sums.add_network();
    identities.push_back(identity_of_file(file));
  }
  sums.set_network_to_mean(files.size());
  result.info = info_of(files.back());
  result.info.model.device = device;
  result.info.averaged = std::move(identities);
  result.info.statistics_images = 0;
  result.info.train_loss = result.info.train_accuracy = std::numeric_limits<double>::quiet_NaN();
  return result;
}

}  // namespace xr::apps
