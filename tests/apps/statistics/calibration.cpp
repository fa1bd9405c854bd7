// Calibration, temperature, the bootstrap, selection and the table of all metrics.
#include "apps/statistics/calibration.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

#include "apps/statistics/metric_table.h"
#include "apps/statistics/selection.h"
#include "apps/xrtrain/evaluation/metrics.h"
#include "kernels/common/parallel.h"
#include "kernels/common/random.h"
#include "tests/apps/statistics/near.h"
#include "tests/apps/statistics/reference_numbers.h"

namespace xr::statistics::test {

namespace {

struct Data {
  std::size_t classes = 0;
  std::vector<double> values;
  std::vector<std::int64_t> labels;
  [[nodiscard]] ProbabilityTable table() const { return {classes, values, labels}; }
};

Data binary_data() {
  Data data{2, {}, reference::binary_labels};
  for (const double score : reference::binary_scores) {
    data.values.push_back(1.0 - score);
    data.values.push_back(score);
  }
  return data;
}

Data multi_data() {
  Data data{4, {}, reference::multi_labels};
  for (std::size_t i = 0; i < data.labels.size(); ++i) {
    double sum = 0.0;
    for (std::size_t c = 0; c < 4; ++c) sum += std::exp(reference::multi_logits[4 * i + c]);
    for (std::size_t c = 0; c < 4; ++c)
      data.values.push_back(std::exp(reference::multi_logits[4 * i + c]) / sum);
  }
  return data;
}

CandidateResult candidate(std::size_t row, std::size_t images) {
  CandidateResult result;
  for (std::size_t i = 0; i < images; ++i) {
    result.right.push_back(reference::selection_right[row * images + i]);
    result.loss.push_back(reference::selection_loss[row * images + i]);
  }
  return result;
}

}  // namespace

TEST_CASE("Brier score, calibration error and likelihood are those of scikit-learn and numpy") {
  const Data two = binary_data(), four = multi_data();
  check_near(brier_score(two.table()), reference::binary_brier);
  check_near(expected_calibration_error(two.table()), reference::binary_ece);
  check_near(brier_score(four.table()), reference::multi_brier);
  check_near(expected_calibration_error(four.table()), reference::multi_ece);
  check_near(negative_log_likelihood(four.table()), reference::multi_nll);
  const Data none{2, {}, {}};
  CHECK(!brier_score(none.table()));
  CHECK(!expected_calibration_error(none.table()));
  CHECK(!negative_log_likelihood(none.table()));
}

TEST_CASE("A probability on the edge of two bins belongs to the lower one") {
  const std::vector<double> p = {0.0, 0.1, 0.10001, 1.0};
  const std::vector<std::uint8_t> came_true = {0, 1, 1, 1};
  const auto bins = reliability(p, came_true);
  REQUIRE(bins.size() == 10);
  CHECK(bins[0].images == 2);
  CHECK(bins[1].images == 1);
  CHECK(bins[9].images == 1);
  check_near(bins[0].observed(), 0.5);
  check_near(bins[0].mean_probability(), 0.05);
  CHECK(!bins[4].observed());
  check_near(calibration_error(bins), (0.9 + 0.89999 + 0.0) / 4);
}

TEST_CASE("The fitted temperature is that of least likelihood") {
  const Data two = binary_data(), four = multi_data();
  check_near(fit_temperature(two.table()), reference::binary_temperature, 1e-5);
  const std::optional<double> temperature = fit_temperature(four.table());
  check_near(temperature, reference::multi_temperature, 1e-5);
  const std::vector<double> scaled = at_temperature(four.table(), *temperature);
  const ProbabilityTable better{4, scaled, four.labels};
  CHECK(*negative_log_likelihood(better) < *negative_log_likelihood(four.table()));
  check_near(fit_temperature(better), 1.0, 1e-9);
  CHECK(better.predictions() == four.table().predictions());
  check_near(std::accumulate(scaled.begin(), scaled.begin() + 4, 0.0), 1.0);
}

TEST_CASE("A temperature without a minimum is undefined") {
  const std::vector<std::int64_t> labels = {0, 1, 0};
  const std::vector<double> all_right = {0.9, 0.1, 0.2, 0.8, 0.6, 0.4}, chance(6, 0.5),
                            wrong = {0.1, 0.9, 0.8, 0.2, 0.4, 0.6}, zeros = {1.0, 0.0, 1.0, 0.0, 1.0, 0.0};
  CHECK(!fit_temperature({2, all_right, labels}));
  CHECK(!fit_temperature({2, chance, labels}));
  CHECK(!fit_temperature({2, wrong, labels}));
  CHECK(!fit_temperature({2, {}, {}}));
  const std::vector<double> scaled = at_temperature({2, zeros, labels}, 2.0);
  for (const double p : scaled) CHECK(std::isfinite(p));
  CHECK(std::isfinite(*negative_log_likelihood({2, zeros, labels})));
}

TEST_CASE("Quantiles are linear between neighbours") {
  const std::vector<double> values = {1.0, 2.0, 4.0, 8.0};
  check_near(sorted_quantile(values, 0.0), 1.0);
  check_near(sorted_quantile(values, 0.5), 3.0);
  check_near(sorted_quantile(values, 0.975), 7.7);
  check_near(sorted_quantile(values, 1.0), 8.0);
  check_near(sorted_quantile(std::vector<double>{3.0}, 0.975), 3.0);
}

TEST_CASE("A resample keeps the size of each stratum and is the same for any threads") {
  const std::vector<std::int64_t> strata = {0, 1, 0, 1, 1, 2, 0};
  for (std::int64_t b = 0; b < 20; ++b) {
    const auto times = draw_resample(strata, {.seed = 5}, b);
    CHECK(times[0] + times[2] + times[6] == 3);
    CHECK(times[1] + times[3] + times[4] == 3);
    CHECK(times[5] == 1);
  }
  CHECK(draw_resample(strata, {.seed = 5}, 0) != draw_resample(strata, {.seed = 6}, 0));
  CHECK(draw_resample(strata, {.seed = 5}, 0) != draw_resample(strata, {.seed = 5, .purpose = 1}, 0));
  const Data data = binary_data();
  const int threads = kernels::thread_count();
  kernels::set_thread_count(1);
  const MetricTable one = make_metric_table(data.table(), 1, {.seed = 3});
  kernels::set_thread_count(3);
  const MetricTable three = make_metric_table(data.table(), 1, {.seed = 3});
  kernels::set_thread_count(threads);
  for (std::size_t i = 0; i < one.metrics.size(); ++i)
    CHECK(one.metrics[i].estimate.interval == three.metrics[i].estimate.interval);
}

TEST_CASE("The bootstrap interval of a mean is near that of the normal distribution") {
  std::vector<double> values;
  Philox random(11, 1);
  for (int i = 0; i < 400; ++i) values.push_back(random.uniform());
  const std::vector<std::int64_t> strata(values.size());
  const auto mean = [&](Times times, std::span<std::optional<double>> out) {
    double sum = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i) sum += times[i] * values[i];
    out[0] = sum / static_cast<double>(values.size());
    if (times[0] > 0) out[1] = 1.0;  // in two thirds of the resamples
  };
  const auto intervals = stratified_bootstrap(strata, 2, mean);
  REQUIRE(intervals[0]);
  // Standard error of the mean of 400 uniform numbers: sqrt(1 / 12 / 400) = 0.01443.
  CHECK(std::abs((intervals[0]->high - intervals[0]->low) / 2 - 1.96 * 0.01443) <= 0.003);
  CHECK(!intervals[1]);
}

