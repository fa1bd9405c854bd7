#include "data/dataset/image_cache.h"

#include "data/image/resize.h"
#include "tests/data/dataset/two_classes.h"

#include <chrono>
#include <fstream>
#include <thread>

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

namespace {

/// The files of the cache with this extension, and their bytes.
std::vector<fs::path> cache_files(const TemporaryFolder& folder, const char* extension) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder / "cache"))
    if (entry.path().extension() == extension) files.push_back(entry.path());
  return files;
}

std::uintmax_t cached_bytes(const TemporaryFolder& folder) {
  std::uintmax_t bytes = 0;
  for (const fs::path& path : cache_files(folder, ".pixels")) bytes += fs::file_size(path);
  return bytes;
}

/// As long ago as a file must be for its stamp to count alone.
void let_age() {
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
}

/// 12 x 12 pixels of one grey level, 24 bits each.
void write_bmp(const fs::path& path, std::uint8_t grey) {
  std::vector<std::uint8_t> bytes = {'B', 'M'};
  const auto add = [&](std::uint32_t value, int count) {
    for (int i = 0; i < count; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> 8 * i));
  };
  add(54 + 12 * 12 * 3, 4), add(0, 4), add(54, 4);
  add(40, 4), add(12, 4), add(12, 4), add(1, 2), add(24, 2), add(0, 4), add(12 * 12 * 3, 4);
  add(2835, 4), add(2835, 4), add(0, 4), add(0, 4);
  bytes.resize(bytes.size() + 12 * 12 * 3, grey);
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

void flip_byte(const fs::path& path, std::size_t at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(at));
  const char byte = static_cast<char>(file.get() ^ 1);
  file.seekp(static_cast<std::streamoff>(at));
  file.put(byte);
}

}  // namespace

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
    CHECK(pixels_of(second) == pixels_of(first));
    CHECK(second.labels == first.labels);
  }
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
  CHECK(load(samples).decoded == 0);  // the content is the same

  samples.push_back({"b/new.png", 1, ""});
  make_png(folder / "data/b/new.png", 7, 20);
  CHECK(load(samples).decoded == 1);
  fs::remove(folder / "data/b/new.png");
  samples.pop_back();
  for (int i = 0; i < 30; ++i) {
    make_png(folder / "data" / samples[0].path, 100 + i, 20);
    REQUIRE(load(samples).decoded == 1);
  }
  // Pixels that nothing needs are dropped.
  CHECK(cached_bytes(folder) <= 2 * samples.size() * slot_bytes(settings.format));
  CHECK(cache_files(folder, ".bin").size() == 1);
}

TEST_CASE("a file changed in place with its size and time restored gives the new image") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = {{"a/image.bmp", 0, ""}, {"b/other.bmp", 1, ""}};
  fs::create_directories(folder / "data/a");
  fs::create_directories(folder / "data/b");
  for (const Sample& sample : samples) write_bmp(folder / "data" / sample.path, 50);
  const fs::path path = folder / "data/a/image.bmp";
  const LoadSettings settings = settings_for(folder);
  const bool aged = GENERATE(false, true);  // a file just written, and one whose stamp counts
  if (aged) let_age();
  CHECK(load_images(folder / "data", samples, classes, settings).image(0)[0] == 50);
  const auto size = fs::file_size(path);
  const auto time = fs::last_write_time(path);
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);  // the same inode
    file.seekp(static_cast<std::streamoff>(size - 12 * 12 * 3));
    for (int i = 0; i < 12 * 12 * 3; ++i) file.put(static_cast<char>(200));
  }
  fs::last_write_time(path, time);
  REQUIRE(fs::file_size(path) == size);
  REQUIRE(fs::last_write_time(path) == time);
  const ImageSet changed = load_images(folder / "data", samples, classes, settings);
  CHECK(changed.decoded == 1);
  CHECK(changed.image(0)[0] == 200);
  CHECK(changed.image(1)[0] == 50);
}

TEST_CASE("a copy of the folder with other times and inodes decodes nothing again") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = make_images(folder / "data", 4);
  const LoadSettings settings = settings_for(folder);
  const ImageSet first = load_images(folder / "data", samples, classes, settings);
  fs::copy(folder / "data", folder / "copy", fs::copy_options::recursive);
  fs::remove_all(folder / "data");
  fs::rename(folder / "copy", folder / "data");
  let_age();
  // A split of the folder at a time: what was not asked for stays.
  const ImageSet half = load_images(folder / "data", std::span(samples).first(5), classes, settings);
  CHECK(half.decoded == 0);
  const ImageSet all = load_images(folder / "data", samples, classes, settings);
  CHECK(all.decoded == 0);
  CHECK(pixels_of(all) == pixels_of(first));
  // From now on the stamps alone count: the content is not read.
  const ImageCache cache(ImageCache::file_for(folder / "cache", folder / "data", settings.format),
                         settings.format);
  const auto hit = cache.find(samples[0].path, folder / "data" / samples[0].path);
  REQUIRE(hit);
  CHECK_FALSE(hit->stamp);
}

