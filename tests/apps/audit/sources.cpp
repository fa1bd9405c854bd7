// Sources that tell the class are found, and nothing is claimed from few images.
#include "apps/xrtrain/audit/sources.h"

#include <fmt/format.h>

#include <numeric>

#include "tests/apps/support.h"

namespace xr::apps::audit {

namespace {

struct Part {
  std::string source;
  int covid, normal;
};

/// A folder with these sources, and the table that names them.
Check check_of(const std::vector<Part>& parts) {
  Scan scan;
  scan.class_names = {"covid", "normal"};
  SourceTable table{"sources.csv", {{"file", "source"}, {}, 0}, false};
  for (const Part& part : parts)
    for (int i = 0; i < part.covid + part.normal; ++i) {
      ImageFacts image;
      image.sample = {fmt::format("{}/{}.png", part.source, i), i < part.covid ? 0 : 1, {}};
      table.table.rows.push_back({image.sample.path, part.source});
      scan.images.push_back(std::move(image));
    }
  std::vector<std::size_t> groups(scan.images.size());
  std::iota(groups.begin(), groups.end(), std::size_t{0});
  return check_sources(scan, &table, groups);
}

}  // namespace

TEST_CASE("sources of both classes that nearly tell the class are serious") {
  const Check check = check_of({{"a", 82, 3}, {"b", 3, 62}});
  CHECK(check.verdict == Verdict::serious);
  CHECK(check.figures["auc"].get<double>() >= 0.93);
  CHECK(check.figures["low"].get<double>() >= 0.85);
  CHECK_THAT(check.text, test::contains("2 sources; the source alone tells the classes apart with AUC 0.9"));
  CHECK(check_of({{"a", 150, 80}, {"b", 60, 160}}).verdict == Verdict::warning);
}

TEST_CASE("sources with the classes alike are no finding") {
  const Check check = check_of({{"a", 40, 30}, {"b", 80, 60}, {"c", 20, 15}});
  CHECK(check.verdict == Verdict::ok);
  CHECK(check.figures["auc"].get<double>() <= 0.55);
  CHECK(check.figures["undecided"] == false);
  // Where each image is its own source, the source tells nothing of the next image.
  std::vector<Part> many;
  for (int i = 0; i < 200; ++i) many.push_back({fmt::format("s{}", i), i % 2, 1 - i % 2});
  CHECK(check_of(many).figures["auc"].get<double>() <= 0.55);
}

TEST_CASE("few images of several sources are no reassurance") {
  const Check check = check_of({{"a", 7, 5}, {"b", 5, 7}});
  CHECK(check.verdict == Verdict::warning);
  CHECK_THAT(check.text, test::contains("too few images to tell"));
  CHECK(check_of({{"a", 4, 5}, {"b", 5, 4}}).verdict == Verdict::warning);
  CHECK(check_of({{"a", 4, 5}}).verdict == Verdict::ok);
}

}  // namespace xr::apps::audit
