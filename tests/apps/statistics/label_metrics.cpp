// Metrics of several labels: each as a two-class problem on the images of which it is known.
#include "apps/statistics/label_metrics.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "apps/statistics/roc.h"
#include "data/dataset/label_strata.h"
#include "kernels/common/random.h"
#include "tests/apps/statistics/near.h"
#include "tests/apps/statistics/reference_numbers.h"

namespace xr::statistics::test {

namespace {

constexpr float missing_target = std::numeric_limits<float>::quiet_NaN();

/// `labels` columns whose scores speak for the truth, some of it unknown.
struct Drawn {
  Drawn(std::size_t images, std::size_t labels, double unknown) {
    Philox random(3, 4);
    for (std::size_t i = 0; i < images * labels; ++i) {
      const bool has = random.uniform(0.0f, 1.0f) < 0.3f;
      targets.push_back(random.uniform(0.0f, 1.0f) < static_cast<float>(unknown) ? missing_target
                        : has                                                    ? 1.0f
                                                                                 : 0.0f);
      scores.push_back(1 / (1 + std::exp(-(random.normal() + (has ? 0.5 : -0.5)))));
    }
  }
  std::vector<float> targets;
  std::vector<double> scores;
};

}  // namespace

TEST_CASE("One label is the two-class problem of scikit-learn's figures") {
  std::vector<float> targets;
  std::vector<double> scores, both;
  for (std::size_t i = 0; i < std::size(reference::binary_scores); ++i) {
    targets.push_back(static_cast<float>(reference::binary_labels[i]));
    scores.push_back(reference::binary_scores[i]);
    both.insert(both.end(), {1 - reference::binary_scores[i], reference::binary_scores[i]});
  }
  const double threshold[] = {0.5};
  const MetricTable table = make_label_metric_table({1, scores, targets}, threshold);
  REQUIRE(table.classes.size() == 1);
  const ClassMetrics& label = table.classes[0];
  check_near(label.find("sensitivity")->estimate.value, reference::binary_sensitivity);
  check_near(label.find("specificity")->estimate.value, reference::binary_specificity);
  check_near(label.find("ppv")->estimate.value, reference::binary_ppv);
  check_near(label.find("npv")->estimate.value, reference::binary_npv);
  check_near(label.find("f1")->estimate.value, reference::binary_f1);
  check_near(label.find("mcc")->estimate.value, reference::binary_mcc);
  // The same as the table of two classes has, intervals by formula included.
  const MetricTable two = make_metric_table({2, both, reference::binary_labels}, 1);
  for (const char* name : {"sensitivity", "specificity", "auroc"}) {
    CAPTURE(name);
    CHECK(label.find(name)->estimate.value == two.find(name)->estimate.value);
    CHECK(label.find(name)->estimate.interval == two.find(name)->estimate.interval);
  }
  CHECK(label.find("auprc")->estimate.value == two.find("auprc")->estimate.value);
  // Resamples are others: their quantiles agree to what chance leaves.
  check_near(label.find("auprc")->estimate.interval->low, two.find("auprc")->estimate.interval->low, 0.03);
  check_near(label.find("auprc")->estimate.interval->high, two.find("auprc")->estimate.interval->high, 0.03);
  check_near(table.find("brier")->estimate.value, *two.find("brier")->estimate.value);
  check_near(table.find("nll")->estimate.value, *two.find("nll")->estimate.value);
  CHECK(table.find("mean_auroc")->estimate.value == label.find("auroc")->estimate.value);
}

TEST_CASE("Unknown targets count nowhere, and means are over the labels that are measured") {
  Drawn drawn(120, 4, 0.25);
  for (std::size_t i = 3; i < drawn.targets.size(); i += 4)  // the last label: no image has it
    if (!std::isnan(drawn.targets[i])) drawn.targets[i] = 0;
  const LabelTable all{4, drawn.scores, drawn.targets};
  const std::vector<double> thresholds{0.5, 0.4, 0.6, 0.5};
  const MetricTable table = make_label_metric_table(all, thresholds, {.resamples = 200});
  CHECK(table.images == 120);
  CHECK(table.confusion.classes() == 0);
  double areas = 0, sensitivities = 0, specificities = 0;
  for (std::size_t l = 0; l < 4; ++l) {
    CAPTURE(l);
    const ClassMetrics& label = table.classes[l];
    std::vector<std::uint8_t> positive;
    std::vector<double> scores;
    std::int64_t hits = 0;
    for (std::size_t i = l; i < drawn.targets.size(); i += 4) {
      if (std::isnan(drawn.targets[i])) continue;
      positive.push_back(drawn.targets[i] > 0 ? 1 : 0);
      scores.push_back(drawn.scores[i]);
      hits += drawn.targets[i] > 0 && drawn.scores[i] >= thresholds[l] ? 1 : 0;
    }
    CHECK(label.threshold == thresholds[l]);
    CHECK(label.counts.total() == static_cast<std::int64_t>(positive.size()));
    CHECK(label.counts.total() < 120);
    CHECK(label.counts.true_positive == hits);
    CHECK(label.find("auroc")->estimate.value.has_value() == (l < 3));
    CHECK(label.find("auprc")->estimate.value == average_precision(positive, scores));
    CHECK(is_measured(label) == (l < 3));
    if (l == 3) continue;
    check_near(label.find("auroc")->estimate.value, *auroc(positive, scores));
    areas += *auroc(positive, scores) / 3;
    sensitivities += *label.counts.sensitivity() / 3;
    specificities += *label.counts.specificity() / 3;
    CHECK(label.find("auprc")->estimate.interval.has_value());
  }
  CHECK_FALSE(table.classes[3].find("auroc")->estimate.value.has_value());
  check_near(table.find("mean_auroc")->estimate.value, areas);
  check_near(mean_auroc(all), areas);
  check_near(table.find("mean_sensitivity")->estimate.value, sensitivities);
  check_near(table.find("mean_specificity")->estimate.value, specificities);
  const auto interval = table.find("mean_auroc")->estimate.interval;
  REQUIRE(interval.has_value());
  CHECK(interval->low < areas);
  CHECK(interval->high > areas);
}

TEST_CASE("The intervals of the Brier score and the log loss are those of resampled images") {
  const Drawn drawn(80, 2, 0.3);
  const LabelTable table{2, drawn.scores, drawn.targets};
  const BootstrapSettings settings{.seed = 5, .resamples = 300};
  const std::vector<std::size_t> strata = data::label_strata(table.targets, 2);
  const auto statistic = [&](Times times, std::span<std::optional<double>> values) {
    double brier = 0, count = 0;
    for (std::size_t i = 0; i < drawn.targets.size(); ++i) {
      if (std::isnan(drawn.targets[i])) continue;
      const double weight = times.empty() ? 1.0 : times[i / 2], error = drawn.scores[i] - drawn.targets[i];
      brier += weight * error * error;
      count += weight;
    }
    values[0] = brier / count;
  };
  const auto expected =
      stratified_bootstrap(std::vector<std::int64_t>(strata.begin(), strata.end()), 1, statistic, settings);
  const MetricTable measured = make_label_metric_table(table, std::vector<double>(2, 0.5), settings);
  const auto interval = measured.find("brier")->estimate.interval;
  REQUIRE(interval.has_value());
  check_near(interval->low, expected[0]->low);
  check_near(interval->high, expected[0]->high);
  const auto loss = measured.find("nll")->estimate.interval;
  REQUIRE(loss.has_value());
  CHECK(loss->high > loss->low);
  ClassMetrics one_sided;
  one_sided.counts.true_positive = 3;
  CHECK_FALSE(is_measured(one_sided));
}

TEST_CASE("The bootstrap of labels is the same for any number of threads, and another for another seed") {
  const Drawn drawn(60, 3, 0.1);
  const std::vector<double> thresholds(3, 0.5);
  const auto low = [&](std::uint64_t seed) {
    return make_label_metric_table({3, drawn.scores, drawn.targets}, thresholds,
                                   {.seed = seed, .resamples = 100})
        .find("mean_auprc")
        ->estimate.interval->low;
  };
  CHECK(low(1) == low(1));
  CHECK(low(1) != low(2));
}

TEST_CASE("A network that gives no numbers has no mean AUROC") {
  const std::vector<double> scores{0.5, std::nan(""), 0.1, 0.2};
  const std::vector<float> targets{1, 0, 0, 1};
  CHECK_FALSE(mean_auroc({2, scores, targets}).has_value());
  CHECK_FALSE(
      mean_auroc({2, std::span(scores).last(2), std::span(targets).last(2)}).has_value());  // one image
}

}  // namespace xr::statistics::test
