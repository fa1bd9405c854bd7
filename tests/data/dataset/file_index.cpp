#include "data/dataset/file_index.h"

#include <catch2/catch.hpp>

using namespace xr;
using namespace xr::data;

namespace {

/// The number of the line that is about the path; -1: none.
int line_of(const std::vector<std::string>& entries, const std::string& path, const std::string& root = {},
            bool folders = false) {
  const FileIndex index(entries, root, folders);
  const auto lines = index.lines_of(path);
  return lines.empty() ? -1 : static_cast<int>(lines.front());
}

}  // namespace

TEST_CASE("file index: full, relative and bare names, with and without extension") {
  for (const char* entry : {"train/a/1.png", "train/a/1", "/home/me/xrays/train/a/1.png", "C:/x/train/a/1",
                            "a/1.png", "a/1", "1.png", "1"}) {
    INFO(entry);
    CHECK(line_of({"other.png", entry}, "train/a/1.png") == 1);
    CHECK(line_of({"other.png", entry}, "outer/train/a/1.png", "outer") == 1);
  }
  for (const char* entry :
       {"train/b/1.png", "b/1", "11.png", "1.jpg", "ain/a/1.png", "/home/train/b/1.png", "train/a", ""}) {
    INFO(entry);
    CHECK(line_of({entry}, "train/a/1.png") == -1);
  }
  CHECK(listed_path(".\\a\\1.png") == "a/1.png");
  CHECK(line_of({"a/1.2.3"}, "a/1.2.3.png") == 0);
  CHECK(line_of({"a/1"}, "a/1.2") == -1);  // .2 is no extension
}

TEST_CASE("file index: the entry that has most of the path wins, and one that is nobody's is not guessed") {
  CHECK(line_of({"1.png", "a/1.png", "train/a/1.png"}, "train/a/1.png") == 2);
  CHECK(line_of({"1.png", "a/1.png", "b/a/1.png"}, "train/a/1.png") == 1);
  CHECK(line_of({"x/1.png"}, "1.png") == 0);
  CHECK(line_of({"x/1.png", "y/1.png"}, "1.png") == -1);
  const FileIndex index({"a/1.png", "b/1.png", "a/1.png"}, "");
  const auto lines = index.lines_of("a/1.png");
  CHECK(std::vector<std::uint32_t>(lines.begin(), lines.end()) == std::vector<std::uint32_t>{0, 2});
}

TEST_CASE("file index: studies by their folders") {
  CHECK(line_of({"p10000032/s50414267"}, "files/p10/p10000032/s50414267/02aa.jpg", "", true) == 0);
  CHECK(line_of({"p10000032/s50414267"}, "files/p10/p10000032/s50414267/02aa.jpg") == -1);
  CHECK(line_of({"p10000032/s50414268"}, "files/p10/p10000032/s50414267/02aa.jpg", "", true) == -1);
}

TEST_CASE("file index: how a table and a folder fit") {
  const FileIndex index({"a/1.png", "2.png", "c/9.png", "8.png"}, "");
  const FileFit fit = fit_of(index, {"a/1.png", "a/2.png", "b/2.png", "b/3.png"});
  CHECK(fit.images == 4);
  CHECK(fit.known == 3);
  CHECK(fit.strange == 2);
  CHECK(fit.first_strange == "c/9.png");
  CHECK(fit.ambiguous == "2.png");
  // A folder before the name may be too little.
  CHECK(fit_of(FileIndex({"a/1.png"}, ""), {"train/a/1.png", "test/a/1.png"}).ambiguous == "a/1.png");
  CHECK(fit_of(FileIndex({"a/1.png"}, ""), {"train/a/1.png", "test/b/1.png"}).ambiguous.empty());
  CHECK(fit_of(FileIndex({"p1/s1"}, "", true), {"p1/s1/1.png", "p1/s1/2.png"}).ambiguous.empty());
}
