// Two runs of several labels on the same images.
#include "apps/xrtrain/compare/label_comparison.h"

#include <functional>
#include <nlohmann/json.hpp>

#include "apps/xrtrain/errors.h"
#include "kernels/common/random.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

/// `count` images with the labels "a" and "b"; scores of noise, plus `signal` where the image has the label.
RunPredictions label_run(std::size_t count, double signal_a, double signal_b, std::uint64_t seed) {
  Philox truth(1, 1), noise(seed, 2);
  RunPredictions result;
  result.task = data::Task::multi_label;
  result.class_names = {"a", "b"};
  SplitImages images;
  for (std::size_t i = 0; i < count; ++i) {
    images.paths.push_back(std::to_string(i));
    images.labels.push_back(0);
    for (const double signal : {signal_a, signal_b}) {
      images.targets.push_back(truth.uniform() < 0.4f ? 1.0f : 0.0f);
      result.test.probabilities.push_back(0.5 * noise.uniform() + 0.5 * signal * images.targets.back());
    }
  }
  result.test.split = "test";
  result.test.images = std::make_shared<SplitImages>(images);
  return result;
}

/// The same run with other facts of its images.
RunPredictions with_images(RunPredictions run, const std::function<void(SplitImages&)>& change) {
  SplitImages images = *run.test.images;
  change(images);
  run.test.images = std::make_shared<SplitImages>(images);
  return run;
}

}  // namespace

TEST_CASE("runs of labels are compared label by label and by the mean AUROC") {
  const RunPredictions a = label_run(120, 0.9, 0.1, 1), b = label_run(120, 0.0, 0.1, 2);
  const LabelComparison result = compare_labels(a, b);
  REQUIRE(result.labels.size() == 2);
  CHECK(result.paired.images.size() == 120);
  CHECK(result.known_in_one == 0);
  CHECK(*result.labels[0].delong.auroc_a > 0.95);
  CHECK(*result.labels[0].p_holm < 0.001);
  CHECK(*result.labels[0].p_holm == Approx(2 * *result.labels[0].delong.p));
  CHECK(*result.labels[1].p_holm > 0.05);
  REQUIRE(result.interval.has_value());
  CHECK(result.interval->low > 0);
  CHECK(result.interval->high < 0.6);
  CHECK(*result.difference == Approx(*result.mean_a - *result.mean_b));
  const auto json =
      nlohmann::json::parse(label_comparison_json(result, {"one", {.checkpoint = 7}}, {"two", {}}));
  CHECK(json["labels"][0]["better"] == "A");
  CHECK(json["labels"][1]["better"] == "none shown");
  CHECK(json["mean_auroc"]["better"] == "A");
  CHECK(json["a"]["checkpoint"] == "07");
  CHECK(label_comparison_text(result, "one", "two").size() == 9);

  const LabelComparison other = compare_labels(b, a);
  CHECK(other.interval->low == Approx(-result.interval->high).margin(1e-12));
  CHECK(nlohmann::json::parse(label_comparison_json(other, {}, {}))["labels"][0]["better"] == "B");
  const LabelComparison same = compare_labels(a, a);
  CHECK(*same.difference == 0);
  CHECK_FALSE(same.interval.has_value());
  CHECK(nlohmann::json::parse(label_comparison_json(same, {}, {}))["mean_auroc"]["better"].is_null());
}

TEST_CASE("labels that one run does not know are left out, contradicting ones and other names refused") {
  const RunPredictions a = label_run(60, 0.5, 0.5, 1), b = label_run(60, 0.5, 0.4, 2);
  const LabelComparison left_out = compare_labels(
      a, with_images(b, [](SplitImages& images) { images.targets[5] = data::unknown_target; }));
  CHECK(left_out.known_in_one == 1);
  CHECK(left_out.labels[1].images == 59);
  CHECK(left_out.labels[0].images == 60);
  CHECK_THROWS_AS(
      compare_labels(a,
                     with_images(b, [](SplitImages& images) { images.targets[5] = 1 - images.targets[5]; })),
      DataError);
  CHECK_THROWS_AS(
      compare_labels(a, with_images(b, [](SplitImages& images) { images.paths.assign(60, "other"); })),
      DataError);
  RunPredictions renamed = b;
  renamed.class_names = {"a", "c"};
  CHECK_THROWS_AS(compare_labels(a, renamed), DataError);
  RunPredictions classes = b;
  classes.task = data::Task::multi_class;
  CHECK_THROWS_AS(compare_labels(a, classes), DataError);
}

}  // namespace xr::apps::test
