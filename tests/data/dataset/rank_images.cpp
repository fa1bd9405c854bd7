// Loadings that ranks share: each file decoded once, the images of one process, and files that are not the same.
#include "data/dataset/rank_images.h"

#include "data/dataset/find_sample_depths.h"
#include "tests/data/dataset/two_classes.h"

#include <mutex>
#include <numeric>
#include <thread>

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;
using engine::Communicator;

namespace {

/// What each rank loaded, or the error that it ended with.
struct Loaded {
  std::vector<ImageSet> sets;
  std::vector<std::string> errors;
};

/// Each rank loads from the folder and with the cache that these give (data, cache).
struct RankFolders {
  std::function<fs::path(int)> data, cache;
};

Loaded load_on_ranks(int count, std::span<const Sample> samples, const LoadSettings& settings,
                     const RankFolders& folders) {
  std::vector<std::unique_ptr<Communicator>> ranks = engine::make_local_ranks(count);
  Loaded result{std::vector<ImageSet>(ranks.size()), std::vector<std::string>(ranks.size())};
  std::vector<std::jthread> threads;
  for (std::size_t r = 0; r < ranks.size(); ++r)
    threads.emplace_back([&, r] {
      const int rank = static_cast<int>(r);
      ranks[r]->set_deadline(std::chrono::seconds(2));
      LoadSettings own = settings;
      own.ranks = ranks[r].get();
      own.cache_directory = folders.cache ? folders.cache(rank) : fs::path();
      try {
        result.sets[r] = load_images(folders.data(rank), samples, classes, own);
      } catch (const Error& error) {
        result.errors[r] = error.what();
      }
    });
  threads.clear();
  return result;
}

std::size_t decoded_in_all(const ImageSet& set) {
  return std::accumulate(set.decoded_by.begin(), set.decoded_by.end(), std::size_t{0});
}

/// The images, and what is known of them, of a loading without ranks.
void check_images(const ImageSet& set, const ImageSet& alone) {
  CHECK(pixels_of(set) == pixels_of(alone));
  CHECK(set.fingerprints == alone.fingerprints);
  CHECK(set.labels == alone.labels);
  bool has_same_facts = set.count() == alone.count();
  for (std::size_t i = 0; has_same_facts && i < set.count(); ++i)
    has_same_facts = set.print(i) == alone.print(i) && set.marks(i) == alone.marks(i);
  CHECK(has_same_facts);
  REQUIRE(set.skipped.size() == alone.skipped.size());
  for (std::size_t i = 0; i < set.skipped.size(); ++i) {
    CHECK(set.skipped[i].path == alone.skipped[i].path);
    CHECK(set.skipped[i].reason == alone.skipped[i].reason);
  }
}

std::size_t segments_in(const fs::path& cache) {
  std::size_t found = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(cache))
    found += entry.path().extension() == ".pixels" ? 1 : 0;
  return found;
}

ImageSet load_alone(const TemporaryFolder& folder, std::span<const Sample> samples) {
  LoadSettings settings = settings_for(folder);
  settings.cache_directory.clear();
  return load_images(folder / "data", samples, classes, settings);
}

/// Folders with copies of the images, one a rank: other files of the same contents.
RankFolders copies(const TemporaryFolder& folder, int count) {
  for (int rank = 0; rank < count; ++rank)
    fs::copy(folder / "data", folder / fmt::format("data{}", rank), fs::copy_options::recursive);
  return {[&folder](int rank) { return folder / fmt::format("data{}", rank); },
          [&folder](int rank) { return folder / fmt::format("cache{}", rank); }};
}

}  // namespace

TEST_CASE("1 to 4 ranks decode each file once, and load the images of one process") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = make_images(folder / "data", 10);
  write_bytes(folder / "data" / samples[4].path, bytes_of("no image"));
  const ImageSet alone = load_alone(folder, samples);
  LoadSettings settings = settings_for(folder);
  settings.cache_part = 7;  // three parts
  const auto data = [&](int) { return folder / "data"; };
  const auto own_cache = [&](int rank) { return folder / fmt::format("cache{}", rank); };
  const auto shared_cache = [&](int) { return folder / "cache"; };
  const auto cache = GENERATE(0, 1, 2);
  const RankFolders folders = cache == 0   ? RankFolders{data, {}}
                              : cache == 1 ? RankFolders{data, shared_cache}
                                           : RankFolders{data, own_cache};
  for (int count = 1; count <= 4; ++count) {
    CAPTURE(cache, count);
    for (int rank = 0; rank < 4; ++rank) fs::remove_all(own_cache(rank));
    fs::remove_all(folder / "cache");
    const Loaded first = load_on_ranks(count, samples, settings, folders);
    for (const std::string& error : first.errors) CHECK(error.empty());
    for (const ImageSet& set : first.sets) {
      check_images(set, alone);
      CHECK(set.decoded == 19);
      CHECK(decoded_in_all(set) == 19);
      for (const std::size_t decoded : set.decoded_by) CHECK(decoded <= 20u / count + 2);
      CHECK((set.received_bytes > 0) == (count > 1 && cache != 1));
    }
    if (cache == 0) continue;
    if (cache == 1) CHECK(segments_in(folder / "cache") == 3);
    const Loaded second = load_on_ranks(count, samples, settings, folders);
    for (const std::string& error : second.errors) CHECK(error.empty());
    for (const ImageSet& set : second.sets) {
      check_images(set, alone);
      CHECK(set.decoded == 0);
      CHECK(set.received_bytes == 0);
    }
    for (int rank = 0; rank < (cache == 1 ? 1 : count); ++rank) {  // and so does one process
      settings.cache_directory = folders.cache(rank);
      CHECK(load_images(folder / "data", samples, classes, settings).decoded == 0);
    }
  }
}

