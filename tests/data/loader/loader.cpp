#include "data/loader/loader.h"

#include "tests/data/support.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <thread>

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

namespace {

LoaderSettings settings_with(int workers, int batch_size = 4) {
  LoaderSettings settings;
  settings.batch_size = batch_size;
  settings.shuffle = true;
  settings.seed = 5;
  settings.augment = AugmentSettings::report();
  settings.image_size = 10;
  settings.workers = workers;
  return settings;
}

struct Epoch {
  std::vector<float> images;
  std::vector<std::size_t> indices;
  std::vector<std::size_t> sizes;
  bool operator==(const Epoch&) const = default;
};

Epoch read_epoch(BatchLoader& loader, std::uint64_t epoch, std::size_t first_batch = 0) {
  Epoch result;
  loader.start_epoch(epoch, first_batch);
  while (const Batch* batch = loader.next()) {
    result.images.insert(result.images.end(), batch->images.begin(), batch->images.end());
    result.indices.insert(result.indices.end(), batch->indices.begin(), batch->indices.end());
    result.sizes.push_back(batch->count());
  }
  return result;
}

}  // namespace

TEST_CASE("batches hold every image once with its label and the last is smaller") {
  const ImageSet set = make_set(18, 3);
  BatchLoader loader(set, settings_with(2));
  CHECK(loader.batch_count() == 5);
  loader.start_epoch(0);
  std::vector<std::size_t> seen;
  for (const std::size_t count : {4u, 4u, 4u, 4u, 2u}) {
    const Batch* batch = loader.next();
    REQUIRE(batch != nullptr);
    CHECK(batch->count() == count);
    CHECK(batch->images.size() == count * 3 * 10 * 10);
    CHECK(batch->channels == 3);
    CHECK(batch->size == 10);
    for (std::size_t i = 0; i < count; ++i) {
      CHECK(batch->labels[i] == set.labels[batch->indices[i]]);
      seen.push_back(batch->indices[i]);
    }
  }
  CHECK(loader.next() == nullptr);
  CHECK(loader.next() == nullptr);
  CHECK(seen == shuffled_order(18, 5, 0));
  std::sort(seen.begin(), seen.end());
  for (std::size_t i = 0; i < seen.size(); ++i) CHECK(seen[i] == i);
}

TEST_CASE("batches are the same for any number of workers") {
  const ImageSet set = make_set(37);
  BatchLoader none(set, settings_with(0)), one(set, settings_with(1)), four(set, settings_with(4));
  for (std::uint64_t epoch = 0; epoch < 6; ++epoch) {
    const Epoch expected = read_epoch(none, epoch);
    CHECK(expected.indices.size() == 37);
    CHECK(read_epoch(one, epoch) == expected);
    CHECK(read_epoch(four, epoch) == expected);
  }
  CHECK(read_epoch(four, 1).indices != read_epoch(four, 2).indices);
}

TEST_CASE("each image of a batch is what the augmenter makes of it") {
  const ImageSet set = make_set(7);
  const LoaderSettings settings = settings_with(3);
  BatchLoader loader(set, settings);
  const Epoch epoch = read_epoch(loader, 9);
  Augmenter augmenter(settings.augment, 10);
  std::vector<float> expected(100);
  for (std::size_t i = 0; i < 7; ++i) {
    const std::size_t index = epoch.indices[i];
    augmenter.apply(set.image(index), 1, 12, draw_augmentation(settings.augment, 12, 12, 5, 9, index),
                    expected);
    CHECK(std::equal(expected.begin(), expected.end(),
                     epoch.images.begin() + static_cast<std::ptrdiff_t>(i * 100)));
  }
}

TEST_CASE("one draw changes all images of an epoch alike") {
  const ImageSet set = make_set(7);
  LoaderSettings settings = settings_with(3);
  settings.shuffle = false;
  settings.one_draw = true;
  BatchLoader loader(set, settings);
  for (const std::uint64_t view : {1u, 2u}) {
    const Epoch epoch = read_epoch(loader, view);
    Augmenter augmenter(settings.augment, 10);
    std::vector<float> expected(100);
    for (std::size_t i = 0; i < 7; ++i) {
      augmenter.apply(set.image(i), 1, 12, draw_augmentation(settings.augment, 12, 12, 5, view, 0), expected);
      CHECK(std::equal(expected.begin(), expected.end(),
                       epoch.images.begin() + static_cast<std::ptrdiff_t>(i * 100)));
    }
  }
}

