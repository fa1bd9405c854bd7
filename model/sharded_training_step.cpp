#include "model/sharded_training_step.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

namespace xr::model {

namespace {

TrainingStepSettings without_capture(TrainingStepSettings settings) {
  settings.capture = false;  // every shard lies elsewhere
  return settings;
}

/// Rows of a tensor whose first extent is the batch, in its memory.
Tensor rows_of(const Tensor& tensor, const engine::Range& rows) {
  Shape shape = tensor.shape();
  const auto row_bytes = tensor.view().bytes() / static_cast<std::size_t>(shape[0]);
  shape[0] = rows.count();
  Tensor part = Tensor::on_storage(tensor.state()->storage,
                                   tensor.state()->offset + static_cast<std::size_t>(rows.begin) * row_bytes,
                                   shape, tensor.dtype());
  part.state()->layout = tensor.layout();
  return part;
}

/// Elements of a tensor, of f32 or i64, as f32 on the host.
void copy_to(std::span<float> place, const Tensor& tensor) {
  if (tensor.dtype() == engine::DType::i64)
    std::ranges::transform(tensor.to_host_i64(), place.begin(),
                           [](std::int64_t value) { return static_cast<float>(value); });
  else
    tensor.backend().copy_to_host(place.data(), tensor.view().data, place.size_bytes());
}

/// Rows of logits, in a batch's.
std::span<float> logits_of(std::span<float> logits, const engine::Range& rows, std::int64_t classes) {
  return logits.subspan(static_cast<std::size_t>(rows.begin * classes),
                        static_cast<std::size_t>(rows.count() * classes));
}

void copy_elements(Tensor& to, const Tensor& from) {
  to.backend().copy(to.mutable_view().data, from.view().data, from.view().bytes());
}

/// Buffers of a network: its state without its parameters.
std::vector<NamedTensor> buffers_of(const Module& network) {
  std::set<std::string> parameters;
  for (const NamedTensor& entry : network.parameters()) parameters.insert(entry.name);
  std::vector<NamedTensor> buffers = network.state();
  std::erase_if(buffers, [&](const NamedTensor& entry) { return parameters.contains(entry.name); });
  return buffers;
}

std::vector<std::int64_t> offsets_of(const engine::ParameterArena& arena) {
  std::vector<std::int64_t> offsets;
  for (std::size_t i = 0; i <= arena.parameters().size(); ++i) offsets.push_back(arena.offset(i));
  return offsets;
}

std::size_t elements(const std::vector<NamedTensor>& tensors) {
  std::size_t count = 0;
  for (const NamedTensor& entry : tensors) count += static_cast<std::size_t>(entry.tensor.numel());
  return count;
}

}  // namespace

engine::Range ShardSettings::own_shards() const {
  return communicator == nullptr ? engine::Range{0, shards}
                                 : engine::shards_of_rank(shards, communicator->rank(), communicator->size());
}

engine::Range ShardSettings::own_rows(std::int64_t rows) const {
  return engine::rows_of(engine::cut_into_shards(rows, shards, min_rows), own_shards());
}

ShardedTrainingStep::ShardedTrainingStep(Module& network, engine::ParameterArena& arena,
                                         TrainingStepSettings settings, const ShardSettings& sharding)
    : network_(network),
      arena_(arena),
      class_weights_(settings.class_weights),
      sharding_(sharding),
      own_shards_(sharding.own_shards()),
      step_(network, arena, without_capture(std::move(settings))),
      buckets_(make_buckets(arena, sharding.buckets)),
      loss_place_(elements(buffers_of(network))),
      logits_place_(loss_place_ + 1),
      last_values_(bucket_widths().back()),
      sums_(bucket_widths(), sharding.shards, sharding.communicator, sharding.exchange) {
  std::size_t place = 0;
  for (const NamedTensor& entry : buffers_of(network)) {
    buffers_.push_back({entry.tensor, entry.tensor.clone(), place});
    place += static_cast<std::size_t>(entry.tensor.numel());
  }
  for (std::size_t i = 0; i < arena.parameters().size(); ++i) {
    std::vector<std::size_t>& of_parameter = buckets_of_[arena.parameters()[i].tensor.state().get()];
    for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
      const engine::Range& range = buckets_[bucket].range;
      if (arena.offset(i) >= range.end || arena.offset(i + 1) <= range.begin) continue;
      of_parameter.push_back(bucket);
      ++buckets_[bucket].parameters;
    }
  }
}