TEST_CASE("ranks with copies of the files decode each once, and a rank without a cache is sent the images") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = make_images(folder / "data", 6);
  const ImageSet alone = load_alone(folder, samples);
  const RankFolders folders = copies(folder, 3);
  const Loaded first = load_on_ranks(3, samples, settings_for(folder), folders);
  for (const ImageSet& set : first.sets) {
    check_images(set, alone);
    CHECK(set.decoded_by == std::vector<std::size_t>{4, 4, 4});
  }
  fs::remove_all(folders.cache(1));
  const Loaded second = load_on_ranks(3, samples, settings_for(folder), folders);
  for (const ImageSet& set : second.sets) {
    check_images(set, alone);
    CHECK(set.decoded == 0);
  }
  CHECK(second.sets[0].received_bytes == 0);
  CHECK(second.sets[1].received_bytes == 12 * slot_bytes(settings_for(folder).format));
}

TEST_CASE("a rank whose file is another one decodes its own, in the cache of the others too") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = make_images(folder / "data", 6);
  const ImageSet alone = load_alone(folder, samples);
  RankFolders folders = copies(folder, 3);
  make_png(folders.data(1) / samples[3].path, 777, 20);
  LoadSettings without_cache = settings_for(folder);
  without_cache.cache_directory.clear();
  const ImageSet other = load_images(folders.data(1), samples, classes, without_cache);
  for (const bool has_cache : {false, true}) {
    if (!has_cache) folders.cache = {};
    const Loaded loaded = load_on_ranks(3, samples, settings_for(folder), folders);
    check_images(loaded.sets[0], alone);
    check_images(loaded.sets[1], other);
    check_images(loaded.sets[2], alone);
    CHECK(loaded.sets[0].decoded == 13);
  }
}

TEST_CASE("a file that one rank cannot read or decode ends it by name, and the others with it") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = make_images(folder / "data", 6);
  const RankFolders folders = copies(folder, 3);
  const fs::path file = folders.data(1) / samples[5].path;
  const bool is_missing = GENERATE(true, false);
  if (is_missing)
    fs::remove(file);
  else
    write_bytes(file, bytes_of("no image"));
  const Loaded loaded = load_on_ranks(3, samples, settings_for(folder), folders);
  CHECK_THAT(loaded.errors[1],
             Catch::Contains(file.string()) &&
                 Catch::Contains("on host localhost can " + std::string(is_missing ? "read" : "decode")));
  CHECK_THAT(loaded.errors[0], Catch::Contains("did not answer"));
  CHECK_THAT(loaded.errors[2], Catch::Contains("did not answer"));
}

TEST_CASE("with `strict` the rank that was to decode a damaged file names it") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = make_images(folder / "data", 3);
  write_bytes(folder / "data" / samples[1].path, bytes_of("no image"));
  LoadSettings settings = settings_for(folder);
  settings.strict = true;
  const Loaded loaded = load_on_ranks(2, samples, settings, {[&](int) { return folder / "data"; }, {}});
  CHECK_THAT(loaded.errors[1], Catch::Contains(samples[1].path) && Catch::Contains("replace or remove"));
  CHECK_THAT(loaded.errors[0], Catch::Contains("did not answer"));
}

TEST_CASE("ranks share the search for the depths of a set, and all find the same") {
  const TemporaryFolder folder;
  std::string deep;
  for (int pixel = 0; pixel < 64; ++pixel) deep += pixel % 2 == 0 ? "\x0F\x10" : "\x02\x03";
  std::vector<Sample> samples;
  for (int i = 0; i < 7; ++i) {
    samples.push_back({fmt::format("a/{}.pgm", i), 0, {}});
    write_bytes(folder / samples.back().path,
                bytes_of(i == 4 ? "P5 8 8 65535\n" + deep : "P5 8 8 255\n" + std::string(64, 'x')));
  }
  for (const int count : {1, 3, 9}) {
    const std::vector<std::unique_ptr<Communicator>> ranks = engine::make_local_ranks(count);
    std::vector<std::string> found(ranks.size());
    std::vector<std::jthread> threads;
    for (std::size_t r = 0; r < ranks.size(); ++r)
      threads.emplace_back(
          [&, r] { found[r] = find_sample_depths(folder.path(), samples, 1, ranks[r].get()).text(); });
    threads.clear();
    CHECK(found == std::vector<std::string>(ranks.size(), "12"));
  }
}
