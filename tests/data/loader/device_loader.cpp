#include "data/loader/device_loader.h"

#include "tests/data/support.h"
#include "tests/devices.h"

#include <algorithm>
#include <cmath>
#include <memory>

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;
using kernels::Device;

namespace {

LoaderSettings settings_with(const AugmentSettings& augment, int batch_size = 4, int image_size = 10) {
  LoaderSettings settings;
  settings.batch_size = batch_size;
  settings.shuffle = true;
  settings.seed = 5;
  settings.augment = augment;
  settings.augment.mean = {0.4f, 0.5f, 0.6f};
  settings.augment.deviation = {0.25f, 0.5f, 0.2f};
  settings.image_size = image_size;
  settings.workers = 0;
  return settings;
}

std::vector<Device> devices() {
  return tests::devices_there({"cpu", "simt", "cuda"});
}

/// Both loaders yield the same from `first_batch` of an epoch on.
void check_epoch(BatchLoader& expected, DeviceLoader& loader, std::uint64_t epoch, std::size_t first_batch) {
  expected.start_epoch(epoch, first_batch);
  loader.start_epoch(epoch, first_batch);
  while (const Batch* batch = expected.next()) {
    const DeviceBatch* made = loader.next();
    REQUIRE(made != nullptr);
    REQUIRE(made->count() == batch->count());
    const kernels::Shape shape{static_cast<std::int64_t>(batch->count()), batch->channels, batch->size,
                               batch->size};
    REQUIRE(made->images.shape() == shape);
    CHECK(std::equal(made->indices.begin(), made->indices.end(), batch->indices.begin()));
    CHECK(std::equal(made->classes.begin(), made->classes.end(), batch->labels.begin()));
    CHECK(made->labels.to_host_i64() == batch->labels);
    CHECK(made->images.to_host() == batch->images);
  }
  CHECK(loader.next() == nullptr);
  CHECK_FALSE(loader.load_next());
}

}  // namespace

TEST_CASE("a device makes the batches that the loader makes") {
  AugmentSettings flipped = AugmentSettings::mild();
  flipped.flip_probability = 0.5;
  for (const Device& device : devices())
    for (const int channels : {1, 3})
      for (const AugmentSettings& augment : {AugmentSettings::none(), AugmentSettings::report(), flipped})
        for (const int size : {10, 12, 17}) {
          const ImageSet set = make_set(18, channels, size);
          const LoaderSettings settings = settings_with(augment);
          BatchLoader expected(set, settings);
          DeviceLoader loader(set, settings, device);
          CHECK(loader.holds_images());
          CHECK(loader.batch_count() == 5);
          for (const std::uint64_t epoch : {0u, 1u, 7u}) check_epoch(expected, loader, epoch, 0);
          check_epoch(expected, loader, 1, 3);
          check_epoch(expected, loader, 1, 5);
        }
}

TEST_CASE("a device makes the one view of all images that the loader makes") {
  const ImageSet set = make_set(9, 3, 12);
  LoaderSettings settings = settings_with(AugmentSettings::mild_geometry());
  settings.one_draw = true;
  for (const Device& device : devices()) {
    BatchLoader expected(set, settings);
    DeviceLoader loader(set, settings, device);
    for (const std::uint64_t epoch : {1u, 2u}) check_epoch(expected, loader, epoch, 0);
  }
}

TEST_CASE("a device that cannot hold the images gets those of each batch") {
  const ImageSet set = make_set(11, 3);
  const LoaderSettings settings = settings_with(AugmentSettings::report());
  for (const Device& device : devices()) {
    BatchLoader expected(set, settings);
    DeviceLoader fits(set, settings, device, set.pixels.size());
    CHECK(fits.holds_images());
    DeviceLoader loader(set, settings, device, set.pixels.size() - 1);
    CHECK_FALSE(loader.holds_images());
    for (const std::uint64_t epoch : {0u, 3u}) check_epoch(expected, loader, epoch, 0);
    check_epoch(expected, loader, 2, 2);
  }
}

TEST_CASE("a device keeps the order of the set without shuffling and takes batches larger than the set") {
  const ImageSet set = make_set(5);
  LoaderSettings settings = settings_with(AugmentSettings::none(), 9);
  settings.shuffle = false;
  for (const Device& device : devices())
    for (const std::size_t limit : {std::size_t{0}, set.pixels.size()}) {
      BatchLoader expected(set, settings);
      DeviceLoader loader(set, settings, device, limit);
      CHECK(loader.batch_count() == 1);
      check_epoch(expected, loader, 0, 0);
      loader.start_epoch(1);
      REQUIRE(loader.next() != nullptr);
      for (std::size_t i = 0; i < 5; ++i) CHECK(loader.batch().indices[i] == i);
    }
}

