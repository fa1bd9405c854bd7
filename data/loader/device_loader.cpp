#include "data/loader/device_loader.h"

#include "kernels/common/error.h"

#include <algorithm>
#include <cstring>

namespace xr::data {

namespace {

using engine::DType;
using engine::Shape;
using engine::Tensor;

/// i64 words per image in the block that is sent: a label, an index and a record.
constexpr std::size_t record_words = sizeof(kernels::AugmentRecord) / sizeof(std::int64_t);
constexpr std::size_t words_per_image = 2 + record_words;
static_assert(record_words * sizeof(std::int64_t) == sizeof(kernels::AugmentRecord));

std::int64_t to_extent(std::size_t value) {
  return static_cast<std::int64_t>(value);
}

}  // namespace

DeviceLoader::DeviceLoader(const ImageSet& images, const LoaderSettings& settings,
                           const kernels::Device& device, std::optional<std::size_t> memory_limit)
    : images_(images), settings_(settings), normalisation_(normalisation_of(settings.augment)) {
  check_loader(images, settings);
  check_augment_settings(settings.augment, settings.image_size);
  kernels::Backend& backend = kernels::backend(device);
  batches_ = data::batch_count(images, settings);
  holds_images_ =
      images.count() * images.image_bytes() <= memory_limit.value_or(backend.available_memory() / 2);
  // No batch is larger than the set.
  const std::size_t rows = std::min(static_cast<std::size_t>(settings.batch_size), images.count());
  const std::int64_t channels = images.channels, size = images.size, side = settings.image_size;
  source_ = Tensor::empty({to_extent(holds_images_ ? images.count() : rows), channels, size, size},
                          {DType::u8, device, engine::Layout::contiguous});
  if (holds_images_)
    copy_all_images();
  else
    rows_.resize(rows * images.image_bytes());
  output_ = Tensor::empty({to_extent(rows), channels, side, side},
                          {backend.activation_type(), device, backend.preferred_layout(channels)});
  label_count_ = images.targets.size() / images.count();
  const std::size_t words = rows * words_per_image + (rows * label_count_ + 1) / 2;  // two targets in a word
  sent_ = Tensor::empty({to_extent(words)}, {DType::i64, device, engine::Layout::contiguous});
  staging_.resize(words);
  records_.reserve(rows);
  full_ = views_of(rows);
  if (const std::size_t left = images.count() % rows; left > 0) last_ = views_of(left);
}

/// In parts of some megabytes: the images need not lie one after another.
void DeviceLoader::copy_all_images() {
  kernels::Backend& backend = source_.backend();
  auto* to = static_cast<std::byte*>(source_.mutable_view().data);
  const std::size_t bytes = images_.image_bytes();
  const std::size_t at_once = std::max<std::size_t>(1, (std::size_t{64} << 20) / bytes);
  std::vector<std::uint8_t> part;
  for (std::size_t first = 0; first < images_.count(); first += at_once) {
    part.clear();
    for (std::size_t i = first; i < std::min(images_.count(), first + at_once); ++i)
      part.insert(part.end(), images_.image(i).begin(), images_.image(i).end());
    backend.copy_from_host(to + first * bytes, part.data(), part.size());
  }
}

DeviceLoader::Views DeviceLoader::views_of(std::size_t count) const {
  const auto rows = static_cast<std::size_t>(output_.dim(0));
  const std::int64_t n = to_extent(count);
  const auto part = [&](std::size_t first_word, const Shape& shape, DType dtype) {
    return Tensor::on_storage(sent_.state()->storage, first_word * sizeof(std::int64_t), shape, dtype);
  };
  Tensor images = output_;
  if (count < rows) {
    images = Tensor::on_storage(output_.state()->storage, 0,
                                {n, output_.dim(1), output_.dim(2), output_.dim(3)}, output_.dtype());
    images.state()->layout = output_.layout();
  }
  const Tensor targets =
      label_count_ == 0 ? Tensor{} : part(rows * words_per_image, {n, to_extent(label_count_)}, DType::f32);
  return {images, part(0, {n}, DType::i64), targets, part(rows, {n}, DType::i64),
          part(2 * rows, {n, sizeof(kernels::AugmentRecord)}, DType::u8)};
}

void DeviceLoader::start_epoch(std::uint64_t epoch, std::size_t first_batch) {
  XR_CHECK(first_batch <= batches_, "an epoch has {} batches: it cannot start at batch {}", batches_,
           first_batch);
  order_ = epoch_order(images_.count(), settings_, epoch);
  epoch_ = epoch;
  next_batch_ = first_batch;
  current_ = nullptr;
}

bool DeviceLoader::load_next() {
  current_ = nullptr;
  if (next_batch_ >= batches_ || order_.empty()) return false;
  const std::size_t first = next_batch_ * static_cast<std::size_t>(settings_.batch_size);
  const std::size_t rows = static_cast<std::size_t>(output_.dim(0));
  const std::size_t count = std::min(rows, images_.count() - first);
  batch_.indices = std::span(order_).subspan(first, count);
  draw();
  send();
  current_ = count == rows ? &full_ : &last_;
  batch_.images = current_->images;
  batch_.labels = current_->labels;
  batch_.targets = current_->targets;
  ++next_batch_;
  return true;
}

/// Fills the staging block for batch_.indices.
void DeviceLoader::draw() {
  const std::size_t rows = static_cast<std::size_t>(output_.dim(0)), count = batch_.indices.size();
  const std::span labels = std::span(staging_).subspan(0, count);
  const std::span positions = std::span(staging_).subspan(rows, count);
  records_.clear();
  targets_.clear();
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t index = batch_.indices[i];
    labels[i] = images_.labels[index];
    const std::span targets = images_.targets_of(index);
    targets_.insert(targets_.end(), targets.begin(), targets.end());
    positions[i] = to_extent(holds_images_ ? index : i);
    records_.push_back(record_of(draw_augmentation(settings_.augment, images_.size, images_.size,
                                                   settings_.seed, epoch_, settings_.draw_index(index))));
  }
  kernels::require_augment_records(positions, records_, source_.dim(0), images_.size);
  std::memcpy(staging_.data() + 2 * rows, records_.data(), count * sizeof(kernels::AugmentRecord));
  if (!targets_.empty())
    std::memcpy(staging_.data() + rows * words_per_image, targets_.data(), targets_.size() * sizeof(float));
  batch_.classes = labels;
  batch_.host_targets = targets_;
}

void DeviceLoader::send() {
  kernels::Backend& backend = sent_.backend();
  backend.copy_from_host(sent_.mutable_view().data, staging_.data(), staging_.size() * sizeof(std::int64_t));
  if (holds_images_) return;
  const std::size_t bytes = images_.image_bytes();
  for (std::size_t i = 0; i < batch_.count(); ++i)
    std::memcpy(rows_.data() + i * bytes, images_.image(batch_.indices[i]).data(), bytes);
  backend.copy_from_host(source_.mutable_view().data, rows_.data(), batch_.count() * bytes);
}

void DeviceLoader::make_batch() {
  XR_CHECK(current_ != nullptr, "no batch is loaded: make_batch follows a load_next that gave true");
  output_.backend().run(kernels::Augment{.images = source_.view(),
                                         .indices = current_->indices.view(),
                                         .records = current_->records.view(),
                                         .y = batch_.images.mutable_view(),
                                         .params = normalisation_});
}

const DeviceBatch* DeviceLoader::next() {
  if (!load_next()) return nullptr;
  make_batch();
  return &batch_;
}

}  // namespace xr::data
