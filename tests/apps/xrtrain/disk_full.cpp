// A disk that fills up.
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>

#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

TEST_CASE("A file that cannot be written whole ends the run and the run goes on when there is space") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "undisturbed")).status == 0);
  RunSettings settings;
  settings.file_size_limit = 100'000;  // less than a checkpoint
  const Result full = run(folder, tiny(folder, "full"), settings);
  CHECK(full.status == 1);
  CHECK_THAT(full.error_line(), contains("cannot write") && contains("00.safetensors"));
  CHECK(fs::is_empty(folder / "full/checkpoints"));
  CHECK(run(folder, {"train", "--out", (folder / "full").string(), "--resume"}).status == 0);
  check_same_results(folder / "undisturbed", folder / "full");
}

#if !defined(XR_SANITIZED)

TEST_CASE("Any file operation that fails for want of space ends the run with a clear line") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "undisturbed")).status == 0);
  RunSettings counted;
  counted.environment = {{"LD_PRELOAD", XR_FILE_FAULT}, {"XR_FAULT_COUNT", (folder / "count").string()}};
  REQUIRE(run(folder, tiny(folder, "counted"), counted).status == 0);
  const int operations = std::stoi(read_text(folder / "count"));
  for (int at = 1; at <= operations; at += 7) {
    INFO("no space at file operation " << at << " of " << operations);
    fs::remove_all(folder / "full");
    RunSettings settings;
    settings.environment = {{"LD_PRELOAD", XR_FILE_FAULT},
                            {"XR_FAULT_AT", std::to_string(at)},
                            {"XR_FAULT_ERRNO", std::to_string(ENOSPC)}};
    const Result full = run(folder, tiny(folder, "full"), settings);
    if (full.status != 0) {  // removing a leftover may fail without harm
      CHECK(full.status == 1);
      CHECK_THAT(full.error_line(), contains("No space left on device"));
    }
    CHECK(run(folder, tiny(folder, "full", {"--resume"})).status == 0);
    check_same_results(folder / "undisturbed", folder / "full");
    check_no_leftovers(folder / "full");
  }
}

#endif

TEST_CASE("A run that cannot fit on the disk says so before it starts") {
  TemporaryFolder folder;
  make_phantoms(folder);
  fs::create_directories(folder / "small");
  if (::mount("none", (folder / "small").c_str(), "tmpfs", 0, "size=24m") != 0) {
    WARN("not tested: no small file system can be mounted here");
    return;
  }
  const Result refused = run(folder, tiny(folder, "small/run", {"--epochs", "20"}));
  const Result kept = run(folder, tiny(folder, "small/kept", {"--epochs", "4", "--keep", "1"}));
  const bool none_written = !fs::exists(folder / "small/run/checkpoints/00.safetensors");
  ::umount((folder / "small").c_str());
  CHECK(refused.status == 1);
  CHECK_THAT(refused.error_line(), contains("MB") && contains("--keep"));
  CHECK(none_written);
  CHECK(kept.status == 0);
}

TEST_CASE("A full standard output is an error") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "run", {"--epochs", "1"})).status == 0);
  RunSettings settings;
  settings.output_to = "/dev/full";
  const Result result = run(folder,
                            {"predict", (folder / "run/checkpoints/00.safetensors").string(),
                             (folder / "data/test").string(), "--csv"},
                            settings);
  CHECK(result.status == 1);
  CHECK_THAT(result.error_line(), contains("standard output"));
}

}  // namespace xr::apps::test
