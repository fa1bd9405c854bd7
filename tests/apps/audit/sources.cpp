// Sources that tell the class are found, and nothing is claimed from few images.
#include "apps/audit/sources.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "tests/data/support.h"

namespace xr::audit {

namespace {

struct Part {
  std::string source;
  int covid, normal, other = 0;
};

/// A folder with these sources, and the table that names them; `images` of each patient, one after another.
Check check_of(const std::vector<Part>& parts, std::size_t images = 1) {
  Scan scan;
  scan.class_names = {"covid", "normal"};
  SourceTable table{"sources.csv", {{"file", "source"}, {}, 0}};
  for (const Part& part : parts) {
    if (part.other > 0) scan.class_names = {"covid", "normal", "other"};
    for (int i = 0; i < part.covid + part.normal + part.other; ++i) {
      ImageFacts image;
      image.sample = {fmt::format("{}/{}.png", part.source, i),
                      i < part.covid                 ? 0
                      : i < part.covid + part.normal ? 1
                                                     : 2,
                      {}};
      table.table.rows.push_back({image.sample.path, part.source});
      scan.images.push_back(std::move(image));
    }
  }
  std::vector<std::size_t> groups;
  for (std::size_t i = 0; i < scan.images.size(); ++i) groups.push_back(i / images);
  return check_sources(scan, &table, groups);
}

}  // namespace

TEST_CASE("sources of both classes that nearly tell the class are serious") {
  const Check check = check_of({{"a", 82, 3}, {"b", 3, 62}});
  CHECK(check.verdict == Verdict::serious);
  CHECK(check.figures["auc"].get<double>() >= 0.93);
  CHECK(check.figures["low"].get<double>() >= 0.85);
  CHECK(check.id == FindingId::source_tells_class);
  CHECK(check.figures["table"].size() == 2);
  CHECK(check_of({{"a", 150, 80}, {"b", 60, 160}}).verdict == Verdict::warning);
}

TEST_CASE("sources with the classes alike are no finding") {
  const Check check = check_of({{"a", 40, 30}, {"b", 80, 60}, {"c", 20, 15}});
  CHECK(check.verdict == Verdict::ok);
  CHECK(check.id == FindingId::sources_mixed);
  CHECK(check.figures["auc"].get<double>() <= 0.55);
  CHECK(check.figures["undecided"] == false);
  // Also where the folds cannot be cut evenly.
  CHECK(check_of({{"a", 43, 32}, {"b", 81, 61}, {"c", 22, 17}}).verdict == Verdict::ok);
  // Where each image is its own source, the source tells nothing of the next image.
  std::vector<Part> many;
  for (int i = 0; i < 200; ++i) many.push_back({fmt::format("s{}", i), i % 2, 1 - i % 2});
  CHECK(check_of(many).figures["auc"].get<double>() == 0.5);
}

TEST_CASE("few images of several sources are no reassurance") {
  const Check check = check_of({{"a", 7, 5}, {"b", 5, 7}});
  CHECK(check.verdict == Verdict::warning);
  CHECK(check.id == FindingId::sources_undecided);
  CHECK(check_of({{"a", 4, 5}, {"b", 5, 4}}).verdict == Verdict::warning);
  CHECK(check_of({{"a", 4, 5}}).verdict == Verdict::ok);
}

TEST_CASE("a source of one class is serious only where chance does not make it") {
  // 20 of 200 images are covid: a source of 12 drawn from all has none of them with probability 0.27.
  const Check chance = check_of({{"a", 0, 12}, {"b", 20, 168}});
  CHECK(chance.verdict == Verdict::warning);
  CHECK(chance.id == FindingId::source_of_one_class);
  CHECK(chance.figures["table"][0]["one_class"] == true);
  CHECK(chance.figures["table"][0]["p_one_class_holm"].get<double>() == Approx(0.54).margin(0.005));
  CHECK(chance.figures["table"][1]["p_one_class_holm"].is_null());
  const Check serious = check_of({{"a", 0, 60}, {"b", 20, 120}});
  CHECK(serious.verdict == Verdict::serious);
  CHECK(serious.id == FindingId::source_of_one_class);
  CHECK(serious.figures["table"][0]["p_one_class_holm"].get<double>() < 0.01);
  // A source of one patient is of one class by itself.
  CHECK(check_of({{"a", 0, 60}, {"b", 60, 120}}).verdict == Verdict::serious);
  const Check patients = check_of({{"a", 0, 60}, {"b", 60, 120}}, 60);
  CHECK(patients.verdict == Verdict::warning);
  CHECK(patients.id == FindingId::source_of_one_class);
  CHECK(patients.figures["table"][0]["p_one_class_holm"] == 1.0);
}

TEST_CASE("of several classes the sources' finding is about the one that decides") {
  // "covid" has the lower AUC of its few images, but "normal" is told for certain.
  const Check check = check_of({{"a", 6, 100, 20}, {"b", 6, 20, 100}});
  CHECK(check.verdict == Verdict::serious);
  CHECK(check.id == FindingId::source_tells_class);
  CHECK((check.figures["class"] == "normal" || check.figures["class"] == "other"));
  CHECK(check.figures["low"].get<double>() > 0.7);
}

}  // namespace xr::audit
