// How far the best of several checkpoints flatters, by the mean AUROC of labels.
#include "apps/statistics/label_selection.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "kernels/common/random.h"
#include "tests/apps/statistics/near.h"

namespace xr::statistics::test {

namespace {

/// `count` checkpoints on 80 images of two labels: scores of noise, plus `signal` for what is true.
struct Checkpoints {
  Checkpoints(std::size_t count, double signal, std::uint64_t seed) {
    Philox random(seed, 2);
    for (std::size_t i = 0; i < 160; ++i) targets.push_back(random.uniform() < 0.4f ? 1.0f : 0.0f);
    for (std::size_t c = 0; c < count; ++c) {
      scores.emplace_back();
      for (const float target : targets)
        scores.back().push_back(1 / (1 + std::exp(-(random.normal() + signal * target))));
    }
    for (const std::vector<double>& one : scores) tables.push_back({2, one, targets});
  }
  std::vector<float> targets;
  std::vector<std::vector<double>> scores;
  std::vector<LabelTable> tables;
};

}  // namespace

TEST_CASE("The best of many checkpoints that know nothing flatters, and the correction takes that back") {
  double apparent = 0, corrected = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Checkpoints drawn(10, 0.0, seed);
    const SelectionOptimism found = label_selection_optimism(drawn.tables, {.seed = seed});
    REQUIRE(found.optimism.has_value());
    CHECK(found.resamples == max_label_choices);
    check_near(found.apparent, *mean_auroc(drawn.tables[found.best]));
    for (const LabelTable& table : drawn.tables) CHECK(*mean_auroc(table) <= *found.apparent);
    apparent += *found.apparent / 5;
    corrected += *found.corrected / 5;
    CHECK(*found.optimism == Approx(*found.apparent - *found.corrected));
  }
  CHECK(apparent > 0.55);
  CHECK(corrected == Approx(0.5).margin(0.05));
}

TEST_CASE("One checkpoint that is far better does not flatter") {
  Checkpoints drawn(3, 0.0, 1);
  for (std::size_t i = 0; i < drawn.targets.size(); ++i)
    drawn.scores[1][i] = drawn.targets[i] > 0 ? 0.5 + 0.5 * drawn.scores[1][i] : 0.6 * drawn.scores[1][i];
  const SelectionOptimism found = label_selection_optimism(drawn.tables);
  CHECK(found.best == 1);
  CHECK(*found.optimism == Approx(0).margin(0.01));
  CHECK(label_selection_optimism(drawn.tables).corrected == found.corrected);  // the same for the same seed
}

TEST_CASE("Few images of a label are too few to correct by, and equal areas are decided by the loss") {
  Checkpoints drawn(2, 1.0, 1);
  for (std::size_t i = 0; i < drawn.scores[0].size(); ++i)
    drawn.scores[1][i] = 0.5 + 0.5 * drawn.scores[0][i];
  const SelectionOptimism equal = label_selection_optimism(drawn.tables);
  CHECK(equal.best == 0);  // the same ranking, but the second is sure of nearly everything
  std::swap(drawn.tables[0], drawn.tables[1]);
  CHECK(label_selection_optimism(drawn.tables).best == 1);
  std::swap(drawn.tables[0], drawn.tables[1]);
  std::size_t with = 0;
  for (std::size_t i = 0; i < drawn.targets.size(); i += 2)
    if (drawn.targets[i] > 0 && ++with > 5) drawn.targets[i] = 0;
  const SelectionOptimism few = label_selection_optimism(drawn.tables);
  CHECK(few.apparent.has_value());
  CHECK_FALSE(few.optimism.has_value());
  CHECK_FALSE(label_selection_optimism({}).apparent.has_value());
}

TEST_CASE("A correction is by the images that were not drawn, and over the labels that can be measured") {
  const Checkpoints drawn(10, 0.0, 3);
  const SelectionOptimism two = label_selection_optimism(drawn.tables, {.seed = 3});
  std::vector<float> targets;
  for (std::size_t i = 0; i < drawn.targets.size(); i += 2) {
    targets.insert(targets.end(),
                   {drawn.targets[i], drawn.targets[i + 1], 0.0f});  // a label that no image has
  }
  std::vector<std::vector<double>> scores;
  std::vector<LabelTable> tables;
  for (const std::vector<double>& of : drawn.scores) {
    scores.emplace_back();
    for (std::size_t i = 0; i < of.size(); i += 2)
      scores.back().insert(scores.back().end(), {of[i], of[i + 1], 0.5});
  }
  for (const std::vector<double>& of : scores) tables.push_back({3, of, targets});
  const SelectionOptimism three = label_selection_optimism(tables, {.seed = 3});
  CHECK(three.best == two.best);
  REQUIRE(three.corrected.has_value());
  check_near(three.apparent, *two.apparent);
  // On all images the choice would look as good as the best of ten; on the others it is one of ten.
  CHECK(*two.apparent - *two.corrected > 0.03);
}

}  // namespace xr::statistics::test