std::vector<ShardedTrainingStep::Bucket> ShardedTrainingStep::make_buckets(
    const engine::ParameterArena& arena, const engine::BucketSize& size) {
  std::vector<Bucket> buckets;
  for (const engine::Range& range : engine::cut_into_buckets(offsets_of(arena), size))
    buckets.push_back({range, 0, 0});
  return buckets;
}

std::vector<std::size_t> ShardedTrainingStep::bucket_widths() const {
  std::vector<std::size_t> widths;
  for (const Bucket& bucket : buckets_) widths.push_back(static_cast<std::size_t>(bucket.range.count()));
  widths.push_back(logits_place_ + static_cast<std::size_t>(sharding_.batch_size * sharding_.classes));
  return widths;
}

std::vector<float> ShardedTrainingStep::loss_shares(const Tensor& labels) const {
  std::vector<double> weights(cut_.size(), 0.0);
  const bool are_targets = labels.dtype() == engine::DType::f32;
  const std::vector<float> targets = are_targets ? labels.to_host() : std::vector<float>{};
  const std::vector<std::int64_t> classes = are_targets ? std::vector<std::int64_t>{} : labels.to_host_i64();
  const std::vector<float> class_weights =
      class_weights_.defined() ? class_weights_.to_host() : std::vector<float>{};
  const std::int64_t width = are_targets ? labels.dim(1) : 1;
  double total = 0;
  for (std::size_t shard = 0; shard < cut_.size(); ++shard) {
    for (std::int64_t i = cut_[shard].begin * width; i < cut_[shard].end * width; ++i) {
      const auto place = static_cast<std::size_t>(i);
      if (are_targets)
        weights[shard] += std::isnan(targets[place]) ? 0.0 : 1.0;
      else
        weights[shard] +=
            class_weights.empty() ? 1.0 : class_weights[static_cast<std::size_t>(classes[place])];
    }
    total += weights[shard];
  }
  std::vector<float> shares;
  for (const double weight : weights) shares.push_back(total > 0 ? static_cast<float>(weight / total) : 0.0f);
  return shares;
}

void ShardedTrainingStep::collect(std::span<float> values, std::int64_t shard, float share,
                                  const TrainingStep::Result& result) {
  const engine::Range rows = cut_[static_cast<std::size_t>(shard)];
  const float row_share = static_cast<float>(rows.count()) / static_cast<float>(cut_.back().end);
  std::vector<float> before;
  for (const Buffer& buffer : buffers_) {
    const std::span<float> change =
        values.subspan(buffer.place, static_cast<std::size_t>(buffer.tensor.numel()));
    before.resize(change.size());
    copy_to(change, buffer.tensor);
    copy_to(before, buffer.before);
    const bool counts_steps = buffer.tensor.dtype() == engine::DType::i64;  // not shards
    const float factor = !counts_steps ? row_share : shard == 0 ? 1.0f : 0.0f;
    for (std::size_t i = 0; i < change.size(); ++i) change[i] = factor * (change[i] - before[i]);
  }
  values[loss_place_] = share * result.loss.item();
  const std::span<float> logits = values.subspan(logits_place_);
  std::ranges::fill(logits, 0.0f);
  copy_to(logits_of(logits, rows, sharding_.classes), result.logits);
}

void ShardedTrainingStep::add_gradients(std::size_t bucket, std::int64_t shard) {
  const engine::Range& range = buckets_[bucket].range;
  const std::span<float> values = sums_.next(bucket);
  const Tensor& gradients = arena_.gradients();
  const float* const from = gradients.view().as<float>() + range.begin;
  if (is_on_device())
    gradients.backend().copy(values.data(), from, values.size_bytes());
  else
    gradients.backend().copy_to_host(values.data(), from, values.size_bytes());
  sums_.add_shard(bucket, shard);
}

void ShardedTrainingStep::write(std::span<float> place, std::span<const float> values) const {
  if (is_on_device())
    arena_.gradients().backend().copy_from_host(place.data(), values.data(), values.size_bytes());
  else
    std::ranges::copy(values, place.begin());
}

void ShardedTrainingStep::finish_gradient(std::int64_t shard, const engine::TensorState& parameter) {
  const auto found = buckets_of_.find(&parameter);
  if (found == buckets_of_.end()) return;  // not trained
  for (const std::size_t bucket : found->second)
    if (--buckets_[bucket].without_gradient == 0) add_gradients(bucket, shard);
}