TEST_CASE("batches on a device keep their addresses") {
  const ImageSet set = make_set(18, 3);
  for (const Device& device : devices()) {
    DeviceLoader loader(set, settings_with(AugmentSettings::mild()), device);
    loader.start_epoch(0);
    REQUIRE(loader.next() != nullptr);
    const engine::Tensor images = loader.batch().images, labels = loader.batch().labels;
    const kernels::Layout preferred = images.backend().preferred_layout(3);
    const std::int64_t allocations = engine::allocator(device).statistics().device_allocations;
    for (std::uint64_t epoch = 0; epoch < 3; ++epoch) {
      loader.start_epoch(epoch);
      for (int b = 0; b < 5; ++b) {
        REQUIRE(loader.next() != nullptr);
        const DeviceBatch& batch = loader.batch();
        CHECK(batch.images.view().data == images.view().data);
        CHECK(batch.images.layout() == preferred);
        CHECK(batch.labels.view().data == labels.view().data);
        CHECK(batch.images.dim(0) == (b < 4 ? 4 : 2));
        CHECK(batch.labels.dim(0) == (b < 4 ? 4 : 2));
        if (b < 4) CHECK(batch.images.state() == images.state());
      }
    }
    CHECK(engine::allocator(device).statistics().device_allocations == allocations);
  }
}

TEST_CASE("a recorded batch makes whichever was loaded last") {
  const ImageSet set = make_set(17, 3, 17);  // reduced before warps, too
  const LoaderSettings settings = settings_with(AugmentSettings::mild());
  for (const Device& device : devices()) {
    kernels::Backend& backend = kernels::backend(device);
    if (!backend.can_capture()) continue;
    BatchLoader expected(set, settings);
    DeviceLoader loader(set, settings, device);
    expected.start_epoch(2);
    loader.start_epoch(2);
    const Batch* batch = expected.next();
    REQUIRE(loader.next() != nullptr);  // once before it is recorded: the workspace is there
    backend.begin_capture();
    loader.make_batch();
    const std::unique_ptr<kernels::Capture> recorded = backend.end_capture();
    for (int b = 0; b < 3; ++b) {
      batch = expected.next();
      REQUIRE(loader.load_next());
      recorded->replay();
      CHECK(loader.batch().images.to_host() == batch->images);
      CHECK(loader.batch().labels.to_host_i64() == batch->labels);
    }
    batch = expected.next();  // a smaller one
    REQUIRE(loader.next() != nullptr);
    CHECK(loader.batch().images.to_host() == batch->images);
  }
}

TEST_CASE("a device in bf16 makes batches in bf16") {
  const ImageSet set = make_set(7, 3);
  const LoaderSettings settings = settings_with(AugmentSettings::mild());
  for (const Device& device : devices()) {
    if (device.type == kernels::DeviceType::cpu) continue;
    kernels::Backend& backend = kernels::backend(device);
    backend.configure({.precision = kernels::Precision::bf16});
    DeviceLoader loader(set, settings, device);
    backend.configure({});
    CHECK(loader.batch().count() == 0);
    BatchLoader expected(set, settings);
    expected.start_epoch(0);
    loader.start_epoch(0);
    while (const Batch* batch = expected.next()) {
      REQUIRE(loader.next() != nullptr);
      CHECK(loader.batch().images.dtype() == engine::DType::bf16);
      const std::vector<float> images = loader.batch().images.to_host();
      for (std::size_t i = 0; i < images.size(); ++i)
        REQUIRE(std::abs(images[i] - batch->images[i]) <= std::abs(batch->images[i]) / 256);
    }
  }
}

TEST_CASE("device loader settings that cannot be are refused") {
  const ImageSet set = make_set(3), empty;
  const LoaderSettings good = settings_with(AugmentSettings::none());
  const Device cpu = Device::parse("cpu");
  CHECK_THROWS_AS(DeviceLoader(empty, good, cpu), Error);
  LoaderSettings settings = good;
  settings.batch_size = 0;
  CHECK_THAT(error_of([&] { DeviceLoader(set, settings, cpu); }), contains("batch size 0"));
  settings = good;
  settings.image_size = 0;
  CHECK_THROWS_AS(DeviceLoader(set, settings, cpu), Error);
  settings = good;
  settings.augment.deviation[0] = 0;
  CHECK_THROWS_AS(DeviceLoader(set, settings, cpu), Error);
  ImageSet short_of_pixels = set;
  short_of_pixels.pixels.pop_back();
  CHECK_THAT(error_of([&] { DeviceLoader(short_of_pixels, good, cpu); }), contains("431 bytes"));
  DeviceLoader loader(set, good, cpu);
  CHECK_THROWS_AS(loader.start_epoch(0, 2), Error);
  CHECK_FALSE(loader.load_next());  // no epoch was started
  CHECK_THAT(error_of([&] { loader.make_batch(); }), contains("no batch is loaded"));
  loader.start_epoch(1u << 20);
  CHECK_THAT(error_of([&] { loader.load_next(); }), contains("epoch 1048576"));
  loader.start_epoch(0);
  CHECK(loader.next() != nullptr);
}
