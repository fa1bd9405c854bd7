// A first loading that does not come to its end, and the next one.
#include "data/dataset/image_loading.h"

#include "tests/data/dataset/two_classes.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

namespace {

/// In a process of its own, which is killed as soon as so many images are decoded.
void load_and_be_killed(const TemporaryFolder& folder, std::span<const Sample> samples, LoadSettings settings,
                        std::size_t decoded) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    settings.progress = [decoded](std::size_t done, std::size_t) {
      if (done >= decoded) ::raise(SIGKILL);
    };
    (void)load_images(folder / "data", samples, classes, settings);
    ::_exit(0);  // it was not killed
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  REQUIRE(WTERMSIG(status) == SIGKILL);
}

LoadSettings in_parts_of(std::size_t images, const TemporaryFolder& folder) {
  LoadSettings settings = settings_for(folder);
  settings.cache_part = images;
  settings.cache_interval = std::chrono::milliseconds(0);
  return settings;
}

}  // namespace

TEST_CASE("a loading that was killed goes on where it stopped") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = make_images(folder / "data", 10);
  LoadSettings without_cache = settings_for(folder);
  without_cache.cache_directory.clear();
  const ImageSet undisturbed = load_images(folder / "data", samples, classes, without_cache);
  LoadSettings settings = in_parts_of(4, folder);
  settings.workers = GENERATE(1, 3);
  const std::size_t killed_at = GENERATE(2u, 9u, 20u);
  load_and_be_killed(folder, samples, settings, killed_at);
  const ImageSet rest = load_images(folder / "data", samples, classes, settings);
  // At 20 all parts but the last are in the index; the image of the last one's end is told before it is added.
  const std::size_t kept = killed_at < 4 ? 0 : killed_at == 9 ? 8 : 16;
  CHECK(rest.decoded == samples.size() - kept);
  CHECK(pixels_of(rest) == pixels_of(undisturbed));
  CHECK(rest.fingerprints == undisturbed.fingerprints);
  const ImageSet again = load_images(folder / "data", samples, classes, settings);
  CHECK(again.decoded == 0);
  CHECK(pixels_of(again) == pixels_of(undisturbed));
}

TEST_CASE("a loading killed again and again comes to its end with the same bytes") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = make_images(folder / "data", 10);
  const LoadSettings settings = in_parts_of(2, folder);
  for (int i = 0; i < 8; ++i) load_and_be_killed(folder, samples, settings, 3);  // two images more each time
  const ImageSet rest = load_images(folder / "data", samples, classes, settings);
  CHECK(rest.decoded == 4);
  LoadSettings without_cache = settings;
  without_cache.cache_directory.clear();
  CHECK(pixels_of(rest) == pixels_of(load_images(folder / "data", samples, classes, without_cache)));
}

TEST_CASE("a loading that its progress ends keeps all that was decoded") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = make_images(folder / "data", 10);
  LoadSettings settings = settings_for(folder);  // one part, written at its end
  settings.progress = [](std::size_t done, std::size_t) {
    if (done >= 7) throw std::runtime_error("interrupted");
  };
  CHECK_THROWS_WITH(load_images(folder / "data", samples, classes, settings), "interrupted");
  settings.progress = {};
  const ImageSet rest = load_images(folder / "data", samples, classes, settings);
  CHECK(rest.decoded <= 13);
  LoadSettings without_cache = settings;
  without_cache.cache_directory.clear();
  CHECK(pixels_of(rest) == pixels_of(load_images(folder / "data", samples, classes, without_cache)));
}

TEST_CASE("progress counts over all parts and unreadable images are named in order") {
  const TemporaryFolder folder;
  const std::vector<Sample> samples = make_images(folder / "data", 10);
  for (const int at : {3, 12, 17}) write_bytes(folder / "data" / samples[at].path, bytes_of("no image"));
  LoadSettings settings = in_parts_of(3, folder);
  std::size_t last = 0;
  settings.progress = [&](std::size_t done, std::size_t all) {
    CHECK(all == 20);
    CHECK(done > last);
    last = done;
  };
  const ImageSet set = load_images(folder / "data", samples, classes, settings);
  CHECK(last == 20);
  CHECK(set.decoded == 17);
  REQUIRE(set.skipped.size() == 3);
  CHECK(set.skipped[0].path == samples[3].path);
  CHECK(set.skipped[2].path == samples[17].path);
}
