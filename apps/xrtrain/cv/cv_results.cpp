#include "apps/xrtrain/cv/cv_results.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "apps/statistics/calibration.h"
#include "apps/statistics/delong.h"
#include "apps/statistics/label_metrics.h"
#include "apps/xrtrain/console.h"
#include "data/dataset/task.h"

namespace xr::apps {

namespace {

struct ScoreAndVariance {
  CvScore score;
  std::optional<double> auroc_variance;
};

/// Of several labels.
ScoreAndVariance score_labels(const std::vector<const FoldPredictions*>& folds, std::size_t labels) {
  std::vector<double> probabilities;
  std::vector<float> targets;
  for (const FoldPredictions* fold : folds) {
    probabilities.insert(probabilities.end(), fold->probabilities.begin(), fold->probabilities.end());
    targets.insert(targets.end(), fold->targets.begin(), fold->targets.end());
  }
  ScoreAndVariance result;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (!data::is_known(targets[i])) continue;
    ++result.score.images;
    result.score.correct += (probabilities[i] >= 0.5) == (targets[i] > 0.5f) ? 1 : 0;
  }
  result.score.accuracy.value = statistics::proportion(result.score.correct, result.score.images).value;
  const statistics::LabelTable table{labels, probabilities, targets};
  for (std::size_t l = 0; l < labels; ++l) {
    const statistics::LabelColumn column(table, l);
    const statistics::DeLong found = statistics::delong(column.positive, column.scores);
    result.score.label_aurocs.push_back({found.auroc, found.interval});
  }
  result.score.auroc.value = statistics::mean_auroc(table);
  return result;
}

/// Two classes: the positive one. More: the mean of all against the rest, whose variance is not known.
ScoreAndVariance score(const std::vector<const FoldPredictions*>& folds, std::size_t classes,
                       std::size_t positive) {
  if (!folds.front()->targets.empty()) return score_labels(folds, classes);
  std::vector<double> probabilities;
  std::vector<std::int64_t> labels;
  for (const FoldPredictions* fold : folds) {
    probabilities.insert(probabilities.end(), fold->probabilities.begin(), fold->probabilities.end());
    labels.insert(labels.end(), fold->labels.begin(), fold->labels.end());
  }
  const std::vector<std::int64_t> predictions =
      statistics::ProbabilityTable{classes, probabilities, labels}.predictions();
  ScoreAndVariance result;
  result.score.images = static_cast<std::int64_t>(labels.size());
  for (std::size_t i = 0; i < labels.size(); ++i) result.score.correct += predictions[i] == labels[i] ? 1 : 0;
  result.score.accuracy = statistics::proportion(result.score.correct, result.score.images);
  for (std::size_t c = 0; c < classes; ++c)
    result.score.majority =
        std::max(result.score.majority, std::ranges::count(labels, static_cast<std::int64_t>(c)));
  const auto area = [&](std::size_t c) {
    return statistics::delong(statistics::against_rest(labels, c),
                              statistics::column_of(probabilities, classes, c));
  };
  if (classes == 2) {
    const statistics::BinaryCounts counts =
        statistics::ConfusionMatrix(classes, labels, predictions).against_rest(positive);
    result.score.sensitivity = statistics::proportion(counts.true_positive, counts.positives());
    result.score.specificity = statistics::proportion(counts.true_negative, counts.negatives());
    const statistics::DeLong found = area(positive);
    result.score.auroc = {found.auroc, found.interval};
    result.auroc_variance = found.variance;
    return result;
  }
  double sum = 0;
  for (std::size_t c = 0; c < classes; ++c) {
    const statistics::DeLong found = area(c);
    if (!found.auroc) return result;
    sum += *found.auroc;
  }
  result.score.auroc.value = sum / static_cast<double>(classes);
  return result;
}

std::optional<double> mean(const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

nlohmann::json to_json(const std::optional<double>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json(nullptr);
}

nlohmann::json to_json(const statistics::Estimate& estimate) {
  return {{"value", to_json(estimate.value)},
          {"interval_95", estimate.interval ? nlohmann::json{estimate.interval->low, estimate.interval->high}
                                            : nlohmann::json(nullptr)}};
}

nlohmann::json to_json(const CvScore& score) {
  return {{"images", score.images},
          {"correct", score.correct},
          {"accuracy", to_json(score.accuracy)},
          {"auroc", to_json(score.auroc)},
          {"sensitivity", to_json(score.sensitivity)},
          {"specificity", to_json(score.specificity)}};
}

std::string text_of(const std::optional<double>& value) {
  return value ? fmt::format("{:.3f}", *value) : "-";
}

std::string text_of(const statistics::Estimate& estimate) {
  if (!estimate.interval) return text_of(estimate.value);
  return fmt::format("{} (95% CI {:.3f}-{:.3f})", text_of(estimate.value), estimate.interval->low,
                     estimate.interval->high);
}

std::string csv_row(const std::string& where, const CvScore& score) {
  const auto bounds = [](const statistics::Estimate& estimate) {
    return estimate.interval ? fmt::format("{:.6f},{:.6f}", estimate.interval->low, estimate.interval->high)
                             : std::string(",");
  };
  const auto value = [](const statistics::Estimate& estimate) {
    return estimate.value ? fmt::format("{:.6f}", *estimate.value) : std::string();
  };
  return fmt::format("{},{},{},{},{},{},{}\n", where, score.images, score.correct, value(score.accuracy),
                     bounds(score.accuracy), value(score.auroc), bounds(score.auroc));
}

}  // namespace

std::optional<double> standard_deviation(const std::vector<double>& values) {
  if (values.size() < 2) return std::nullopt;
  const double centre = *mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - centre) * (value - centre);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

CvSummary summarise(const std::vector<FoldPredictions>& folds, const std::vector<std::string>& class_names,
                    std::size_t positive) {
  CvSummary summary;
  summary.class_names = class_names;
  summary.labels = !folds.empty() && !folds.front().targets.empty();
  summary.positive = positive;
  std::map<std::int64_t, std::map<std::int64_t, const FoldPredictions*>> by_repeat;
  for (const FoldPredictions& fold : folds) by_repeat[fold.repeat][fold.fold] = &fold;

  std::vector<double> accuracies, areas, fold_accuracies, fold_areas, variances, hits;
  bool all_variances = true;
  for (const auto& [number, by_fold] : by_repeat) {
    std::vector<const FoldPredictions*> all;
    CvRepeat repeat;
    for (const auto& [fold_number, fold] : by_fold) {
      all.push_back(fold);
      repeat.folds.push_back(score({fold}, class_names.size(), positive).score);
      if (const auto value = repeat.folds.back().accuracy.value) fold_accuracies.push_back(*value);
      if (const auto value = repeat.folds.back().auroc.value) fold_areas.push_back(*value);
    }
    const ScoreAndVariance pooled = score(all, class_names.size(), positive);
    repeat.pooled = pooled.score;
    if (const auto value = pooled.score.accuracy.value) accuracies.push_back(*value);
    if (const auto value = pooled.score.auroc.value) areas.push_back(*value);
    hits.push_back(static_cast<double>(pooled.score.correct));
    all_variances = all_variances && pooled.auroc_variance.has_value();
    if (pooled.auroc_variance) variances.push_back(*pooled.auroc_variance);
    summary.repeats.push_back(std::move(repeat));
  }
  if (summary.repeats.empty()) return summary;

  summary.accuracy.value = mean(accuracies);
  if (const CvScore& pooled = summary.repeats.front().pooled; !summary.labels && pooled.images > 0)
    summary.majority = static_cast<double>(pooled.majority) / static_cast<double>(pooled.images);
  if (!summary.labels)
    summary.accuracy.interval =
        statistics::wilson_interval(std::llround(*mean(hits)), summary.repeats.front().pooled.images);
  if (areas.size() == summary.repeats.size()) summary.auroc.value = mean(areas);
  if (summary.auroc.value && all_variances)
    summary.auroc.interval = statistics::area_interval(*summary.auroc.value, mean(variances));
  summary.accuracy_deviation_of_repeats = standard_deviation(accuracies);
  summary.accuracy_deviation_of_folds = standard_deviation(fold_accuracies);
  summary.auroc_deviation_of_repeats = standard_deviation(areas);
  summary.auroc_deviation_of_folds = standard_deviation(fold_areas);
  std::size_t count = 0;
  for (const CvRepeat& repeat : summary.repeats) count += repeat.folds.size();
  if (fold_areas.size() == count) summary.mean_auroc_of_folds = mean(fold_areas);
  return summary;
}

std::string cv_csv(const CvSummary& summary) {
  std::string text =
      "repeat,fold,images,correct,accuracy,accuracy_low,accuracy_high,auroc,auroc_low,auroc_high\n";
  for (std::size_t r = 0; r < summary.repeats.size(); ++r) {
    const CvRepeat& repeat = summary.repeats[r];
    for (std::size_t f = 0; f < repeat.folds.size(); ++f)
      text += csv_row(fmt::format("{},{}", r + 1, f + 1), repeat.folds[f]);
    text += csv_row(fmt::format("{},pooled", r + 1), repeat.pooled);
  }
  return text;
}

std::string cv_json(const CvSummary& summary) {
  nlohmann::json repeats = nlohmann::json::array();
  for (const CvRepeat& repeat : summary.repeats) {
    nlohmann::json folds = nlohmann::json::array();
    for (const CvScore& fold : repeat.folds) folds.push_back(to_json(fold));
    repeats.push_back({{"pooled", to_json(repeat.pooled)}, {"folds", folds}});
    for (std::size_t l = 0; l < repeat.pooled.label_aurocs.size(); ++l)
      repeats.back()["pooled"]["labels"].push_back(
          {{"label", summary.class_names[l]}, {"auroc", to_json(repeat.pooled.label_aurocs[l])}});
  }
  const nlohmann::json json = {{"classes", summary.class_names},
                               {"positive_class", summary.class_names.size() == 2 && !summary.labels
                                                      ? nlohmann::json(summary.class_names[summary.positive])
                                                      : nlohmann::json(nullptr)},
                               {"accuracy", to_json(summary.accuracy)},
                               {"majority_class_baseline", to_json(summary.majority)},
                               {"auroc", to_json(summary.auroc)},
                               {"mean_auroc_of_folds", to_json(summary.mean_auroc_of_folds)},
                               {"deviation",
                                {{"accuracy_of_repeats", to_json(summary.accuracy_deviation_of_repeats)},
                                 {"accuracy_of_folds", to_json(summary.accuracy_deviation_of_folds)},
                                 {"auroc_of_repeats", to_json(summary.auroc_deviation_of_repeats)},
                                 {"auroc_of_folds", to_json(summary.auroc_deviation_of_folds)}}},
                               {"repeats", repeats}};
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::vector<std::string> cv_text(const CvSummary& summary) {
  std::vector<std::string> lines;
  for (std::size_t r = 0; r < summary.repeats.size(); ++r) {
    const CvScore& pooled = summary.repeats[r].pooled;
    lines.push_back(
        fmt::format("Repeat {}: {} of {} {} classified correctly by networks that were not trained on them",
                    r + 1, pooled.correct, pooled.images, summary.labels ? "known labels" : "images"));
    lines.push_back(fmt::format("  accuracy {}, AUROC {}", text_of(pooled.accuracy), text_of(pooled.auroc)));
    for (std::size_t l = 0; l < pooled.label_aurocs.size(); ++l)
      lines.push_back(fmt::format("  {}: AUROC {}", summary.class_names[l], text_of(pooled.label_aurocs[l])));
    if (pooled.sensitivity.value || pooled.specificity.value)
      lines.push_back(fmt::format("  sensitivity {}, specificity {}, at threshold 0.5",
                                  text_of(pooled.sensitivity), text_of(pooled.specificity)));
  }
  const std::string of_what = summary.labels ? std::string("mean over labels")
                              : summary.class_names.size() == 2
                                  ? fmt::format("of {}", summary.class_names[summary.positive])
                                  : std::string("mean of each class against the rest");
  const auto spread = [](const std::optional<double>& of_repeats, const std::optional<double>& of_folds) {
    std::string text = fmt::format("; standard deviation over folds {}", text_of(of_folds));
    if (of_repeats) text += fmt::format(", over repeats {}", text_of(of_repeats));
    return text;
  };
  lines.push_back(
      fmt::format("Accuracy: {}{}", text_of(summary.accuracy),
                  spread(summary.accuracy_deviation_of_repeats, summary.accuracy_deviation_of_folds)));
  if (summary.majority)
    lines.push_back(fmt::format("Majority-class baseline: {}{}", text_of(summary.majority),
                                summary.accuracy.value && *summary.accuracy.value <= *summary.majority
                                    ? "; the accuracy is not above it"
                                    : ""));
  lines.push_back(fmt::format("AUROC ({}): {}{}", of_what, text_of(summary.auroc),
                              spread(summary.auroc_deviation_of_repeats, summary.auroc_deviation_of_folds)));
  lines.push_back(fmt::format("AUROC, mean of the folds, each by its own network: {}",
                              text_of(summary.mean_auroc_of_folds)));
  lines.emplace_back(
      "The intervals cover the sampling of images alone: neither the spread between repeats, nor that the "
      "networks of the folds share training images");
  return lines;
}

}  // namespace xr::apps
