#include "data/dataset/image_set.h"
#include "data/content_hash.h"

#include "data/dataset/image_cache.h"
#include "data/image/resize.h"
#include "tests/data/support.h"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <optional>

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

namespace {

const std::vector<std::string> classes = {"a", "b"};

std::vector<Sample> make_images(const fs::path& folder, int per_class) {
  std::vector<Sample> samples;
  for (int c = 0; c < 2; ++c)
    for (int i = 0; i < per_class; ++i) {
      samples.push_back({fmt::format("{}/{:02}.png", classes[c], i), c, ""});
      make_png(folder / samples.back().path, 100 * c + i, 20);
    }
  return samples;
}

LoadSettings settings_for(const TemporaryFolder& folder, int channels = 1) {
  LoadSettings settings;
  settings.format = {StoredShape::square, 12, channels};
  settings.cache_directory = folder / "cache";
  settings.workers = 2;
  return settings;
}

fs::path only_cache_file(const TemporaryFolder& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder / "cache")) files.push_back(entry.path());
  REQUIRE(files.size() == 1);
  return files[0];
}

void flip_byte(const fs::path& path, std::size_t at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(at));
  const char byte = static_cast<char>(file.get() ^ 1);
  file.seekp(static_cast<std::streamoff>(at));
  file.put(byte);
}

}  // namespace

TEST_CASE("images are decoded and resized in sample order whatever the number of workers") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = make_images(folder / "data", 8);
  LoadSettings settings = settings_for(folder);
  settings.cache_directory.clear();
  settings.workers = 1;
  const ImageSet one = load_images(folder / "data", samples, classes, settings);
  settings.workers = 4;
  const ImageSet four = load_images(folder / "data", samples, classes, settings);
  CHECK(one.count() == 16);
  CHECK(one.decoded == 16);
  CHECK(one.pixels == four.pixels);
  CHECK(one.labels == four.labels);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const Image expected = resize(read_image(folder / "data" / samples[i].path, 1), 12, 12);
    CHECK(
        std::equal(expected.pixels.begin(), expected.pixels.end(), one.image(i).begin(), one.image(i).end()));
    CHECK(one.samples[i].path == samples[i].path);
  }
  CHECK_FALSE(fs::exists(folder / "cache"));
}

TEST_CASE("colour images are stored channel after channel") {
  const TemporaryFolder folder;
  write_png(folder / "colour.png", random_image(12, 12, 3));
  const auto planar = load_image(folder / "colour.png", {StoredShape::short_side, 12, 3});
  const Image image = read_image(folder / "colour.png", 3);
  for (std::size_t i = 0; i < 144; ++i)
    for (std::size_t c = 0; c < 3; ++c) REQUIRE(planar[c * 144 + i] == image.pixels[i * 3 + c]);
}

TEST_CASE("a second load takes everything from the cache") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = make_images(folder / "data", 4);
  for (const int channels : {1, 3}) {
    const LoadSettings settings = settings_for(folder, channels);
    const ImageSet first = load_images(folder / "data", samples, classes, settings);
    CHECK(first.decoded == 8);
    CHECK(first.warnings.empty());
    const ImageSet second = load_images(folder / "data", samples, classes, settings);
    CHECK(second.decoded == 0);
    CHECK(second.pixels == first.pixels);
    CHECK(second.labels == first.labels);
  }
}

TEST_CASE("a fingerprint is that of the decoded picture, whatever it is stored as") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = make_images(folder / "data", 3);
  LoadSettings settings = settings_for(folder);
  const ImageSet fresh = load_images(folder / "data", samples, classes, settings);
  REQUIRE(fresh.fingerprints.size() == 6);
  CHECK(fresh.fingerprints[0] != fresh.fingerprints[1]);
  const ImageSet cached = load_images(folder / "data", samples, classes, settings);
  CHECK(cached.decoded == 0);
  CHECK(cached.fingerprints == fresh.fingerprints);
  settings.format = {StoredShape::short_side, 9, 1, Mask::middle};
  CHECK(load_images(folder / "data", samples, classes, settings).fingerprints == fresh.fingerprints);
  // One grey level of one pixel, which the stored size hardly shows.
  Image image = read_image(folder / "data" / samples[2].path, 1);
  image.pixels[7] ^= 1;
  write_png(folder / "data" / samples[2].path, image);
  const ImageSet changed = load_images(folder / "data", samples, classes, settings);
  CHECK(changed.fingerprints[1] == fresh.fingerprints[1]);
  CHECK(changed.fingerprints[2] != fresh.fingerprints[2]);
}

