// Folders of runs: what is refused, replaced, locked.
#include "apps/xrtrain/run/run_folder.h"

#include "apps/xrtrain/errors.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

TEST_CASE("A folder that holds a run is refused unless told otherwise") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "run")).status == 0);
  write_text(folder / "run/notes.txt", "mine");
  const auto before = results_of(folder / "run");
  const Result refused = run(folder, tiny(folder, "run", {"--seed", "5"}));
  CHECK(refused.status == 2);
  CHECK_THAT(refused.error_line(), contains("--resume") && contains("--force"));
  CHECK(results_of(folder / "run") == before);

  REQUIRE(run(folder, tiny(folder, "run", {"--seed", "5", "--force", "--epochs", "1"})).status == 0);
  CHECK(read_text(folder / "run/notes.txt") == "mine");
  CHECK(list_checkpoints(folder / "run") == std::vector<std::int64_t>{0});
}

TEST_CASE("A folder that is no run is never replaced") {
  TemporaryFolder folder;
  make_phantoms(folder);
  write_text(folder / "mine/thesis.txt", "years of work");
  for (const char* option : {"--force", "--resume"}) {
    const Result result = run(folder, tiny(folder, "mine", {option}));
    CHECK(result.status == 2);
    CHECK_THAT(result.error_line(), contains("not a run"));
  }
  CHECK(run(folder, tiny(folder, "mine")).status == 2);
  write_text(folder / "file", "text");
  CHECK(run(folder, tiny(folder, "file", {"--force"})).status == 2);
  CHECK(read_text(folder / "mine/thesis.txt") == "years of work");
  CHECK(read_text(folder / "file") == "text");
}

TEST_CASE("An empty folder is taken and --resume begins where nothing is") {
  TemporaryFolder folder;
  make_phantoms(folder);
  fs::create_directories(folder / "empty");
  CHECK(run(folder, tiny(folder, "empty", {"--epochs", "1"})).status == 0);
  CHECK(run(folder, tiny(folder, "new", {"--epochs", "1", "--resume"})).status == 0);
  check_same_results(folder / "empty", folder / "new");
}

TEST_CASE("An output that cannot be written is said before anything is done") {
  TemporaryFolder folder;
  make_phantoms(folder);
  write_text(folder / "file", "text");
  const Result below_file = run(folder, tiny(folder, "file/run"));
  CHECK(below_file.status == 1);
  CHECK_THAT(below_file.error_line(), contains("file/run"));

  fs::permissions(folder.path(), fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec |
                                     fs::perms::others_read | fs::perms::others_exec);
  RunSettings settings;
  settings.as_nobody = true;
  const Result denied = run(folder, tiny(folder, "run"), settings);
  if (denied.status == 98) {
    WARN("not tested: another user cannot run the program here");
    return;
  }
  if (::geteuid() != 0) return;  // this user may write there
  CHECK(denied.status == 1);
  CHECK_THAT(denied.error_line(), contains("run") && contains("ermission"));
}

TEST_CASE("Two programs do not write one run") {
  TemporaryFolder folder;
  make_phantoms(folder);
  {
    const RunFolder first(folder / "run", RunFolder::Begin::fresh);
    const Result second = run(folder, tiny(folder, "run"));
    CHECK(second.status == 1);
    CHECK_THAT(second.error_line(), contains("in use"));
  }
  CHECK(!fs::exists(folder / "run"));  // nothing was written, so it is gone
  CHECK(run(folder, tiny(folder, "run", {"--epochs", "1"})).status == 0);
}

TEST_CASE("Checkpoints are listed by number") {
  TemporaryFolder folder;
  for (const char* name : {"00", "02", "10", "100", "x", "-1", "1.5", "03.safetensors"})
    write_text(folder / "checkpoints" / (std::string(name) + ".safetensors"), "");
  write_text(folder / "checkpoints/04.safetensors.tmp", "");
  CHECK(list_checkpoints(folder.path()) == std::vector<std::int64_t>{0, 2, 10, 100});
  CHECK(list_checkpoints(folder / "absent").empty());
  CHECK(checkpoint_path("r", 7) == fs::path("r/checkpoints/07.safetensors"));
}

}  // namespace xr::apps::test