TEST_CASE("The selection's estimate is that of all resamples") {
  const std::vector<CandidateResult> candidates = {candidate(0, 4), candidate(1, 4), candidate(2, 4)};
  const std::vector<std::int64_t> labels = {0, 0, 1, 1};
  const SelectionOptimism result = selection_optimism(candidates, labels, {.seed = 1, .resamples = 40000}, 2);
  CHECK(result.best == 0);
  check_near(result.apparent, 0.5);
  check_near(result.corrected, reference::selection_corrected, 5e-3);
  check_near(result.optimism, 0.5 - *result.corrected);
}

TEST_CASE("The best of many coin tossers is found to be a coin tosser") {
  // 30 candidates that guess 50 images, 40 times over: the best seems to reach about 0.66.
  double apparent = 0.0, corrected = 0.0;
  Philox random(7, 2);
  std::vector<std::int64_t> labels;
  for (int i = 0; i < 50; ++i) labels.push_back(i % 2);
  for (int study = 0; study < 40; ++study) {
    std::vector<CandidateResult> candidates(30);
    for (CandidateResult& one : candidates)
      for (int i = 0; i < 50; ++i) {
        one.right.push_back(random.uniform() < 0.5f);
        one.loss.push_back(random.uniform());
      }
    const SelectionOptimism result = selection_optimism(candidates, labels, {.resamples = 200});
    apparent += *result.apparent / 40;
    corrected += *result.corrected / 40;
  }
  CHECK(apparent > 0.62);
  CHECK(std::abs(corrected - 0.5) <= 0.03);
}