TEST_CASE("segments that a killed program left are removed, those of a running one are not") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = make_images(folder / "data", 2);
  const LoadSettings settings = settings_for(folder);
  const fs::path index = ImageCache::file_for(folder / "cache", folder / "data", settings.format);
  fs::create_directories(folder / "cache");
  const fs::path old = CacheSegment::file_of(folder / "cache", index.stem().string(), 1),
                 young = CacheSegment::file_of(folder / "cache", index.stem().string(), 2),
                 other = CacheSegment::file_of(folder / "cache", "images-of-another-folder", 1);
  for (const fs::path& path : {old, young, other}) write_bytes(path, bytes_of("x"));
  for (const fs::path& path : {old, other})
    fs::last_write_time(path, fs::last_write_time(path) - std::chrono::hours(2));
  CHECK(load_images(folder / "data", samples, classes, settings).decoded == 4);
  CHECK_FALSE(fs::exists(old));
  CHECK(fs::exists(young));
  CHECK(fs::exists(other));
}

TEST_CASE("two threads that load the same folder into one cache both get their images") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = make_images(folder / "data", 6);
  const LoadSettings settings = settings_for(folder);
  ImageSet a, b;
  {
    const std::jthread first([&] { a = load_images(folder / "data", samples, classes, settings); });
    const std::jthread second([&] { b = load_images(folder / "data", samples, classes, settings); });
  }
  CHECK(pixels_of(a) == pixels_of(b));
  CHECK(load_images(folder / "data", samples, classes, settings).decoded == 0);
  CHECK(pixels_of(a) == pixels_of(b));
}

TEST_CASE("a damaged cache is rebuilt wherever the damage is") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = make_images(folder / "data", 3);
  const LoadSettings settings = settings_for(folder);
  const ImageSet good = load_images(folder / "data", samples, classes, settings);
  /// The only file of a new cache with this extension.
  const auto fresh = [&](const char* extension) {
    fs::remove_all(folder / "cache");
    (void)load_images(folder / "data", samples, classes, settings);
    return cache_files(folder, extension).at(0);
  };
  const auto check_rebuilt = [&] {
    const ImageSet again = load_images(folder / "data", samples, classes, settings);
    CHECK(again.decoded > 0);
    CHECK(pixels_of(again) == pixels_of(good));
    CHECK(load_images(folder / "data", samples, classes, settings).decoded == 0);
  };
  for (const char* extension : {".bin", ".pixels"}) {
    for (std::size_t at = 0; at < fs::file_size(fresh(extension)); at += at < 400 ? 7 : 311) {
      INFO("byte " << at << " of " << extension);
      flip_byte(cache_files(folder, extension).at(0), at);
      check_rebuilt();
    }
    for (const double part : {0.0, 0.1, 0.5, 0.999}) {
      const fs::path cache = fresh(extension);
      fs::resize_file(cache, static_cast<std::uintmax_t>(part * static_cast<double>(fs::file_size(cache))));
      check_rebuilt();
    }
  }
  fs::remove(fresh(".pixels"));
  check_rebuilt();
}