TEST_CASE("changed and added and removed files are noticed and other splits share the cache") {
  const TemporaryFolder folder;
  std::vector<Sample> samples = make_images(folder / "data", 4);
  const LoadSettings settings = settings_for(folder);
  const auto load = [&](std::span<const Sample> some) {
    return load_images(folder / "data", some, classes, settings);
  };
  CHECK(load(samples).decoded == 8);
  CHECK(load(std::span(samples).subspan(2, 5)).decoded == 0);  // another split of the same folder

  make_png(folder / "data" / samples[3].path, 999, 20);
  const ImageSet changed = load(samples);
  CHECK(changed.decoded == 1);
  const Image expected = resize(read_image(folder / "data" / samples[3].path, 1), 12, 12);
  CHECK(std::equal(expected.pixels.begin(), expected.pixels.end(), changed.image(3).begin()));

  fs::last_write_time(folder / "data" / samples[5].path,
                      fs::last_write_time(folder / "data" / samples[5].path) + std::chrono::seconds(1));
  CHECK(load(samples).decoded == 1);

  samples.push_back({"b/new.png", 1, ""});
  make_png(folder / "data/b/new.png", 7, 20);
  CHECK(load(samples).decoded == 1);
  const auto with_new = fs::file_size(only_cache_file(folder));
  fs::remove(folder / "data/b/new.png");
  samples.pop_back();
  make_png(folder / "data" / samples[0].path, 998, 20);
  CHECK(load(samples).decoded == 1);
  CHECK(fs::file_size(only_cache_file(folder)) < with_new);  // the removed file's pixels are dropped
}

TEST_CASE("a damaged cache is rebuilt wherever the damage is") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = make_images(folder / "data", 3);
  const LoadSettings settings = settings_for(folder);
  const ImageSet good = load_images(folder / "data", samples, classes, settings);
  const fs::path cache = only_cache_file(folder);
  const std::size_t size = fs::file_size(cache);
  for (std::size_t at = 0; at < size; at += at < 400 ? 1 : 13) {
    INFO("byte " << at << " of " << size);
    flip_byte(cache, at);
    const ImageSet again = load_images(folder / "data", samples, classes, settings);
    CHECK(again.decoded > 0);
    REQUIRE(again.pixels == good.pixels);
  }
  for (const std::size_t cut : {std::size_t{0}, std::size_t{20}, size / 2, size - 1}) {
    fs::resize_file(cache, cut);
    const ImageSet again = load_images(folder / "data", samples, classes, settings);
    CHECK(again.decoded > 0);
    CHECK(again.pixels == good.pixels);
  }
  CHECK(load_images(folder / "data", samples, classes, settings).decoded == 0);
}

TEST_CASE("an unwritable cache is a warning") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = make_images(folder / "data", 2);
  LoadSettings settings = settings_for(folder);
  write_bytes(folder / "file", bytes_of("x"));
  settings.cache_directory = folder / "file/below";
  const ImageSet set = load_images(folder / "data", samples, classes, settings);
  CHECK(set.count() == 4);
  REQUIRE(set.warnings.size() == 1);
  CHECK_THAT(set.warnings[0], contains("not kept for the next run"));
}

TEST_CASE("files that cannot be decoded are skipped or with strict an error") {
  const TemporaryFolder folder;
  std::vector<Sample> samples = make_images(folder / "data", 4);
  write_bytes(folder / "data" / samples[1].path, bytes_of("only text"));
  write_bytes(folder / "data" / samples[6].path, {});
  LoadSettings settings = settings_for(folder);
  for (int run = 0; run < 2; ++run) {  // the second run from the cache says the same
    const ImageSet set = load_images(folder / "data", samples, classes, settings);
    CHECK(set.count() == 6);
    REQUIRE(set.skipped.size() == 2);
    CHECK(set.skipped[0].path == samples[1].path);
    CHECK_THAT(set.skipped[0].reason, contains("no JPEG, PNG"));
    CHECK_THAT(set.skipped[1].reason, contains("is empty"));
    CHECK(set.samples[1].path == samples[2].path);
  }
  settings.strict = true;
  for (const int workers : {1, 4}) {
    settings.workers = workers;
    CHECK_THAT(error_of([&] { load_images(folder / "data", samples, classes, settings); }),
               contains("a/01.png") && contains("replace or remove the file"));
  }
}

TEST_CASE("a class left empty is always an error") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = make_images(folder / "data", 2);
  for (const int i : {2, 3}) write_bytes(folder / "data" / samples[i].path, bytes_of("only text"));
  CHECK_THAT(error_of([&] { load_images(folder / "data", samples, classes, settings_for(folder)); }),
             contains("class 'b' is left empty: none of its 2 image(s)") && contains("b/00.png"));
}

TEST_CASE("progress is told and its exception passes through") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = make_images(folder / "data", 5);
  LoadSettings settings = settings_for(folder);
  std::size_t last = 0;
  settings.progress = [&](std::size_t done, std::size_t all) {
    CHECK(done > last);
    CHECK(all == 10);
    last = done;
  };
  load_images(folder / "data", samples, classes, settings);
  CHECK(last == 10);
  settings.cache_directory.clear();
  settings.progress = [](std::size_t, std::size_t) { throw Error("interrupted"); };
  CHECK_THROWS_WITH(load_images(folder / "data", samples, classes, settings), "interrupted");
}

TEST_CASE("the content hash changes with every bit and with the length") {
  std::vector<std::byte> bytes(100);
  const std::uint64_t whole = content_hash(bytes);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] ^= std::byte{0x40};
    CHECK(content_hash(bytes) != whole);
    bytes[i] ^= std::byte{0x40};
    CHECK(content_hash(std::span(bytes).first(i)) != whole);
  }
  CHECK(content_hash(bytes) == whole);
  CHECK(content_hash(bytes, 1) != whole);
}