TEST_CASE("A choice between two that always say the same class is a choice between guesses") {
  // Without the classes kept apart, the one whose class was drawn more often is chosen, and tested on the
  // other.
  std::vector<std::int64_t> labels;
  std::vector<CandidateResult> candidates(2);
  for (int i = 0; i < 40; ++i) {
    labels.push_back(i % 2);
    for (std::size_t c = 0; c < 2; ++c) {
      candidates[c].right.push_back(static_cast<std::size_t>(i % 2) == c);
      candidates[c].loss.push_back(1.0);
    }
  }
  check_near(selection_optimism(candidates, labels).corrected, 0.5);
}

TEST_CASE("A selection among one, among nothing and on few images") {
  CHECK(!selection_optimism({}, {}).apparent);
  const std::vector<std::int64_t> labels = {0, 0, 1, 1};
  const std::vector<CandidateResult> one = {candidate(0, 4)};
  const SelectionOptimism alone = selection_optimism(one, labels, {.resamples = 20000}, 2);
  CHECK(std::abs(*alone.optimism) <= 0.02);  // nothing was selected
  const std::vector<CandidateResult> uneven = {{{1, 0}, {0.2, 0.3}}, {{1}, {0.2}}};
  CHECK_THROWS(selection_optimism(uneven, std::vector<std::int64_t>{0, 1}));
  // 30 of one class and 9 of the other: too few to leave some out.
  std::vector<std::int64_t> few;
  CandidateResult of_few;
  for (int i = 0; i < 39; ++i) {
    few.push_back(i < 9 ? 0 : 1);
    of_few.right.push_back(i % 2 == 0);
    of_few.loss.push_back(0.5);
  }
  const std::vector<CandidateResult> candidates = {of_few, of_few};
  CHECK(selection_optimism(candidates, few).apparent);
  CHECK(!selection_optimism(candidates, few).optimism);
  few[9] = 0;
  CHECK(selection_optimism(candidates, few).optimism);
}

TEST_CASE("Resamples that differ by rounding have no interval") {
  CHECK(!percentile_interval(std::vector<double>{0.462, 0.462 + 1e-15, 0.462 + 3e-15}));
  CHECK(percentile_interval(std::vector<double>{0.462, 0.463, 0.464}));
  // Probabilities that are all the same: the mean of -log p in another order.
  std::vector<double> p;
  std::vector<std::int64_t> labels;
  for (int i = 0; i < 41; ++i) {
    p.insert(p.end(), {0.63, 0.37});
    labels.push_back(0);
  }
  const MetricTable table = make_metric_table({2, p, labels}, 0);
  CHECK(!table.find("nll")->estimate.interval);
  CHECK(!table.find("brier")->estimate.interval);
}

