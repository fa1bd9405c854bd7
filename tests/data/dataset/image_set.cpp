#include "data/dataset/image_set.h"

#include "data/dataset/find_sample_depths.h"
#include "data/image/resize.h"
#include "tests/data/dataset/two_classes.h"
#include "tests/data/png_writer.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

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
  CHECK(pixels_of(one) == pixels_of(four));
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

TEST_CASE("the print of an image is that of the decoded file, whatever it is stored as") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = make_images(folder / "data", 2);
  for (const int channels : {1, 3})
    for (const bool cached : {false, true}) {
      LoadSettings settings = settings_for(folder, channels);
      settings.format.shape = StoredShape::short_side;
      if (!cached) settings.cache_directory.clear();
      for (int run = 0; run < 2; ++run) {
        const ImageSet set = load_images(folder / "data", samples, classes, settings);
        CHECK(set.decoded == (cached && run == 1 ? 0 : 4));
        for (std::size_t i = 0; i < set.count(); ++i)
          CHECK(set.print(i) == print_of(read_image(folder / "data" / samples[i].path, 1)));
      }
    }
}

TEST_CASE("the marks of an image are those of the decoded file, also from the cache") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = make_images(folder / "data", 2);
  write_png(folder / "data" / samples[0].path, {20, 20, 1, std::vector<std::uint8_t>(400, 9)});
  std::vector<std::uint8_t> half(20 * 20 * 2, 255);
  half[1] = 7;  // of grey and alpha
  half[2] = 0;
  write_bytes(folder / "data" / samples[1].path, png_of(20, 20, 2, half));
  std::vector<std::byte> deep = bytes_of("P5 20 20 65535\n");
  for (int i = 0; i < 400; ++i) deep.insert(deep.end(), {std::byte{0x0F}, static_cast<std::byte>(i & 255)});
  write_bytes(folder / "data" / samples[2].path, deep);
  for (int run = 0; run < 2; ++run) {
    const ImageSet set = load_images(folder / "data", samples, classes, settings_for(folder));
    CHECK(set.decoded == (run == 0 ? 4 : 0));
    CHECK(set.marks(0) == PictureMarks{8, 0, Transparency::none, true});
    CHECK(set.marks(1) == PictureMarks{8, 0, Transparency::some, false});
    CHECK(set.marks(2) == PictureMarks{16, 12, Transparency::none, false});
    CHECK(set.marks(3) == PictureMarks{8, 0, Transparency::none, false});
  }
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
    CHECK_THAT(set.skipped[0].reason, contains("not an image"));
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

TEST_CASE("files that vanish or turn into something else after the scan are skipped") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = make_images(folder / "data", 6);
  const auto path = [&](std::size_t i) { return folder / "data" / samples[i].path; };
  for (const std::size_t i : {1, 2, 7, 8}) fs::remove(path(i));
  fs::create_directory(path(2));
  REQUIRE(::mkfifo(path(7).c_str(), 0600) == 0);
  fs::create_symlink("/dev/zero", path(8));
  const ImageSet set = load_images(folder / "data", samples, classes, settings_for(folder));
  CHECK(set.count() == 8);
  REQUIRE(set.skipped.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) CHECK(set.skipped[i].path == samples[std::array{1, 2, 7, 8}[i]].path);
}

TEST_CASE("a class left empty is always an error") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = make_images(folder / "data", 2);
  for (const int i : {2, 3}) write_bytes(folder / "data" / samples[i].path, bytes_of("only text"));
  CHECK_THAT(error_of([&] { load_images(folder / "data", samples, classes, settings_for(folder)); }),
             contains("class 'b' is left empty: none of its 2 image(s)") && contains("b/00.png"));
}

