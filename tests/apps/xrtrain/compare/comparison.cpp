#include "apps/xrtrain/compare/comparison.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/xrtrain/errors.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

/// Images "0", "1", ... with these probabilities of class 0.
RunPredictions chosen(const std::vector<double>& covid, const std::vector<std::int64_t>& labels) {
  RunPredictions result;
  result.class_names = {"covid", "normal"};
  SplitImages images;
  images.labels = labels;
  for (std::size_t i = 0; i < covid.size(); ++i) {
    images.paths.push_back(std::to_string(i));
    result.test.probabilities.insert(result.test.probabilities.end(), {covid[i], 1 - covid[i]});
  }
  result.test.split = "test";
  result.test.images = std::make_shared<SplitImages>(images);
  return result;
}

}  // namespace

TEST_CASE("a comparison pairs images and tests the difference") {
  // A has all 12 right. B has 10 of the covid images wrong that A has right: exact McNemar 2 * 0.5^10.
  const std::vector<std::int64_t> labels{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1};
  std::vector<double> good(10, 0.9), bad(10, 0.3);
  good.insert(good.end(), {0.2, 0.1});
  bad.insert(bad.end(), {0.4, 0.1});
  const Comparison result = compare(chosen(good, labels), chosen(bad, labels));
  CHECK(result.images == 12);
  CHECK(result.correct_a == 12);
  CHECK(result.correct_b == 2);
  CHECK(result.mcnemar.only_a == 10);
  CHECK(result.mcnemar.only_b == 0);
  CHECK(result.mcnemar.p == Approx(2.0 / 1024));
  REQUIRE(result.delong);
  CHECK(*result.delong->auroc_a == Approx(1.0));
  CHECK(*result.delong->auroc_b == Approx(0.5));  // above 0.1 and below 0.4
  const std::vector<std::string> text = comparison_text(result, "one", "two");
  CHECK_THAT(text[0], contains("A: one: 1.000 (12/12, 95% CI "));
  CHECK(result.p_accuracy == Approx(4.0 / 1024));  // the smaller of two
  CHECK_THAT(text[text.size() - 3], contains("Accuracy: A is better (p = 0.0039, adjusted for two tests"));
  CHECK_THAT(text.back(), contains("not two methods"));
  const nlohmann::json json = nlohmann::json::parse(comparison_json(
      result, {"one", {.checkpoint = 7, .on = SelectedOn::validation}}, {"two", {.checkpoint = 3}}));
  CHECK(json["mcnemar"]["only_a_right"] == 10);
  CHECK(json["a"]["checkpoint"] == "07");
  CHECK(json["a"]["on"] == "validation");
  CHECK(json["b"]["on"] == "last");
  CHECK(json["conclusion"]["accuracy"] == "A");

  const Comparison same = compare(chosen(good, labels), chosen(good, labels));
  CHECK(same.mcnemar.p == 1.0);
  const std::vector<std::string> of_same = comparison_text(same, "one", "two");
  CHECK_THAT(of_same[of_same.size() - 2], contains("Accuracy: no difference is shown (p = 1.0000)"));
  CHECK(nlohmann::json::parse(comparison_json(same, {}, {}))["conclusion"]["auroc"].is_null());
}

TEST_CASE("a comparison makes no difference of one test in two that is just below 0.05") {
  // Six images that only A has right: exact McNemar 2 * 0.5^6 = 0.031; with the second test 0.063.
  std::vector<std::int64_t> labels(10, 0);
  labels.insert(labels.end(), 10, 1);
  // One normal image is ranked first by A, and behind four covid images by B.
  std::vector<double> a(20, 0.1), b(20, 0.1);
  for (std::size_t i = 0; i < 10; ++i) a[i] = b[i] = 0.9;
  for (std::size_t i = 4; i < 10; ++i) b[i] = 0.4;
  a[10] = 0.97;
  b[10] = 0.6;
  const Comparison result = compare(chosen(a, labels), chosen(b, labels));
  CHECK(result.mcnemar.p == Approx(2.0 / 64));
  REQUIRE(result.p_auroc);
  CHECK(result.p_accuracy > 0.05);
  CHECK_THAT(comparison_text(result, "one", "two")[5], contains("Accuracy: no difference is shown"));
}

TEST_CASE("a comparison leaves out images of one run alone and refuses what does not fit") {
  const RunPredictions a = chosen({0.9, 0.2, 0.8}, {0, 1, 0}), b = chosen({0.7, 0.6}, {0, 1});
  const Comparison result = compare(a, b);
  CHECK(result.images == 2);
  CHECK(result.paired.only_in_a == 1);
  CHECK(result.paired.only_in_b == 0);
  CHECK_THAT(comparison_text(result, "one", "two")[2],
             contains("2 test images that both have; 1 are in A alone"));

  CHECK_THAT(error_of<DataError>([&] {
               (void)compare(a, chosen({0.5, 0.5}, {1, 1}));
             }),
             contains("image 0 is of class covid in one run and of class normal"));
  RunPredictions other = b;
  other.class_names = {"covid", "pneumonia"};
  CHECK_THAT(error_of<DataError>([&] { (void)compare(a, other); }), contains("different classes"));
  RunPredictions elsewhere = chosen({0.5}, {0});
  SplitImages images = *elsewhere.test.images;
  images.paths = {"other"};
  elsewhere.test.images = std::make_shared<SplitImages>(images);
  CHECK_THAT(error_of<DataError>([&] { (void)compare(a, elsewhere); }), contains("no test image in common"));
}

