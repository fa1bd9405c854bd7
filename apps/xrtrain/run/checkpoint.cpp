#include "apps/xrtrain/run/checkpoint.h"

#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"

namespace xr::apps {

namespace {

using nlohmann::json;

constexpr const char* shape_names[] = {"square", "short_side"};
constexpr const char* multi_label = "multi-label";
constexpr const char* head = "head";

/// Reads the texts of a checkpoint's metadata; errors name what is missing or wrong.
class MetadataReader {
 public:
  explicit MetadataReader(const engine::Metadata& metadata) : metadata_(metadata) {}

  [[nodiscard]] const std::string& text(const char* key) const {
    const auto found = metadata_.find(key);
    XR_CHECK(
        found != metadata_.end(),
        "its metadata has no '{}': it is not a checkpoint of this program; to train from its weights: xrtrain "
        "train --init FILE",
        key);
    return found->second;
  }
  [[nodiscard]] std::int64_t integer(const char* key, std::int64_t least, std::int64_t most) const {
    const std::int64_t value = number<std::int64_t>(key);
    XR_CHECK(value >= least && value <= most, "its metadata has {} = {}", key, value);
    return value;
  }
  template <class T>
  [[nodiscard]] T number(const char* key) const {
    const std::string& value = text(key);
    T result{};
    const auto [stop, code] = std::from_chars(value.data(), value.data() + value.size(), result);
    XR_CHECK(code == std::errc() && stop == value.data() + value.size(), "its metadata has {} = '{}'", key,
             text::one_line(value));
    return result;
  }
  template <class T>
  [[nodiscard]] T list(const char* key) const {
    try {
      return json::parse(text(key)).get<T>();
    } catch (const json::exception&) {
      throw Error(fmt::format("its metadata has {} = '{}'", key, text::one_line(text(key))));
    }
  }