TEST_CASE("what a class may lose is judged over the parts that were split off it") {
  std::vector<Sample> samples;
  for (int i = 0; i < 12; ++i) samples.push_back({fmt::format("{:02}.png", i), i % 2, {}});
  const auto without = [&](std::size_t begin, std::size_t end, std::initializer_list<int> lost) {
    ImageSet set;
    for (std::size_t i = begin; i < end; ++i)
      if (std::ranges::find(lost, static_cast<int>(i)) == lost.end())
        set.add_sample(samples[i]);
      else
        set.skipped.push_back({samples[i].path, "damaged", SkipKind::unreadable});
    return set;
  };
  const auto message = [&](std::initializer_list<int> lost) -> std::string {
    const ImageSet first = without(0, 6, lost), second = without(6, 12, lost);
    const LoadedPart parts[] = {{std::span(samples).first(6), &first}, {std::span(samples).last(6), &second}};
    try {
      require_classes(parts, classes);
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  };
  CHECK(message({0, 2, 6}).empty());  // two of three of the first part, three of six in all
  CHECK_THAT(message({0, 2, 6, 8}), contains("class 'a' loses most of its files: 4 of 6"));
  CHECK_THAT(message({7, 9, 11}), contains("class 'b' is left empty: none of its 3 image(s)"));
  for (Sample& sample : samples) sample.targets = {1.0f, 0.0f};
  CHECK(message({0, 1, 2, 3, 4, 5}).empty());
  CHECK_THAT(message({0, 1, 2, 3, 4, 5, 6}), contains("7 of 12 image(s) cannot be decoded"));
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

TEST_CASE("images of 16 bits are scaled by the bits that the set uses and the cache keeps that apart") {
  const TemporaryFolder folder;
  std::vector<Sample> samples;
  for (int i = 0; i < 30; ++i) {
    std::vector<std::byte> file = bytes_of("P5 8 8 65535\n");
    for (unsigned pixel = 0; pixel < 64; ++pixel) {
      const unsigned sample = pixel * (i == 7 ? 14 : 65);  // up to 4095; one dark image up to 882
      file.push_back(static_cast<std::byte>(sample >> 8));
      file.push_back(static_cast<std::byte>(sample & 255));
    }
    samples.push_back({fmt::format("a/{:02}.pgm", i), 0, {}});
    write_bytes(folder / "data" / samples.back().path, file);
  }
  const SampleDepths depths = find_sample_depths(folder / "data", samples, 2);
  CHECK(depths.text() == "12");
  LoadSettings settings;
  settings.format.size = 8;
  settings.cache_directory = folder / "cache";
  const ImageSet alone = load_images(folder / "data", samples, {"a"}, settings);
  settings.format.depths = depths;
  const ImageSet set = load_images(folder / "data", samples, {"a"}, settings);
  CHECK(set.decoded == 30);
  CHECK(set.image(0)[63] == 255);
  CHECK(set.image(7)[63] == 55);     // 882 of 4095
  CHECK(alone.image(7)[63] == 220);  // 882 of 1023
  CHECK(find_sample_depths(folder / "nothing", samples, 1).empty());
  make_png(folder / "data/b.png");
  CHECK(find_sample_depths(folder / "data", std::vector<Sample>{{"b.png", 0, {}}}, 1).empty());
}

TEST_CASE("the depths of a large set are those of images from all of it, however long their headers are") {
  const TemporaryFolder folder;
  std::string deep;
  for (int pixel = 0; pixel < 64; ++pixel) deep += pixel % 2 == 0 ? "\x0F\x10" : "\x02\x03";
  std::vector<Sample> samples;
  for (int i = 0; i < 1500; ++i) {
    samples.push_back({fmt::format("a/{:04}.pgm", i), 0, {}});
    write_bytes(folder / samples.back().path,
                bytes_of(i < 1100 ? "P5 8 8 255\n" + std::string(64, static_cast<char>(i))
                                  : "P5 8 8 65535\n" + deep));
  }
  CHECK(find_sample_depths(folder.path(), samples, 2).text() == "12");
  write_bytes(folder / "b.pgm", bytes_of("P5\n#" + std::string(70000, 'x') + "\n8 8 65535\n" + deep));
  CHECK(find_sample_depths(folder.path(), std::vector<Sample>{{"b.pgm", 0, {}}}, 1).text() == "12");
}

TEST_CASE("an image in colours is of one level if all its pixels are the same") {
  CHECK(marks_of(Image{2, 1, 3, {10, 20, 30, 10, 20, 30}}).one_level);
  CHECK_FALSE(marks_of(Image{2, 1, 3, {10, 20, 30, 10, 20, 31}}).one_level);
  CHECK(marks_of(Image{3, 1, 1, {7, 7, 7}}).one_level);
}

TEST_CASE("marks that no program wrote are read as something that there is") {
  std::array<std::uint8_t, picture_marks_bytes> bytes{};
  const PictureMarks marks{16, 12, Transparency::picture_in_alpha, true};
  write_marks(marks, bytes);
  CHECK(read_marks(bytes) == marks);
  bytes[2] = 200;
  CHECK(read_marks(bytes).transparency == Transparency::none);
}
