#include "apps/xrtrain/training/batch_source.h"

#include "data/loader/device_loader.h"

namespace xr::apps {

namespace {

class HostSource final : public BatchSource {
 public:
  HostSource(const data::ImageSet& images, const data::LoaderSettings& settings,
             const kernels::Device& device)
      : loader_(images, settings), device_(device) {}

  std::size_t batch_count() const override { return loader_.batch_count(); }
  void start_epoch(std::uint64_t epoch, std::size_t first_batch) override {
    loader_.start_epoch(epoch, first_batch);
  }
  bool load_next() override {
    batch_ = loader_.next();
    if (batch_ == nullptr) return false;
    images_ = to_tensor(*batch_, device_);
    const auto count = static_cast<std::int64_t>(batch_->count()),
               targets = static_cast<std::int64_t>(batch_->targets.size());
    labels_ = targets == 0
                  ? engine::Tensor::from_host(std::span<const std::int64_t>(batch_->labels), {count}, device_)
                  : engine::Tensor::from_host(std::span<const float>(batch_->targets),
                                              {count, targets / count}, device_);
    return true;
  }
  void make_images() override {}  // the loader's threads have
  const engine::Tensor& images() const override { return images_; }
  const engine::Tensor& labels() const override { return labels_; }
  data::Truth truth() const override { return batch_->truth(); }

 private:
  data::BatchLoader loader_;
  kernels::Device device_;
  const data::Batch* batch_ = nullptr;
  engine::Tensor images_, labels_;
};

class DeviceSource final : public BatchSource {
 public:
  DeviceSource(const data::ImageSet& images, const data::LoaderSettings& settings,
               const kernels::Device& device)
      : loader_(images, settings, device) {}

  std::size_t batch_count() const override { return loader_.batch_count(); }
  void start_epoch(std::uint64_t epoch, std::size_t first_batch) override {
    loader_.start_epoch(epoch, first_batch);
  }
  bool load_next() override { return loader_.load_next(); }
  void make_images() override { loader_.make_batch(); }
  const engine::Tensor& images() const override { return loader_.batch().images; }
  const engine::Tensor& labels() const override {
    const data::DeviceBatch& batch = loader_.batch();
    return batch.targets.defined() ? batch.targets : batch.labels;
  }
  data::Truth truth() const override { return loader_.batch().truth(); }

 private:
  data::DeviceLoader loader_;
};

}  // namespace

engine::Tensor to_tensor(const data::Batch& batch, const kernels::Device& device) {
  const auto count = static_cast<std::int64_t>(batch.count());
  return engine::Tensor::from_host(std::span<const float>(batch.images),
                                   {count, batch.channels, batch.size, batch.size}, device);
}

std::unique_ptr<BatchSource> BatchSource::make(const data::ImageSet& images,
                                               const data::LoaderSettings& settings,
                                               const kernels::Device& device) {
  if (device.type == kernels::DeviceType::cpu) return std::make_unique<HostSource>(images, settings, device);
  return std::make_unique<DeviceSource>(images, settings, device);
}

}  // namespace xr::apps
