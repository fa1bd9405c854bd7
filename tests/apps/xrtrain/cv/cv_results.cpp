#include "apps/xrtrain/cv/cv_results.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

using namespace xr;
using namespace xr::apps;
using Catch::Matchers::Contains;

namespace {

const std::vector<std::string> names{"covid", "normal"};

/// Images with these probabilities of class 0; labels 0 or 1.
FoldPredictions fold_of(std::int64_t repeat, std::int64_t fold, const std::vector<double>& covid,
                        const std::vector<std::int64_t>& labels) {
  FoldPredictions result;
  result.repeat = repeat;
  result.fold = fold;
  result.labels = labels;
  for (std::size_t i = 0; i < covid.size(); ++i) {
    result.images.push_back(std::to_string(fold) + "-" + std::to_string(i));
    result.probabilities.push_back(covid[i]);
    result.probabilities.push_back(1 - covid[i]);
  }
  return result;
}

}  // namespace

TEST_CASE("a cross-validation pools its folds and averages its repeats") {
  // Worked by hand. Repeat 1: 5 of 6 right; AUROC: covid 0.9 0.8 0.3 against normal 0.2 0.1 0.4: 8 of 9
  // pairs. Repeat 2: 6 of 6, all 9 pairs.
  const CvSummary summary =
      summarise({fold_of(1, 2, {0.3, 0.4, 0.1}, {0, 1, 1}), fold_of(1, 1, {0.9, 0.8, 0.2}, {0, 0, 1}),
                 fold_of(2, 1, {0.9, 0.8, 0.2}, {0, 0, 1}), fold_of(2, 2, {0.7, 0.4, 0.1}, {0, 1, 1})},
                names, 0);
  REQUIRE(summary.repeats.size() == 2);
  CHECK(summary.repeats[0].pooled.images == 6);
  CHECK(summary.repeats[0].pooled.correct == 5);
  CHECK(*summary.repeats[0].pooled.auroc.value == Approx(8.0 / 9));
  CHECK(*summary.repeats[1].pooled.auroc.value == Approx(1.0));
  REQUIRE(summary.repeats[0].folds.size() == 2);
  CHECK(summary.repeats[0].folds[0].correct == 3);  // fold 1 comes first
  CHECK(summary.repeats[0].folds[1].correct == 2);
  CHECK(*summary.accuracy.value == Approx(11.0 / 12));
  CHECK(*summary.auroc.value == Approx(17.0 / 18));
  // Folds have areas 1, 1/2 (0.3 against 0.4 and 0.1), 1, 1. Of covid 2 of 3 in repeat 1 are right.
  CHECK(*summary.mean_auroc_of_folds == Approx(3.5 / 4));
  CHECK(*summary.repeats[0].pooled.sensitivity.value == Approx(2.0 / 3));
  CHECK(summary.repeats[0].pooled.sensitivity.interval == statistics::wilson_interval(2, 3));
  CHECK(*summary.repeats[0].pooled.specificity.value == Approx(1.0));
  CHECK(*summary.accuracy_deviation_of_repeats == Approx(std::sqrt(2.0) / 12));
  CHECK(*summary.accuracy_deviation_of_folds == Approx(1.0 / 6));  // 1, 2/3, 1, 1
  // Intervals are those of 6 images, not of 12.
  const statistics::Interval six = statistics::wilson_interval(6, 6);  // 5.5 rounds to 6
  CHECK(summary.accuracy.interval == six);
  CHECK_THAT(cv_csv(summary), Contains("1,pooled,6,5,0.833333") && Contains("\n2,2,3,3,1.000000"));
  const nlohmann::json json = nlohmann::json::parse(cv_json(summary));
  CHECK(json["positive_class"] == "covid");
  CHECK(json["mean_auroc_of_folds"].get<double>() == Approx(3.5 / 4));
  CHECK(json["repeats"][0]["folds"][1]["correct"] == 2);
  CHECK(std::ranges::count(cv_text(summary), "Majority-class baseline: 0.500") == 1);
}

TEST_CASE("what is undefined in a cross-validation is said to be") {
  const CvSummary summary = summarise({fold_of(1, 1, {0.9, 0.8}, {0, 0})}, names, 0);
  CHECK_FALSE(summary.auroc.value);
  CHECK_FALSE(summary.accuracy_deviation_of_repeats);
  CHECK(nlohmann::json::parse(cv_json(summary))["auroc"]["value"].is_null());
  const std::vector<std::string> text = cv_text(summary);
  CHECK_THAT(text[text.size() - 4], Contains("baseline: 1.000; the accuracy is not above it"));
  CHECK_THAT(text[text.size() - 3], Contains("AUROC (of covid): -"));
  CHECK_THAT(text[text.size() - 2], Contains("own network: -"));
  CHECK_FALSE(summary.repeats[0].pooled.specificity.value);
  CHECK_FALSE(standard_deviation({1.0}));
  CHECK(*standard_deviation({1.0, 3.0}) == Approx(std::sqrt(2.0)));
}

TEST_CASE("a cross-validation of three classes has the mean area of each against the rest") {
  FoldPredictions fold;
  fold.labels = {0, 1, 2};
  fold.images = {"a", "b", "c"};
  fold.probabilities = {0.6, 0.3, 0.1, 0.2, 0.5, 0.3, 0.1, 0.6, 0.3};
  const CvSummary summary = summarise({fold}, {"a", "b", "c"}, 0);
  // a: 0.6 above both: 1. b: 0.5 against 0.3 and 0.6: 1/2. c: 0.3 against 0.1 and 0.3: (1 + 1/2) / 2.
  CHECK(*summary.auroc.value == Approx((1.0 + 0.5 + 0.75) / 3));
  CHECK_FALSE(summary.auroc.interval);
  CHECK(summary.repeats[0].pooled.correct == 2);
}
