// Targets of several labels on their way into batches.
#include "data/loader/device_loader.h"
#include "tests/data/support.h"
#include "tests/devices.h"

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

namespace {

/// Image i has target l if (i + l) % 3 is 0; some are unknown.
ImageSet labelled_set(int count, int labels) {
  ImageSet set = make_set(count);
  for (int i = 0; i < count; ++i)
    for (int l = 0; l < labels; ++l)
      set.targets.push_back((i * labels + l) % 7 == 5 ? unknown_target : (i + l) % 3 == 0 ? 1.0f : 0.0f);
  return set;
}

LoaderSettings label_settings(int workers) {
  LoaderSettings settings;
  settings.batch_size = 4;
  settings.shuffle = true;
  settings.image_size = 12;
  settings.workers = workers;
  return settings;
}

bool same(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

}  // namespace

TEST_CASE("a batch has the targets of its images, whatever the number of workers") {
  for (const int labels : {1, 3, 14})
    for (const int workers : {0, 2}) {
      const ImageSet set = labelled_set(10, labels);
      BatchLoader loader(set, label_settings(workers));
      std::size_t batches = 0;
      loader.start_epoch(1);
      while (const Batch* batch = loader.next()) {
        ++batches;
        REQUIRE(batch->targets.size() == batch->count() * static_cast<std::size_t>(labels));
        for (std::size_t i = 0; i < batch->count(); ++i)
          CHECK(same(std::span(batch->targets)
                         .subspan(i * static_cast<std::size_t>(labels), static_cast<std::size_t>(labels)),
                     set.targets_of(batch->indices[i])));
        CHECK(same(batch->truth().targets, batch->targets));
      }
      CHECK(batches == 3);
    }
}

TEST_CASE("a device has the targets of its batch beside the images") {
  for (const kernels::Device& device : tests::devices_there({"cpu", "simt", "cuda"}))
    for (const int labels : {1, 3, 14}) {
      const ImageSet set = labelled_set(10, labels);
      DeviceLoader loader(set, label_settings(0), device);
      loader.start_epoch(2);
      while (const DeviceBatch* batch = loader.next()) {
        std::vector<float> expected;
        for (const std::size_t index : batch->indices)
          expected.insert(expected.end(), set.targets_of(index).begin(), set.targets_of(index).end());
        const auto count = static_cast<std::int64_t>(batch->count());
        CHECK(batch->targets.shape() == engine::Shape{count, labels});
        CHECK(same(batch->targets.to_host(), expected));
        CHECK(same(batch->host_targets, expected));
      }
    }
}

TEST_CASE("a set of classes has no targets") {
  const ImageSet set = make_set(5);
  BatchLoader loader(set, label_settings(0));
  loader.start_epoch(0);
  CHECK(loader.next()->targets.empty());
  ImageSet wrong = labelled_set(5, 2);
  wrong.targets.pop_back();
  CHECK_THAT(error_of([&] { BatchLoader other(wrong, label_settings(0)); }),
             contains("9 targets for 5 images"));
}