TEST_CASE("an epoch may start at a later batch") {
  const ImageSet set = make_set(22);
  for (const int workers : {0, 3}) {
    BatchLoader loader(set, settings_with(workers));
    const Epoch whole = read_epoch(loader, 2), rest = read_epoch(loader, 2, 3);
    CHECK(std::equal(rest.indices.begin(), rest.indices.end(), whole.indices.begin() + 12,
                     whole.indices.end()));
    CHECK(
        std::equal(rest.images.begin(), rest.images.end(), whole.images.begin() + 1200, whole.images.end()));
    CHECK(read_epoch(loader, 2, 6).indices.empty());
    CHECK_THROWS_AS(loader.start_epoch(2, 7), Error);
  }
}

TEST_CASE("without shuffling the order is that of the set") {
  const ImageSet set = make_set(9);
  LoaderSettings settings = settings_with(2);
  settings.shuffle = false;
  BatchLoader loader(set, settings);
  std::vector<std::size_t> in_order(9);
  std::iota(in_order.begin(), in_order.end(), std::size_t{0});
  CHECK(read_epoch(loader, 4).indices == in_order);
}

TEST_CASE("a loader may be left or restarted at any moment") {
  const ImageSet set = make_set(50);
  BatchLoader reference(set, settings_with(0));
  const Epoch expected = read_epoch(reference, 1);
  for (int batches = 0; batches < 8; ++batches) {
    BatchLoader loader(set, settings_with(3));
    loader.start_epoch(0);
    for (int i = 0; i < batches; ++i) loader.next();
    CHECK(read_epoch(loader, 1) == expected);
    loader.start_epoch(2);
    loader.next();
  }
}

TEST_CASE("a batch stays valid while later ones are made") {
  const ImageSet set = make_set(40);
  BatchLoader loader(set, settings_with(4));
  loader.start_epoch(0);
  while (const Batch* batch = loader.next()) {
    const Batch copy = *batch;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    CHECK(copy.images == batch->images);
    CHECK(copy.indices == batch->indices);
  }
}

TEST_CASE("an error in a background thread reaches the caller and the loader goes on") {
  const ImageSet set = make_set(20);
  for (const int workers : {0, 2}) {
    BatchLoader loader(set, settings_with(workers));
    for (int round = 0; round < 2; ++round) {
      const auto beyond_the_limit = [&] { read_epoch(loader, 1u << 20); };
      CHECK_THAT(error_of(beyond_the_limit), contains("epoch 1048576"));
      CHECK(read_epoch(loader, 0).indices.size() == 20);
    }
  }
}

TEST_CASE("loader settings that cannot be are refused") {
  const ImageSet set = make_set(3), empty;
  LoaderSettings settings = settings_with(1);
  CHECK_THROWS_AS(BatchLoader(empty, settings), Error);
  settings.batch_size = 0;
  CHECK_THAT(error_of([&] { BatchLoader(set, settings); }), contains("batch size 0"));
  settings = settings_with(-1);
  CHECK_THROWS_AS(BatchLoader(set, settings), Error);
  ImageSet short_of_pixels = set;
  short_of_pixels.pixels.pop_back();
  CHECK_THAT(error_of([&] { BatchLoader(short_of_pixels, settings_with(1)); }), contains("431 bytes"));
  settings = settings_with(1);
  settings.image_size = 0;
  CHECK_THROWS_AS(BatchLoader(set, settings), Error);
}

TEST_CASE("a rank's loader makes the pixels of its rows, the same ones, and all labels") {
  const ImageSet set = make_set(10, 1);
  for (const int workers : {0, 2}) {
    LoaderSettings settings = settings_with(workers);
    BatchLoader all(set, settings);
    settings.made_rows = [](std::size_t count) { return std::pair(count / 2, count); };
    BatchLoader half(set, settings);
    all.start_epoch(3);
    half.start_epoch(3);
    while (const Batch* const whole = all.next()) {
      const Batch* const part = half.next();
      REQUIRE(part != nullptr);
      CHECK(part->labels == whole->labels);
      CHECK(part->indices == whole->indices);
      REQUIRE(part->images.size() == whole->images.size());
      const auto first = static_cast<std::ptrdiff_t>(whole->count() / 2 * 10 * 10);
      CHECK(std::equal(part->images.begin() + first, part->images.end(), whole->images.begin() + first));
      CHECK(part->images.front() == 0.0f);  // not made: as the buffer came
    }
  }
}