TEST_CASE("The table of a two-class problem") {
  const Data data = binary_data();
  const MetricTable table = make_metric_table(data.table(), 1);
  CHECK(table.images == 60);
  CHECK(table.classes.empty());
  check_near(table.find("auroc")->estimate.value, reference::binary_auroc);
  check_near(table.find("auprc")->estimate.value, reference::binary_average_precision);
  check_near(table.find("brier")->estimate.value, reference::binary_brier);
  check_near(table.find("ece")->estimate.value, reference::binary_ece);
  CHECK(table.find("auroc")->method == IntervalMethod::delong);
  CHECK(table.find("macro_f1") == nullptr);
  for (const Metric& metric : table.metrics) {
    INFO(metric.name);
    REQUIRE(metric.estimate.value);
    REQUIRE(metric.estimate.interval.has_value() == (metric.name != "ece"));
    if (metric.name == "ece") {
      CHECK(metric.method == IntervalMethod::none);
      continue;
    }
    CHECK(metric.estimate.interval->low <= *metric.estimate.value);
    CHECK(*metric.estimate.value <= metric.estimate.interval->high);
    CHECK(metric.estimate.interval->low < metric.estimate.interval->high);
  }
  // The other class as the positive one.
  const MetricTable other = make_metric_table(data.table(), 0);
  check_near(other.find("sensitivity")->estimate.value, *table.find("specificity")->estimate.value);
  check_near(other.find("ppv")->estimate.value, *table.find("npv")->estimate.value);
  CHECK(*other.find("ppv")->estimate.value != *table.find("ppv")->estimate.value);
  check_near(other.find("auroc")->estimate.value, reference::binary_auroc);
}

TEST_CASE("The table of a problem of four classes") {
  const Data data = multi_data();
  const MetricTable table = make_metric_table(data.table(), 0);
  check_near(table.find("accuracy")->estimate.value, reference::multi_accuracy);
  check_near(table.find("balanced_accuracy")->estimate.value, reference::multi_balanced_accuracy);
  check_near(table.find("macro_sensitivity")->estimate.value, reference::multi_balanced_accuracy);
  check_near(table.find("macro_ppv")->estimate.value, reference::multi_macro_ppv);
  check_near(table.find("macro_f1")->estimate.value, reference::multi_macro_f1);
  check_near(table.find("mcc")->estimate.value, reference::multi_mcc);
  check_near(table.find("macro_auroc")->estimate.value, reference::multi_macro_auroc);
  check_near(table.find("macro_auprc")->estimate.value, reference::multi_macro_auprc);
  check_near(table.find("nll")->estimate.value, reference::multi_nll);
  for (std::size_t label = 0; label < 4; ++label)
    for (std::size_t predicted = 0; predicted < 4; ++predicted)
      CHECK(table.confusion.at(label, predicted) == reference::multi_confusion[4 * label + predicted]);
  REQUIRE(table.classes.size() == 4);
  for (const Metric& metric : table.classes[2].metrics)
    if (metric.name == "auroc") check_near(metric.estimate.value, reference::multi_class2_auroc);
  for (const Metric& metric : table.metrics)
    CHECK(metric.estimate.interval.has_value() == (metric.name != "ece"));
}

TEST_CASE("The table of images of one class has undefined values") {
  const std::vector<std::int64_t> labels = {1, 1, 1};
  const std::vector<double> p = {0.2, 0.8, 0.6, 0.4, 0.3, 0.7};
  const MetricTable table = make_metric_table({2, p, labels}, 1);
  check_near(table.find("accuracy")->estimate.value, 2.0 / 3.0);
  check_near(table.find("sensitivity")->estimate.value, 2.0 / 3.0);
  for (const char* name : {"specificity", "balanced_accuracy", "mcc", "auroc", "auprc"}) {
    CHECK(!table.find(name)->estimate.value);
    CHECK(!table.find(name)->estimate.interval);
  }
  const MetricTable none = make_metric_table({3, {}, {}}, 0);
  for (const Metric& metric : none.metrics) CHECK(!metric.estimate.value);
}

}  // namespace xr::statistics::test