namespace {

RunPredictions with_fingerprints(RunPredictions chosen, const std::vector<std::string>& fingerprints) {
  SplitImages images = *chosen.test.images;
  images.fingerprints = fingerprints;
  chosen.test.images = std::make_shared<SplitImages>(images);
  return chosen;
}

}  // namespace

TEST_CASE("a comparison refuses other pictures of the same name and says what it could not check") {
  const RunPredictions plain = chosen({0.9, 0.2, 0.8}, {0, 1, 0});
  const RunPredictions a = with_fingerprints(plain, {"grey-01", "grey-02", "grey-03"});
  CHECK(compare(a, a).paired.same_pictures == 3);
  CHECK(nlohmann::json::parse(comparison_json(compare(a, a), {}, {}))["same_pictures"] == 3);
  const auto text_has_note = [](const Comparison& comparison) {
    for (const std::string& line : comparison_text(comparison, "one", "two"))
      if (line.find("could not be checked") != std::string::npos) return true;
    return false;
  };
  CHECK_FALSE(text_has_note(compare(a, a)));
  CHECK_THAT(error_of<DataError>([&] {
               (void)compare(a, with_fingerprints(plain, {"grey-01", "grey-77", "grey-78"}));
             }),
             contains("2 of 3 images with the same name show other pixels") && contains("the first is 1:"));
  for (const RunPredictions& other :
       {plain, with_fingerprints(plain, {"colour-01", "colour-02", "colour-03"})}) {
    CHECK(compare(a, other).paired.same_pictures == 0);
    CHECK(text_has_note(compare(a, other)));
  }
}

TEST_CASE("a comparison says why DeLong's test says nothing") {
  const std::vector<std::int64_t> labels{0, 0, 1, 1};
  const std::vector<std::string> text =
      comparison_text(compare(chosen({0.9, 0.8, 0.2, 0.1}, labels), chosen({0.5, 0.5, 0.5, 0.5}, labels)),
                      "perfect", "constant");
  CHECK_THAT(text[4], contains("difference +0.5000") && contains("its estimate of the variance is 0"));
  CHECK(text[4].find("alike") == std::string::npos);
}

TEST_CASE("compare tells two runs apart or not") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "a", {"--epochs", "1"})).status == 0);
  REQUIRE(run(folder, tiny(folder, "b", {"--epochs", "1", "--seed", "4"})).status == 0);
  const std::string a = (folder / "a").string(), b = (folder / "b").string();
  const Result result = run(folder, {"compare", a, b});
  CHECK(result.status == 0);
  CHECK_THAT(result.output,
             contains("A: ") && contains("McNemar's test (exact)") && contains("AUROC of covid"));
  const auto json = nlohmann::json::parse(run(folder, {"compare", a, b, "--json"}).output);
  CHECK(json["images"] == 4);
  CHECK(json["same_pictures"] == 4);
  // Other pictures under the same names; the same ones in another size of the network are the same.
  Arguments small = tiny(folder, "small", {"--epochs", "1"});
  std::ranges::replace(small, std::string("16"), std::string("24"));
  REQUIRE(run(folder, small).status == 0);
  CHECK(nlohmann::json::parse(
            run(folder, {"compare", a, (folder / "small").string(), "--json"}).output)["same_pictures"] == 4);
  fs::copy_file(folder / "data/test/covid/000.png", folder / "data/test/covid/001.png",
                fs::copy_options::overwrite_existing);
  REQUIRE(run(folder, tiny(folder, "other", {"--epochs", "1"})).status == 0);
  const Result other = run(folder, {"compare", a, (folder / "other").string()});
  CHECK(other.status == 3);
  CHECK_THAT(other.error_line(), contains("1 of 4 images with the same name show other pixels") &&
                                     contains("test/covid/001.png"));
  // A run of an older version, without fingerprints.
  auto metrics = nlohmann::json::parse(read_text(folder / "b/metrics.json"));
  metrics.erase("test_fingerprints");
  write_text(folder / "b/metrics.json", metrics.dump());
  CHECK_THAT(run(folder, {"compare", a, b}).output, contains("For 4 images it could not be checked"));
  const Result absent = run(folder, {"compare", a, (folder / "nowhere").string()});
  CHECK(absent.status == 3);
  CHECK_THAT(absent.error_line(), contains("nowhere") && contains("xrtrain eval"));
  write_text(folder / "b/metrics.json", "{");
  const Result damaged = run(folder, {"compare", a, b});
  CHECK(damaged.status == 3);
  CHECK_THAT(damaged.error_line(), contains("metrics.json is damaged"));
}

}  // namespace xr::apps::test
