// Folders with the oddest names and files: all commands end, nothing is lost without a word.
#include <sys/stat.h>

#include <algorithm>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

/// Kinds in skipped.csv by the end of the file's name.
std::string kind_of(const std::string& table, const std::string& file) {
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);)
    if (const std::size_t at = line.find(file + ","); at != std::string::npos)
      return line.substr(at + file.size() + 1, line.find(',', at + file.size() + 1) - at - file.size() - 1);
  return {};
}

}  // namespace

TEST_CASE("Odd names and files are used or reported by every command") {
  TemporaryFolder folder;
  const fs::path data = make_phantoms(folder, 10, 4);
  const auto rename = [&](const char* from, const std::string& to) {
    fs::create_directories((data / to).parent_path());
    fs::rename(data / from, data / to);
  };
  // Images that are used: names in Latin-1, with line ends and quotes, of 200 letters, in deep folders.
  rename("train/covid/000.png", "train/covid/r\xF6ntgen.png");
  rename("train/covid/002.png", "train/covid/two\nlines \"and, more\".png");
  rename("train/normal/001.png", "train/normal/" + std::string(200, 'n') + ".png");
  rename("train/normal/003.png",
         "train/normal/" + std::string(200, 'a') + "/" + std::string(200, 'b') + "/-1 %s.png");
  rename("test/normal/001.png", "test/normal/r\xF6ntgen.png");
  rename("test/covid/001.png", "test/covid/two\nlines, \x1b[31mred\a.png");
  fs::copy_file(data / "test/normal/003.png", data / "test/normal/CASE.png");
  rename("test/normal/003.png", "test/normal/case.png");
  const fs::path twin = data / "test/normal/CASE.png";
  make_png(twin, 5, 64);
  // Files that cannot be used.
  const fs::path train = data / "train/covid";
  REQUIRE(::mkfifo((train / "pipe").c_str(), 0666) == 0);
  fs::create_symlink("/dev/zero", train / "zeros.png");
  fs::create_symlink("loop.png", train / "loop.png");
  fs::create_directory_symlink("..", train / "up");
  write_text(train / "empty.png", "");
  for (const char* name : {"secret.png", "secret"}) {
    make_png(train / name, 3);
    fs::permissions(train / name, fs::perms::none);
  }
  fs::create_directory(train / "closed");
  fs::permissions(train / "closed", fs::perms::none);
  write_text(train / "notes.txt", "text");
  fs::permissions(folder.path(), fs::perms::all);

  RunSettings settings;
  settings.as_nobody = true;
  const std::string out = (folder / "run").string();
  const Result trained = run(folder, tiny(folder, "run", {"--epochs", "1"}), settings);
  if (trained.status == 98) {
    WARN("not tested: another user cannot run the program here");
    return;
  }
  REQUIRE(trained.status == 0);
  const std::string skipped = read_text(folder / "run/skipped.csv");
  for (const char* name : {"pipe", "zeros.png", "loop.png", "up", "closed"})
    CHECK(kind_of(skipped, std::string("train/covid/") + name) == "unreachable");
  for (const char* name : {"empty.png", "secret.png", "secret"})
    CHECK(kind_of(skipped, std::string("train/covid/") + name) == "unreadable");
  CHECK(kind_of(skipped, "train/covid/notes.txt") == "not-an-image");
  CHECK_THAT(trained.error, contains("skipped 8 files that cannot be read"));
  CHECK_THAT(trained.output, contains("test: 9 images, 4 covid, 5 normal"));

  CHECK(run(folder, {"eval", out}, settings).status == 0);
  CHECK(run(folder, {"audit", data.string(), "--out", (folder / "audit").string()}, settings).status == 0);
  CHECK(nlohmann::json::parse(read_text(folder / "audit/audit.json"))["files"]["unreadable"].size() == 3);
  const Result predicted = run(folder, {"predict", out, (data / "test").string(), "--json"}, settings);
  CHECK(predicted.status == 0);
  std::istringstream rows(predicted.output);
  int count = 0;
  for (std::string row; std::getline(rows, row); ++count) CHECK(nlohmann::json::accept(row));
  CHECK(count == 9);
  const Result table = run(folder, {"predict", out, (data / "test").string(), "--csv"}, settings);
  CHECK(std::ranges::count(table.output, '\n') == 10);
  CHECK_THAT(table.output, contains("two\\nlines, \\x1b[31mred\\x07.png\","));
  CHECK(std::ranges::all_of(table.output, [](char c) { return c == '\n' || c >= ' '; }));
  fs::permissions(train / "closed", fs::perms::all);
}

TEST_CASE("Pipes and devices in the place of folders and tables are refused at once") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "run", {"--epochs", "1"})).status == 0);
  const std::string pipe = (folder / "pipe").string(), data = (folder / "data").string(),
                    trained = (folder / "run").string(), out = (folder / "out").string();
  REQUIRE(::mkfifo(pipe.c_str(), 0666) == 0);
  for (const std::string& odd : {pipe, std::string("/dev/zero")}) {
    const Arguments commands[] = {{"train", "--data", odd, "--out", out},
                                  {"train", "--data", data, "--out", out, "--labels", odd},
                                  {"train", "--data", data, "--out", out, "--groups", odd},
                                  {"train", "--data", data, "--out", out, "--config", odd},
                                  {"train", "--data", data, "--out", out, "--init", odd},
                                  {"audit", odd},
                                  {"eval", trained, "--data", odd},
                                  {"eval", trained, "--data", data, "--subgroups", odd},
                                  {"predict", trained, odd},
                                  {"predict", odd, data}};
    for (const Arguments& command : commands) {
      const Result result = run(folder, command);
      CHECK((result.status == 2 || result.status == 3));
      CHECK_THAT(result.other_errors({"note: "}), contains(odd));
    }
  }
  CHECK_FALSE(fs::exists(out));
}

}  // namespace xr::apps::test
