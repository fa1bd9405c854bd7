#include "apps/audit/logistic_regression.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "apps/statistics/roc.h"
#include "kernels/common/random.h"
#include "tests/data/support.h"

namespace xr::audit {

namespace {

struct Example {
  FeatureTable table;
  std::vector<std::uint8_t> positive;
};

/// Normal features, of which only the first speaks for the class, by `distance` deviations.
Example normal_features(std::size_t count, std::size_t features, float distance) {
  Example example;
  example.table.features = features;
  Philox random(5, 17);
  for (std::size_t i = 0; i < count; ++i) {
    example.positive.push_back(i % 2 == 0 ? 1 : 0);
    for (std::size_t k = 0; k < features; ++k)
      example.table.values.push_back(random.normal() + (k == 0 && i % 2 == 0 ? distance : 0.0f));
  }
  return example;
}

}  // namespace

TEST_CASE("logistic regression finds the minimum of its objective") {
  // One feature at -1 and 1 (mean 0, deviation 1), 3 of 4 images on the side of their class: without a
  // penalty the weight is ln 3 and the intercept 0.
  Example example;
  example.table.features = 1;
  example.table.values = {1, 1, 1, -1, -1, -1, -1, 1};
  example.positive = {1, 1, 1, 1, 0, 0, 0, 0};
  std::vector<std::size_t> rows(8);
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  const LogisticRegression plain(example.table, example.positive, rows, 0.0);
  CHECK(std::abs(plain.weights()[0] - std::log(3.0)) <= 1e-3);
  CHECK(std::abs(plain.weights()[1]) <= 1e-3);
  // With a penalty p the slope is zero where 1/(1 + e^-w) = 3/4 - p w.
  const LogisticRegression held(example.table, example.positive, rows, 0.25);
  const double w = held.weights()[0];
  CHECK(std::abs(1 / (1 + std::exp(-w)) - (0.75 - 0.25 * w)) <= 1e-4);
}

TEST_CASE("cross-validated scores tell what features know and not what noise seems to know") {
  const std::vector<std::int64_t> labels = [] {
    std::vector<std::int64_t> result;
    for (int i = 0; i < 200; ++i) result.push_back(i % 2 == 0 ? 1 : 0);
    return result;
  }();
  std::vector<std::size_t> groups(200);
  std::iota(groups.begin(), groups.end(), std::size_t{0});
  const std::vector<int> folds = make_folds(labels, groups, 5, 0);
  const Example strong = normal_features(200, 100, 3.0f), noise = normal_features(200, 100, 0.0f);
  const auto known = statistics::auroc(
      strong.positive, cross_validate(strong.table, strong.positive, folds, 5, 0.1, 2).scores);
  const auto guessed =
      statistics::auroc(noise.positive, cross_validate(noise.table, noise.positive, folds, 5, 0.1, 2).scores);
  REQUIRE(known);
  REQUIRE(guessed);
  CHECK(*known >= 0.92);
  CHECK(std::abs(*guessed - 0.5) <= 0.13);
}

TEST_CASE("folds keep groups whole and classes spread") {
  std::vector<std::int64_t> labels;
  std::vector<std::size_t> groups;
  for (std::size_t i = 0; i < 300; ++i) {
    labels.push_back(i < 100 ? 1 : 0);
    groups.push_back(i / 3);
  }
  const std::vector<int> folds = make_folds(labels, groups, 5, 1);
  std::map<std::size_t, std::set<int>> of_group;
  std::map<int, std::size_t> positives;
  for (std::size_t i = 0; i < folds.size(); ++i) {
    of_group[groups[i]].insert(folds[i]);
    if (labels[i] == 1) ++positives[folds[i]];
  }
  for (const auto& [group, parts] : of_group) CHECK(parts.size() == 1);
  for (int fold = 0; fold < 5; ++fold) {
    CHECK(positives[fold] >= 15);
    CHECK(positives[fold] <= 25);
  }
  CHECK(folds == make_folds(labels, groups, 5, 1));
  CHECK(folds != make_folds(labels, groups, 5, 2));
}

}  // namespace xr::audit
