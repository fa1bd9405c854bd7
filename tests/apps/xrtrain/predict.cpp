// `xrtrain predict`.
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

struct Trained {
  Trained() {
    make_phantoms(folder);
    REQUIRE(run(folder, tiny(folder, "run")).status == 0);
    // Needs the file alone.
    fs::rename(folder / "run/checkpoints/02.safetensors", folder / "model.safetensors");
    fs::remove_all(folder / "run");
  }
  Result predict(const Arguments& more) const {
    Arguments arguments = {"predict", (folder / "model.safetensors").string(), "--threads", "2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(folder, arguments);
  }
  TemporaryFolder folder;
};

int count_lines(const std::string& text) {
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("predict prints a table or CSV or JSON") {
  Trained trained;
  const std::string image = (trained.folder / "data/test/covid/0000.png").string();
  const std::string test = (trained.folder / "data/test").string();
  const std::string first = (*fs::directory_iterator(trained.folder / "data/test/covid")).path().string();

  const Result table = trained.predict({test});
  CHECK(table.status == 0);
  CHECK(count_lines(table.output) == 1 + 4);
  CHECK_THAT(table.output, contains("p(covid)") && contains("p(normal)"));

  const Result csv = trained.predict({test, "--csv"});
  CHECK(csv.status == 0);
  CHECK(csv.output.starts_with("file,class,p(covid),p(normal)\n"));

  const Result json = trained.predict({first, first, "--json"});
  CHECK(json.status == 0);
  CHECK(count_lines(json.output) == 2);
  std::istringstream lines(json.output);
  for (std::string line; std::getline(lines, line);) {
    const auto row = nlohmann::json::parse(line);
    CHECK(row["file"] == first);
    const double covid = row["probabilities"]["covid"], normal = row["probabilities"]["normal"];
    CHECK(std::abs(covid + normal - 1.0) <= 1e-9);
    CHECK(row["class"] == (covid >= normal ? "covid" : "normal"));
  }
  CHECK(trained.predict({first, "--csv", "--json"}).status == 2);
}

TEST_CASE("predict does not depend on the batch size") {
  Trained trained;
  const std::string data = (trained.folder / "data").string();
  const Result one = trained.predict({data, "--csv", "--batch-size", "1"});
  const Result five = trained.predict({data, "--csv", "--batch-size", "5"});
  CHECK(one.status == 0);
  CHECK(count_lines(one.output) == 1 + 16);
  CHECK(count_lines(five.output) == 1 + 16);
}

TEST_CASE("predict goes on after images that it cannot read") {
  Trained trained;
  const fs::path bad = trained.folder / "data/test/covid/bad.png";
  write_text(bad, "no image");
  const Result result = trained.predict(
      {(trained.folder / "data/test").string(), (trained.folder / "absent.png").string(), "--csv"});
  CHECK(result.status == 3);
  CHECK(count_lines(result.output) == 1 + 4);
  CHECK(count_lines(result.error) == 2);
  CHECK_THAT(result.error, contains("bad.png") && contains("absent.png"));
}

TEST_CASE("predict says what is wrong with the checkpoint") {
  Trained trained;
  const Result absent =
      run(trained.folder, {"predict", "absent.safetensors", (trained.folder / "data/test").string()});
  CHECK(absent.status == 3);
  CHECK_THAT(absent.error_line(), contains("absent.safetensors"));
  const Result folder = run(
      trained.folder, {"predict", trained.folder.path().string(), (trained.folder / "data/test").string()});
  CHECK(folder.status == 3);
  CHECK_THAT(folder.error_line(), contains("regular file"));
}

}  // namespace xr::apps::test