void ShardedTrainingStep::run_shard(std::int64_t step, std::int64_t shard, const Tensor& images,
                                    const Tensor& labels, float share) {
  const engine::Range rows = cut_[static_cast<std::size_t>(shard)];
  const std::size_t last = buckets_.size();
  if (rows.count() == 0) {
    for (std::size_t bucket = 0; bucket <= last; ++bucket) {
      const std::span<float> place = sums_.next(bucket);
      write(place, std::vector<float>(place.size()));
      sums_.add_shard(bucket, shard);
    }
    return;
  }
  for (Buffer& buffer : buffers_) copy_elements(buffer.tensor, buffer.before);
  for (Bucket& bucket : buckets_) bucket.without_gradient = bucket.parameters;
  const Tensor loss_gradient =
      Tensor::full({}, share, {engine::DType::f32, images.device(), engine::Layout::contiguous});
  const engine::FinalGradient is_final = [&](const engine::TensorState& leaf) {
    finish_gradient(shard, leaf);
  };
  const engine::FinalGradientGuard guard(is_final);
  const TrainingStep::Result& result = step_.run(step * sharding_.shards + shard, rows_of(images, rows),
                                                 rows_of(labels, rows), {}, loss_gradient);
  for (std::size_t bucket = 0; bucket < last; ++bucket)  // parameters that the loss does not depend on
    if (buckets_[bucket].without_gradient > 0) add_gradients(bucket, shard);
  collect(last_values_, shard, share, result);
  write(sums_.next(last), last_values_);
  sums_.add_shard(last, shard);
}

void ShardedTrainingStep::apply() {
  Tensor& gradients = arena_.gradients();
  for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    const std::span<const float> sum = sums_.finish(bucket);
    float* const place = gradients.mutable_view().as<float>() + buckets_[bucket].range.begin;
    if (is_on_device())
      gradients.backend().copy(place, sum.data(), sum.size_bytes());
    else
      gradients.backend().copy_from_host(place, sum.data(), sum.size_bytes());
  }
  arena_.mark_gradients_written();
  std::span<const float> sum = sums_.finish(buckets_.size());
  if (is_on_device()) {
    gradients.backend().copy_to_host(last_values_.data(), sum.data(), sum.size_bytes());
    sum = last_values_;
  }
  apply_buffers(sum);
  const engine::Device& device = gradients.device();
  const std::int64_t rows = cut_.back().end;
  result_.loss = Tensor::from_host(sum.subspan(loss_place_, 1), {}, device);
  result_.logits =
      Tensor::from_host(sum.subspan(logits_place_, static_cast<std::size_t>(rows * sharding_.classes)),
                        {rows, sharding_.classes}, device);
}

void ShardedTrainingStep::apply_buffers(std::span<const float> sum) {
  for (Buffer& buffer : buffers_) {
    const auto count = static_cast<std::size_t>(buffer.tensor.numel());
    const std::span<const float> change = sum.subspan(buffer.place, count);
    if (buffer.tensor.dtype() == engine::DType::i64) {
      std::vector<std::int64_t> values = buffer.before.to_host_i64();
      for (std::size_t i = 0; i < count; ++i) values[i] += static_cast<std::int64_t>(change[i]);
      buffer.tensor.backend().copy_from_host(buffer.tensor.mutable_view().data, values.data(),
                                             count * sizeof values[0]);
    } else {
      std::vector<float> values = buffer.before.to_host();
      for (std::size_t i = 0; i < count; ++i) values[i] += change[i];
      buffer.tensor.copy_from_host(values);
    }
  }
}

const TrainingStep::Result& ShardedTrainingStep::run(std::int64_t step, const Tensor& images,
                                                     const Tensor& labels,
                                                     const std::function<void()>& make_images) {
  XR_CHECK(images.dim(0) <= sharding_.batch_size, "a batch of {} images is larger than the {} of this step",
           images.dim(0), sharding_.batch_size);
  if (make_images) make_images();
  cut_ = engine::cut_into_shards(images.dim(0), sharding_.shards, sharding_.min_rows);
  const std::vector<float> shares = loss_shares(labels);
  for (Buffer& buffer : buffers_) copy_elements(buffer.before, buffer.tensor);
  sums_.begin();
  for (std::int64_t shard = own_shards_.begin; shard < own_shards_.end; ++shard)
    run_shard(step, shard, images, labels, shares[static_cast<std::size_t>(shard)]);
  apply();
  network_.set_step(step);
  return result_;
}

}  // namespace xr::model