 private:
  const engine::Metadata& metadata_;
};

std::string list_text(const std::array<float, 3>& values, std::int64_t channels) {
  json list = json::array();
  for (std::int64_t c = 0; c < channels; ++c) list.push_back(values[static_cast<std::size_t>(c)]);
  return list.dump();
}

std::array<float, 3> read_channels(const MetadataReader& reader, const char* key, std::int64_t channels,
                                   bool positive) {
  const auto values = reader.list<std::vector<float>>(key);
  XR_CHECK(static_cast<std::int64_t>(values.size()) == channels,
           "its metadata has {} values of {} for {} channels", values.size(), key, channels);
  std::array<float, 3> result = positive ? std::array<float, 3>{1, 1, 1} : std::array<float, 3>{0, 0, 0};
  for (std::size_t c = 0; c < values.size(); ++c) {
    XR_CHECK(std::isfinite(values[c]) && (!positive || values[c] > 0), "its metadata has {} = {}", key,
             values[c]);
    result[c] = values[c];
  }
  return result;
}

CheckpointInfo parse_info(const engine::Metadata& metadata) {
  const MetadataReader reader(metadata);
  CheckpointInfo info;
  info.model.name = reader.text("model");
  info.model.channels = reader.integer("channels", 1, 3);
  info.model.image_size = reader.integer("image_size", 1, 4096);
  info.model.padding = reader.integer("padding", 0, 8);
  info.model.dropout = reader.number<float>("dropout");
  info.class_names = reader.list<std::vector<std::string>>("class_names");
  info.model.classes = static_cast<std::int64_t>(info.class_names.size());
  if (metadata.contains("task")) {
    XR_CHECK(reader.text("task") == multi_label, "its metadata has task = '{}'",
             text::one_line(reader.text("task")));
    info.task = data::Task::multi_label;
  }
  XR_CHECK(info.model.classes >= (info.task == data::Task::multi_label ? 1 : 2), "it has {} classes",
           info.class_names.size());
  const std::string& shape = reader.text("stored_shape");
  XR_CHECK(shape == shape_names[0] || shape == shape_names[1], "its metadata has stored_shape = '{}'",
           text::one_line(shape));
  info.format.shape = shape == shape_names[0] ? data::StoredShape::square : data::StoredShape::short_side;
  info.format.size = static_cast<int>(reader.integer("stored_size", 1, 4096));
  info.format.channels = static_cast<int>(info.model.channels);
  if (metadata.contains("interpolation")) check_interpolation(reader.text("interpolation"));
  if (metadata.contains("stored_mask")) info.format.mask = mask_named(reader.text("stored_mask"));
  if (metadata.contains("sample_depths"))
    info.format.depths = data::SampleDepths(reader.text("sample_depths"));
  info.normalization.mean = read_channels(reader, "mean", info.model.channels, false);
  info.normalization.deviation = read_channels(reader, "deviation", info.model.channels, true);
  info.epoch = reader.integer("epoch", 0, std::numeric_limits<std::int64_t>::max());
  info.train_loss = reader.number<double>("train_loss");
  info.train_accuracy = reader.number<double>("train_accuracy");
  info.data = reader.text("data");
  if (metadata.contains("statistics_images"))
    info.statistics_images = reader.integer("statistics_images", 1, std::numeric_limits<std::int64_t>::max());
  if (metadata.contains("trained")) {
    XR_CHECK(reader.text("trained") == head, "its metadata has trained = '{}'",
             text::one_line(reader.text("trained")));
    info.head_alone = true;
  }
  if (metadata.contains("ema_decay")) {
    info.ema_decay = reader.number<double>("ema_decay");
    XR_CHECK(info.ema_decay > 0 && info.ema_decay < 1, "its metadata has ema_decay = {}", info.ema_decay);
  }
  if (metadata.contains("averaged")) info.averaged = reader.list<std::vector<std::string>>("averaged");
  if (metadata.contains("initial_weights")) info.initial_weights = reader.text("initial_weights");
  return info;
}

template <class Action>
auto errors_naming(const std::filesystem::path& path, Action&& action) {
  try {
    return action();
  } catch (const Error& error) {
    throw DataError(error.code(), fmt::format("cannot use checkpoint {}: {}", path.string(), error.what()));
  }
}

/// The network that the metadata claim, if the file is large enough for it.
std::unique_ptr<model::Module> make_network(const engine::SafetensorsFile& file,
                                            const model::ModelSettings& settings) {
  std::uint64_t elements = 0;
  for (const engine::SafetensorsFile::Entry& entry : file.entries())
    elements += static_cast<std::uint64_t>(entry.shape.numel());
  const std::int64_t wanted = model::parameter_count(settings);
  XR_CHECK(wanted > 0 && static_cast<std::uint64_t>(wanted) <= elements,
           "it does not fit the network that it names: {} has {} parameters, the file {} numbers",
           settings.name, wanted, elements);
  return model::make_model(settings);
}

}  // namespace

engine::Metadata to_metadata(const CheckpointInfo& info) {
  engine::Metadata metadata = {
      {"format", "pt"},  // what other readers of safetensors ask for: PyTorch's names and shapes
      {"program", "xrtrain " XR_VERSION},
      {"model", info.model.name},
      {"channels", std::to_string(info.model.channels)},
      {"image_size", std::to_string(info.model.image_size)},
      {"padding", std::to_string(info.model.padding)},
      {"dropout", fmt::format("{}", info.model.dropout)},
      {"class_names", json(info.class_names).dump()},
      {"stored_shape", shape_names[info.format.shape == data::StoredShape::square ? 0 : 1]},
      {"stored_size", std::to_string(info.format.size)},
      {"interpolation", interpolation},
      {"mean", list_text(info.normalization.mean, info.model.channels)},
      {"deviation", list_text(info.normalization.deviation, info.model.channels)},
      {"epoch", std::to_string(info.epoch)},
      {"train_loss", text::number_text(info.train_loss)},
      {"train_accuracy", text::number_text(info.train_accuracy)},
      {"data", info.data}};
  if (info.task == data::Task::multi_label) metadata["task"] = multi_label;
  if (info.format.mask != data::Mask::none)
    metadata["stored_mask"] = mask_names()[static_cast<std::size_t>(info.format.mask)];
  if (info.statistics_images > 0) metadata["statistics_images"] = std::to_string(info.statistics_images);
  if (info.head_alone) metadata["trained"] = head;
  if (info.ema_decay > 0) metadata["ema_decay"] = text::number_text(info.ema_decay);
  if (!info.averaged.empty()) metadata["averaged"] = json(info.averaged).dump();
  if (!info.initial_weights.empty()) metadata["initial_weights"] = info.initial_weights;
  if (!info.format.depths.empty()) metadata["sample_depths"] = info.format.depths.text();
  return metadata;
}

void check_interpolation(const std::string& name) {
  XR_CHECK(name == interpolation, "its images are resized with '{}': only '{}' is known",
           text::one_line(name), interpolation);
}

CheckpointInfo read_info(const engine::SafetensorsFile& file, const std::filesystem::path& path) {
  return errors_naming(path, [&] { return parse_info(file.metadata()); });
}

LoadedCheckpoint load_checkpoint(const std::filesystem::path& path, const kernels::Device& device) {
  return errors_as<DataError>([&] {
    const engine::SafetensorsFile file(path);
    LoadedCheckpoint result{read_info(file, path), nullptr};
    result.info.model.device = device;
    result.network = errors_naming(path, [&] { return make_network(file, result.info.model); });
    engine::load_state(file, result.network->state(), path.string());
    return result;
  });
}

void load_weights(const std::filesystem::path& path, model::Module& network) {
  errors_as<DataError>(
      [&] { engine::load_state(engine::SafetensorsFile(path), network.state(), path.string()); });
}

Preprocessing preprocessing_of(const CheckpointInfo& info) {
  Preprocessing result;
  result.evaluation = info.format;
  result.evaluation_augment = data::AugmentSettings::none();
  result.evaluation_augment.mean = info.normalization.mean;
  result.evaluation_augment.deviation = info.normalization.deviation;
  return result;
}

}  // namespace xr::apps