TEST_CASE("a cache that was written through to the disk is verified only where it changed since") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = make_images(folder / "data", 4);
  LoadSettings settings = settings_for(folder);
  const bool synced = GENERATE(true, false);
  settings.min_synced_bytes = samples.size() * slot_bytes(settings.format) + (synced ? 0 : 1);
  const auto load = [&] { return load_images(folder / "data", samples, classes, settings); };
  const auto verifies = [&](std::size_t sample) {
    const ImageCache cache(ImageCache::file_for(folder / "cache", folder / "data", settings.format),
                           settings.format);
    const auto hit = cache.find(samples[sample].path, folder / "data" / samples[sample].path);
    return hit ? (hit->verified ? "yes" : "no") : "damaged";
  };
  const ImageSet good = load();
  const std::vector<std::uint8_t> pixels = pixels_of(good);  // the set itself is mapped
  const PicturePrint print = good.print(7);
  const PictureMarks marks = good.marks(7);
  CHECK(verifies(0) == std::string(synced ? "no" : "yes"));
  CHECK(load().decoded == 0);
  CHECK(verifies(0) == std::string(synced ? "no" : "yes"));
  if (!synced) return;

  settings.min_synced_bytes = 4 * slot_bytes(settings.format);
  const fs::path segment = cache_files(folder, ".pixels").at(0);
  const auto change = [&](std::size_t at) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the clock of the file system ticks
    flip_byte(segment, at);
  };
  change(0), change(0);
  CHECK(verifies(0) == std::string("yes"));
  CHECK(load().decoded == 0);
  CHECK(verifies(0) == std::string("no"));  // all of the segment is found intact

  const auto last = static_cast<std::size_t>(fs::file_size(segment)) - 1;  // of the facts of the last image
  for (const auto& [sample, at] : {std::pair(0u, std::size_t{0}), std::pair(7u, last)}) {
    change(at);
    CHECK(verifies(sample) == std::string("damaged"));
    CHECK(verifies(3) == std::string("yes"));
    (void)load_images(folder / "data", std::span(samples).subspan(2, 4), classes, settings);
    CHECK(verifies(3) == std::string("yes"));  // that was not all of the segment
    const ImageSet again = load();
    CHECK(again.decoded == 1);
    CHECK(pixels_of(again) == pixels);
    CHECK(again.print(7) == print);
    CHECK(again.marks(7) == marks);
    CHECK(load().decoded == 0);
    CHECK(verifies(sample) == std::string("no"));
    CHECK(verifies(3) == std::string("no"));
  }
}

TEST_CASE("a cache that is made smaller stays one that need not be verified") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = make_images(folder / "data", 4);
  LoadSettings settings = settings_for(folder);
  settings.min_synced_bytes = GENERATE(0u, 1u << 20);
  const ImageSet good = load_images(folder / "data", samples, classes, settings);
  for (std::size_t i = 1; i < 6; ++i) fs::remove(folder / "data" / samples[i].path);
  make_png(folder / "data/b/new.png", 7, 20);
  std::vector<Sample> rest = {samples[0], samples[6], samples[7], {"b/new.png", 1, ""}};
  const ImageSet fewer = load_images(folder / "data", rest, classes, settings);
  CHECK(cached_bytes(folder) == 4 * slot_bytes(settings.format));  // one segment in place of two
  CHECK(std::ranges::equal(fewer.image(2), good.image(7)));
  const ImageSet again = load_images(folder / "data", rest, classes, settings);
  CHECK(again.decoded == 0);
  CHECK(pixels_of(again) == pixels_of(fewer));
  CHECK(again.print(2) == good.print(7));
  const ImageCache cache(ImageCache::file_for(folder / "cache", folder / "data", settings.format),
                         settings.format);
  CHECK(cache.find(samples[7].path, folder / "data" / samples[7].path)->verified ==
        (settings.min_synced_bytes > 0));
}

TEST_CASE("sums over the pixels come from the cache and are those of the pixels") {
  const TemporaryFolder folder;
  std::vector<Sample> samples = make_images(folder / "data", 4);
  for (const int channels : {1, 3}) {
    const LoadSettings settings = settings_for(folder, channels);
    const auto load = [&](std::span<const Sample> some) {
      const ImageSet set = load_images(folder / "data", some, classes, settings);
      const ImageCache cache(ImageCache::file_for(folder / "cache", folder / "data", settings.format),
                             settings.format);
      REQUIRE(set.summary);
      CHECK(*set.summary == summarize(set));
      return *set.summary;
    };
    const PixelSummary first = load(samples);
    CHECK(load(samples) == first);
    std::uint64_t sum = 0, squares = 0;
    for (const Sample& sample : samples)
      for (const std::uint8_t pixel : resize(read_image(folder / "data" / sample.path, 1), 12, 12).pixels) {
        sum += pixel;
        squares += std::uint64_t{pixel} * pixel;
      }
    CHECK(first.sums[0] == sum);
    CHECK(first.squares[0] == squares);
    CHECK(first.sums[2] == (channels == 3 ? sum : 0));
    CHECK(load(std::span(samples).first(7)) != first);
    std::swap(samples[0], samples[1]);
    CHECK(load(samples).hash != first.hash);  // of the images in their order
    CHECK(load(samples).sums == first.sums);
    std::swap(samples[0], samples[1]);
  }
  LoadSettings settings = settings_for(folder);
  make_png(folder / "data" / samples[3].path, 999, 20);
  const ImageSet changed = load_images(folder / "data", samples, classes, settings);
  CHECK(*changed.summary == summarize(changed));
  settings.format.mask = Mask::middle;
  const ImageSet masked = load_images(folder / "data", samples, classes, settings);
  CHECK_FALSE(masked.summary);
  CHECK(masked.print(0) == changed.print(0));
  settings.cache_directory.clear();
  CHECK_FALSE(load_images(folder / "data", samples, classes, settings).summary);
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
