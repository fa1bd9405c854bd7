// Rates, areas under curves and their intervals against scikit-learn and published examples.
#include "apps/statistics/confusion.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "apps/statistics/delong.h"
#include "apps/statistics/mcnemar.h"
#include "apps/statistics/roc.h"
#include "apps/statistics/threshold.h"
#include "kernels/common/random.h"
#include "tests/apps/statistics/near.h"
#include "tests/apps/statistics/reference_numbers.h"

namespace xr::statistics::test {

namespace {

using Labels = std::vector<std::int64_t>;
using Scores = std::vector<double>;
using Flags = std::vector<std::uint8_t>;

}  // namespace

TEST_CASE("Two-class rates are those of scikit-learn") {
  Labels predictions;
  for (const double score : reference::binary_scores) predictions.push_back(score >= 0.5);
  const ConfusionMatrix confusion(2, reference::binary_labels, predictions);
  const BinaryCounts counts = confusion.against_rest(1);
  check_near(counts.sensitivity(), reference::binary_sensitivity);
  check_near(counts.specificity(), reference::binary_specificity);
  check_near(counts.ppv(), reference::binary_ppv);
  check_near(counts.npv(), reference::binary_npv);
  check_near(counts.f1(), reference::binary_f1);
  check_near(counts.mcc(), reference::binary_mcc);
  check_near(counts.accuracy(), reference::binary_accuracy);
  check_near(counts.balanced_accuracy(), reference::binary_balanced_accuracy);
  check_near(confusion.accuracy(), reference::binary_accuracy);
  check_near(confusion.mcc(), reference::binary_mcc);
  CHECK(confusion.against_rest(0).true_positive == counts.true_negative);
  CHECK(counts_at(against_rest(reference::binary_labels, 1), reference::binary_scores, 0.5) == counts);
}

TEST_CASE("Rates without a denominator are undefined") {
  const BinaryCounts none;
  for (const auto rate :
       {&BinaryCounts::accuracy, &BinaryCounts::sensitivity, &BinaryCounts::specificity, &BinaryCounts::ppv,
        &BinaryCounts::npv, &BinaryCounts::balanced_accuracy, &BinaryCounts::f1, &BinaryCounts::mcc})
    CHECK(!(none.*rate)());
  const BinaryCounts no_negatives{3, 0, 0, 2};
  CHECK(!no_negatives.specificity());
  CHECK(!no_negatives.balanced_accuracy());
  CHECK(!no_negatives.mcc());
  check_near(no_negatives.sensitivity(), 0.6);
  check_near(no_negatives.npv(), 0.0);
  const BinaryCounts never_positive{0, 0, 5, 2};
  CHECK(!never_positive.ppv());
  CHECK(!never_positive.mcc());
  CHECK(!ConfusionMatrix(3).mcc());
  CHECK(!ConfusionMatrix(3).accuracy());
  CHECK(!ConfusionMatrix(3, Labels{0, 1, 1}, Labels{0, 1, 2}).balanced_accuracy());
}

TEST_CASE("The Matthews coefficient of millions of images does not overflow") {
  const BinaryCounts counts{4'000'000'000, 1'000'000'000, 4'000'000'000, 1'000'000'000};
  check_near(counts.mcc(), 0.6);
}

TEST_CASE("Areas and the curve are those of scikit-learn with ties") {
  const Flags positive = against_rest(reference::binary_labels, 1);
  check_near(auroc(positive, reference::binary_scores), reference::binary_auroc);
  check_near(auroc(positive, reference::binary_other_scores), reference::binary_other_auroc);
  check_near(average_precision(positive, reference::binary_scores), reference::binary_average_precision);
  const std::vector<RocPoint> curve = roc_curve(positive, reference::binary_scores);
  REQUIRE(curve.size() == reference::binary_roc_fpr.size());
  CHECK(std::isinf(curve[0].threshold));
  for (std::size_t i = 0; i < curve.size(); ++i) {
    check_near(curve[i].sensitivity, reference::binary_roc_tpr[i]);
    check_near(1.0 - curve[i].specificity.value(), reference::binary_roc_fpr[i]);
    if (i > 0) CHECK(curve[i].threshold == reference::binary_roc_thresholds[i - 1]);
  }
}

TEST_CASE("An area counts images as often as they were drawn") {
  const Flags positive = {1, 0, 1, 0}, repeated = {1, 0, 0, 1, 1, 1, 0};
  const Scores scores = {0.9, 0.8, 0.3, 0.3}, of_repeated = {0.9, 0.8, 0.8, 0.3, 0.3, 0.3, 0.3};
  const std::vector<std::uint32_t> times = {1, 2, 3, 1};
  const Ranking ranking(positive, scores);
  check_near(ranking.auroc(times), *auroc(repeated, of_repeated));
  check_near(ranking.average_precision(times), *average_precision(repeated, of_repeated));
  CHECK(!ranking.auroc(std::vector<std::uint32_t>{1, 0, 3, 0}));
  CHECK(!ranking.average_precision(std::vector<std::uint32_t>{0, 1, 0, 1}));
  CHECK(!ranking.average_precision(std::vector<std::uint32_t>{1, 0, 3, 0}));
}

TEST_CASE("Areas of one class are undefined and scores must not be NaN") {
  CHECK(!auroc(Flags{1, 1}, Scores{0.1, 0.2}));
  CHECK(!auroc(Flags{}, Scores{}));
  CHECK(!average_precision(Flags{0, 0}, Scores{0.1, 0.2}));
  CHECK(!average_precision(Flags{1, 1}, Scores{0.1, 0.2}));
  check_near(auroc(Flags{1, 0}, Scores{0.5, 0.5}), 0.5);
  CHECK(!roc_curve(Flags{1, 1}, Scores{0.1, 0.2})[1].specificity);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS(auroc(Flags{1, 0}, Scores{nan, 0.2}));
  CHECK_THROWS(delong(Flags{1, 0}, Scores{nan, 0.2}));
  CHECK_THROWS(auroc(Flags{1, 0}, Scores{0.2}));
}

TEST_CASE("Thresholds chosen on images") {
  const Flags positive = against_rest(reference::binary_labels, 1);
  check_near(youden_threshold(positive, reference::binary_scores), reference::binary_youden);
  check_near(sensitivity_threshold(positive, reference::binary_scores, 0.9), reference::binary_threshold_090);
  // 0.8 and 0.4 have the same index: the higher one; halfway to the next lower score.
  check_near(youden_threshold(Flags{1, 0, 1, 0}, Scores{0.8, 0.6, 0.4, 0.2}), 0.7);
  check_near(sensitivity_threshold(Flags{1, 0, 1, 0}, Scores{0.8, 0.6, 0.4, 0.2}, 1.0), 0.3);
  check_near(sensitivity_threshold(Flags{1, 0, 1, 0}, Scores{0.8, 0.6, 0.4, 0.2}, 0.5), 0.7);
  check_near(sensitivity_threshold(Flags{0, 1}, Scores{0.8, 0.6}, 0.9), 0.3);  // below the lowest: to 0
  const double low = 0.5, high = std::nextafter(low, 1.0);                     // no number in between
  CHECK(*youden_threshold(Flags{1, 0}, Scores{high, low}) == high);
  CHECK(*sensitivity_threshold(Flags{1, 0}, Scores{0.0, 0.5}, 1.0) == 0.0);
  CHECK(counts_at(Flags{1, 0}, Scores{0.5, 0.4}, 0.5) == BinaryCounts{1, 0, 1, 0});
  CHECK(!youden_threshold(Flags{1, 1}, Scores{0.8, 0.6}));
  CHECK(!sensitivity_threshold(Flags{0, 0}, Scores{0.8, 0.6}, 0.9));
  CHECK_THROWS(sensitivity_threshold(Flags{0, 1}, Scores{0.8, 0.6}, 0.0));
}

TEST_CASE("DeLong's variance and test are those of the definition") {
  const Flags positive = against_rest(reference::binary_labels, 1);
  const DeLong one = delong(positive, reference::binary_scores);
  check_near(one.auroc, reference::binary_auroc);
  check_near(one.variance, reference::binary_delong_variance);
  REQUIRE(one.interval);
  check_near(one.interval->low, reference::binary_delong_low);
  check_near(one.interval->high, reference::binary_delong_high);
  const DeLongTest test = delong_test(positive, reference::binary_scores, reference::binary_other_scores);
  check_near(test.variance, reference::binary_delong_difference_variance);
  check_near(test.z, reference::binary_delong_z);
  check_near(test.p, reference::binary_delong_p);
  check_near(test.difference, reference::binary_auroc - reference::binary_other_auroc);
}

TEST_CASE("DeLong's method gives the published figures of the data of the paper") {
  // DeLong, DeLong, Clarke-Pearson 1988; the figures as in the SAS/STAT documentation of PROC LOGISTIC,
  // example "Comparing Receiver Operating Characteristic Curves": K-G score 0.7258 with standard error
  // 0.1028.
  const DeLong kg = delong(reference::delong_labels, reference::delong_kg_score);
  check_near(kg.auroc, 0.7258, 5e-5);
  check_near(std::sqrt(kg.variance.value()), 0.1028, 5e-5);
  const DeLong albumin = delong(reference::delong_labels, reference::delong_albumin);
  check_near(albumin.auroc, reference::delong_albumin_auroc);
  check_near(std::sqrt(albumin.variance.value()), reference::delong_albumin_error);
  const DeLongTest test =
      delong_test(reference::delong_labels, reference::delong_albumin, reference::delong_kg_score);
  check_near(std::sqrt(test.variance.value()), reference::delong_difference_error);
  check_near(test.p, reference::delong_difference_p);
}

TEST_CASE("The variance of clustered images is Obuchowski's") {
  const DeLong found =
      clustered_delong(reference::cluster_labels, reference::cluster_scores, reference::cluster_numbers);
  check_near(found.auroc, reference::cluster_auroc);
  check_near(found.variance, reference::cluster_variance);
  REQUIRE(found.interval);
  check_near(found.interval->low, reference::cluster_low);
  check_near(found.interval->high, reference::cluster_high);
  // It is DeLong's where each image is a cluster of its own.
  std::vector<std::size_t> alone(reference::cluster_labels.size());
  std::iota(alone.begin(), alone.end(), std::size_t{0});
  const DeLong apart = clustered_delong(reference::cluster_labels, reference::cluster_scores, alone);
  check_near(apart.variance, *delong(reference::cluster_labels, reference::cluster_scores).variance);
  // One cluster of a class says nothing of others, however many images it has.
  CHECK(
      !clustered_delong(Flags{1, 1, 1, 0, 0}, Scores{5, 1, 4, 2, 3}, std::vector<std::size_t>{0, 0, 0, 1, 2})
           .variance);
}

TEST_CASE("Intervals hold the true area about as often as they say") {
  Philox random(3, 4);
  const auto coverage = [&](int clusters, int images, double distance, bool as_clusters) {
    int held = 0, all = 0;
    for (int study = 0; study < 600; ++study) {
      Flags flags;
      Scores scores;
      std::vector<std::size_t> numbers;
      for (int k = 0; k < 2 * clusters; ++k) {
        const double of_cluster = images > 1 ? random.normal() : 0.0;
        for (int i = 0; i < images; ++i) {
          flags.push_back(static_cast<std::uint8_t>(k % 2));
          numbers.push_back(static_cast<std::size_t>(k));
          scores.push_back(distance * (k % 2) + of_cluster + random.normal());
        }
      }
      const DeLong found = as_clusters ? clustered_delong(flags, scores, numbers) : delong(flags, scores);
      if (!found.interval) continue;
      ++all;
      const double deviation = images > 1 ? std::sqrt(2.0) : 1.0;
      const double truth = 1.0 - 0.5 * std::erfc(distance / deviation / 2.0);
      held += found.interval->low <= truth && truth <= found.interval->high;
    }
    return static_cast<double>(held) / all;
  };
  CHECK(coverage(30, 5, 0.0, true) >= 0.91);
  CHECK(coverage(30, 5, 0.0, false) <= 0.80);   // what taking the images of a patient as independent costs
  CHECK(coverage(40, 1, 2.66, false) >= 0.92);  // an area of 0.97; area -+ 1.96 deviations: 0.86
}

TEST_CASE("DeLong claims no certainty from a perfect ranking or from one image") {
  const DeLong perfect = delong(Flags{1, 1, 1, 0, 0}, Scores{0.9, 0.8, 0.7, 0.2, 0.1});
  check_near(perfect.auroc, 1.0);
  CHECK(!perfect.interval);
  const DeLong single = delong(Flags{1, 0, 0}, Scores{0.9, 0.8, 0.95});
  check_near(single.auroc, 0.5);
  CHECK(!single.variance);
  CHECK(!single.interval);
  CHECK(!delong(Flags{1, 1}, Scores{0.9, 0.8}).auroc);
  const Scores scores = {0.9, 0.1, 0.7, 0.2, 0.1};
  const DeLongTest same = delong_test(Flags{1, 1, 1, 0, 0}, scores, scores);
  check_near(same.difference, 0.0);
  CHECK(!same.z);
  CHECK(!same.p);
}

TEST_CASE("McNemar's test is that of statsmodels and of the literature") {
  // A. Agresti, "Categorical Data Analysis", 1990, p. 350: approval in two surveys, 794, 150, 86, 570.
  const McNemar approval = mcnemar_test(86, 150);
  check_near(approval.statistic, 17.36, 5e-3);
  check_near(approval.p_asymptotic, reference::mcnemar_asymptotic_86_150);
  check_near(approval.p_exact, reference::mcnemar_exact_86_150);
  CHECK(approval.exact);
  CHECK(approval.p == approval.p_exact);
  check_near(mcnemar_test(28, 35).p_exact, reference::mcnemar_exact_28_35);
  check_near(mcnemar_test(35, 28).p_asymptotic, reference::mcnemar_asymptotic_28_35);
  check_near(mcnemar_test(1, 8).p, reference::mcnemar_exact_1_8);
  check_near(mcnemar_test(10, 10).p, 1.0);
  CHECK(mcnemar_test(0, 0).p == 1.0);
  CHECK(!mcnemar_test(0, 0).statistic);
  const McNemar many = mcnemar_test(60'000, 61'000);
  CHECK(!many.exact);
  check_near(many.p, many.p_exact, 1e-4);
  const McNemar counted = mcnemar_test(Flags{1, 1, 0, 0, 1}, Flags{1, 0, 1, 0, 0});
  CHECK(counted.only_a == 2);
  CHECK(counted.only_b == 1);
  CHECK_THROWS(mcnemar_test(Flags{1}, Flags{1, 0}));
}

TEST_CASE("The Wilson interval of a proportion is that of statsmodels") {
  const Estimate estimate = proportion(76, 86);
  check_near(estimate.value, 76.0 / 86.0);
  check_near(estimate.interval.value().low, reference::wilson_76_of_86_low);
  check_near(estimate.interval.value().high, reference::wilson_76_of_86_high);
  CHECK(!proportion(0, 0).value);
  CHECK(!proportion(0, 0).interval);
  for (std::int64_t n = 1; n <= 2000; ++n) {  // not 0.9999999999999999
    CAPTURE(n);
    CHECK(wilson_interval(n, n).high == 1.0);
    CHECK(wilson_interval(0, n).low == 0.0);
    CHECK(wilson_interval(n, n).low > 0.0);
  }
}

TEST_CASE("A threshold does on its images what the score above it does") {
  const Flags positive = against_rest(reference::binary_labels, 1);
  const Scores& scores = reference::binary_scores;
  for (const double wanted : {0.1, 0.5, 0.75, 0.9, 1.0}) {
    CAPTURE(wanted);
    const double threshold = *sensitivity_threshold(positive, scores, wanted);
    CHECK(*counts_at(positive, scores, threshold).sensitivity() >= wanted);
    double above = 1.0;  // the lowest score that is called positive
    for (const double score : scores)
      if (score >= threshold) above = std::min(above, score);
    CHECK(counts_at(positive, scores, above) == counts_at(positive, scores, threshold));
    CHECK(*counts_at(positive, scores, above + 1e-9).sensitivity() < wanted);
  }
}

TEST_CASE("The chance of one class only is that of scipy") {
  const std::vector<std::size_t> real{195, 150}, uneven{40, 160};
  check_near(one_class_probability(real, 35), reference::one_class_35_of_195_150, 1e-12);
  check_near(one_class_probability(uneven, 12), reference::one_class_12_of_40_160, 1e-12);
  CHECK(one_class_probability(real, 1) == 1.0);
  CHECK(one_class_probability(real, 0) == 1.0);
  CHECK(one_class_probability(real, 200) == 0.0);
  check_near(one_class_probability(std::vector<std::size_t>{12, 0}, 12), 1.0);
}

TEST_CASE("Holm's p values are those of statsmodels") {
  const std::vector<double> adjusted = holm_adjusted(reference::holm_p);
  REQUIRE(adjusted.size() == reference::holm_adjusted.size());
  for (std::size_t i = 0; i < adjusted.size(); ++i) check_near(adjusted[i], reference::holm_adjusted[i]);
  CHECK(holm_adjusted(Scores{0.7, 0.6}) == Scores{1.0, 1.0});
  CHECK(holm_adjusted(Scores{0.03}) == Scores{0.03});
  CHECK(holm_adjusted(Scores{}).empty());
}

}  // namespace xr::statistics::test
