// One label sorted once: the same numbers as from the ranking and the counts of a two-class problem.
#include "apps/statistics/label_ranking.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

#include "apps/statistics/roc.h"
#include "kernels/common/random.h"

namespace xr::statistics::test {

namespace {

struct RankedCase {
  RankedCase(std::uint64_t seed, std::size_t count, double with, double levels) {
    Philox random(seed, 9);
    for (std::size_t i = 0; i < count; ++i) {
      positive.push_back(random.uniform() < static_cast<float>(with) ? 1 : 0);
      const double score = random.uniform() * 0.8 + (positive.back() != 0 ? 0.2 : 0.0);
      scores.push_back(levels > 0 ? std::round(score * levels) / levels : score);
      images.push_back(2 * i + 1);  // every other image of the set
      times.push_back(random.below(3));
      times.push_back(random.below(3));
    }
  }
  [[nodiscard]] BinaryCounts counts(double threshold, bool drawn) const {
    BinaryCounts result;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const std::int64_t weight = drawn ? times[images[i]] : 1;
      if (positive[i] != 0)
        (scores[i] >= threshold ? result.true_positive : result.false_negative) += weight;
      else
        (scores[i] >= threshold ? result.false_positive : result.true_negative) += weight;
    }
    return result;
  }
  [[nodiscard]] std::vector<std::uint32_t> own_times() const {
    std::vector<std::uint32_t> own;
    for (const std::size_t image : images) own.push_back(times[image]);
    return own;
  }
  std::vector<std::size_t> images;
  std::vector<std::uint8_t> positive;
  std::vector<double> scores;
  std::vector<std::uint32_t> times;
};

}  // namespace

TEST_CASE("A label's ranking has the numbers of the two-class problem, to the last bit") {
  for (const double levels : {0.0, 10.0, 1.0})  // without ties, with many, all but two scores
    for (const double with : {0.05, 0.5, 1.0, 0.0})
      for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        const RankedCase one(seed, 120, with, levels);
        const Ranking ranking(one.positive, one.scores);
        for (const double threshold : {-1.0, 0.0, 0.3, 0.5, 1.0, 2.0, one.scores[7]}) {
          CAPTURE(levels, with, seed, threshold);
          const LabelRanking label(one.images, one.positive, one.scores, threshold);
          const RankedLabel all = label.measure(), drawn = label.measure(one.times);
          CHECK(all.counts == one.counts(threshold, false));
          CHECK(drawn.counts == one.counts(threshold, true));
          CHECK(all.auroc == ranking.auroc());
          CHECK(drawn.auroc == ranking.auroc(one.own_times()));
          CHECK(all.average_precision == ranking.average_precision());
          CHECK(drawn.average_precision == ranking.average_precision(one.own_times()));
        }
      }
}

TEST_CASE("A label without images has no areas, and NaN is no score") {
  const RankedLabel none = LabelRanking({}, {}, {}, 0.5).measure();
  CHECK(none.counts == BinaryCounts{});
  CHECK_FALSE(none.auroc.has_value());
  CHECK_FALSE(none.average_precision.has_value());
  const std::vector<std::size_t> images{0, 1};
  const std::vector<std::uint8_t> positive{0, 1};
  const std::vector<double> scores{0.5, std::nan("")};
  CHECK_THROWS(LabelRanking(images, positive, scores, 0.5));
}

}  // namespace xr::statistics::test
