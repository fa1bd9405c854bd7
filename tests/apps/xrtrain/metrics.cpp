#include "apps/xrtrain/evaluation/metrics.h"

#include <cmath>

#include "apps/xrtrain/evaluation/evaluation_details.h"
#include "apps/xrtrain/run/history.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

TEST_CASE("The Wilson interval is that of the literature") {
  // Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17, 1998,
  // table I: method 3.
  const std::tuple<int, int, double, double> cases[] = {
      {81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0.0, 0.1611}, {1, 29, 0.0061, 0.1718}};
  for (const auto& [k, n, low, high] : cases) {
    const statistics::Interval interval = statistics::wilson_interval(k, n);
    CHECK(std::abs(interval.low - low) <= 5e-5);
    CHECK(std::abs(interval.high - high) <= 5e-5);
  }
  CHECK(statistics::wilson_interval(0, 0).low == 0.0);
  CHECK(statistics::wilson_interval(0, 0).high == 1.0);
  CHECK(statistics::wilson_interval(20, 20).high == 1.0);
  CHECK(proportion_text(76, 86) == "0.884 (76/86, 95% CI 0.799-0.936)");
  CHECK(proportion_text(0, 0) == "- (0/0)");
  CHECK(estimate_text({0.5, {}}) == "0.500");
  CHECK(estimate_text({0.91, statistics::Interval{0.712, 0.976}}) == "0.910 (95% CI 0.712-0.976)");
  CHECK(estimate_text({}) == "-");
}

TEST_CASE("The baseline is the largest class, with a note where the accuracy is not above it") {
  EvaluationDetails details;
  details.class_names = {"covid", "normal"};
  const std::vector<std::int64_t> labels{0, 1, 1, 1, 0};
  const auto text_of = [&](const std::vector<std::int64_t>& predictions) {
    statistics::MetricTable table;
    table.images = 5;
    table.confusion = statistics::ConfusionMatrix(2, labels, predictions);
    return baseline_text(details, table);
  };
  const std::string baseline = "majority-class baseline (normal): 0.600 (3/5)";
  CHECK(text_of({0, 1, 1, 1, 1}) == baseline);
  CHECK(text_of({1, 1, 1, 1, 1}) == baseline + "; the accuracy is no better");
  CHECK(text_of({0, 0, 0, 0, 0}) == baseline + "; the accuracy is below it");
}

TEST_CASE("Predictions and probabilities of logits") {
  const float logits[] = {1.0f, 3.0f, 3.0f}, large[] = {1000.0f, 998.0f}, nan[] = {NAN, 1.0f};
  CHECK(predicted_class(logits) == 1);
  const std::vector<double> p = probabilities(large);
  CHECK(std::abs(p[0] - 1.0 / (1.0 + std::exp(-2.0))) <= 1e-12);
  CHECK(std::abs(p[0] + p[1] - 1.0) <= 1e-12);
  CHECK(std::abs(cross_entropy_of(large, 1) - (2.0 + std::log1p(std::exp(-2.0)))) <= 1e-12);
  CHECK(std::isnan(cross_entropy_of(nan, 1)));
}

TEST_CASE("The history goes through JSON bit for bit") {
  History history;
  for (int i = 0; i < 3; ++i) {
    EpochRecord record;
    record.epoch = i;
    record.learning_rate = 1e-3 / 3.0;
    record.train_loss = std::sqrt(2.0 + i);
    record.train_correct = 7 + i;
    record.train_images = 11;
    if (i > 0) record.validation = Evaluation{{3, 4}, {1, i}, std::log(3.0 + i)};
    history.push_back(record);
  }
  const History copy = history_from_json(history_to_json(history));
  REQUIRE(copy.size() == history.size());
  for (std::size_t i = 0; i < copy.size(); ++i) {
    CHECK(copy[i].train_loss == history[i].train_loss);
    CHECK(copy[i].learning_rate == history[i].learning_rate);
    CHECK(copy[i].train_correct == history[i].train_correct);
    CHECK(copy[i].validation == history[i].validation);
  }
  CHECK(history_csv(copy) == history_csv(history));
  CHECK_THROWS(history_from_json("[{}]"));
  CHECK_THROWS(history_from_json("no"));
}

TEST_CASE("The best epoch has most hits then least loss then comes first") {
  const auto record = [](std::int64_t epoch, std::int64_t hits, double loss) {
    EpochRecord result;
    result.epoch = epoch;
    result.validation = Evaluation{{10}, {hits}, loss};
    return result;
  };
  CHECK(best_on_validation(
            {record(0, 5, 1), record(1, 7, 3), record(2, 7, 2), record(3, 7, 2), record(4, 6, 0)}) == 2);
  CHECK(!best_on_validation({EpochRecord{}}));
  CHECK(best_on_validation({record(0, 9, 1), record(1, 7, 3), record(2, 8, 2)}, 1) == 2);
  CHECK(best_on_validation({record(0, 8, 1), record(1, 7, 3)}, 2) == 0);  // no candidate yet
}

TEST_CASE("Patience ends by the rule that chooses a checkpoint") {
  const auto history = [](const std::vector<std::int64_t>& hits) {
    History result;
    for (const std::int64_t one : hits) {
      const auto epoch = static_cast<std::int64_t>(result.size());
      result.emplace_back().epoch = epoch;
      result.back().validation = Evaluation{{10}, {one}, 1.0};
    }
    return result;
  };
  CHECK_FALSE(is_out_of_patience(history({5, 7, 6}), 2, 0));
  CHECK(is_out_of_patience(history({5, 7, 6, 7}), 2, 0));  // an equal one is not better
  CHECK_FALSE(is_out_of_patience(history({5, 7, 6, 8}), 2, 0));
  CHECK_FALSE(is_out_of_patience(history({5, 7, 6, 7}), 0, 0));
  CHECK_FALSE(is_out_of_patience({}, 2, 0));
  CHECK_FALSE(is_out_of_patience({EpochRecord{}, EpochRecord{}, EpochRecord{}}, 1, 0));  // without validation
  // The first candidate is better than all before it, whatever they brought.
  CHECK(is_out_of_patience(history({9, 7, 7}), 2, 3));
  CHECK_FALSE(is_out_of_patience(history({7, 9, 7, 5}), 2, 3));
  CHECK(is_out_of_patience(history({7, 9, 7, 5, 4, 3}), 2, 3));
}

TEST_CASE("With the cosine schedule validation chooses in the last quarter") {
  CHECK(first_candidate(engine::ScheduleKind::cosine, 60) == 45);
  CHECK(first_candidate(engine::ScheduleKind::cosine, 20) == 15);
  CHECK(first_candidate(engine::ScheduleKind::cosine, 3) == 2);
  CHECK(first_candidate(engine::ScheduleKind::cosine, 1) == 0);
  CHECK(first_candidate(engine::ScheduleKind::constant, 20) == 0);
  CHECK(first_candidate(engine::ScheduleKind::step, 20) == 0);
}

}  // namespace xr::apps::test
