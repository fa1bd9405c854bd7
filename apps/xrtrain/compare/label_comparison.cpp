#include "apps/xrtrain/compare/label_comparison.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/statistics/bootstrap.h"
#include "apps/statistics/label_metrics.h"
#include "apps/statistics/label_ranking.h"
#include "apps/statistics/mcnemar.h"
#include "apps/text/text.h"
#include "data/dataset/label_strata.h"

namespace xr::apps {

namespace {

constexpr double label_significance = 0.05;

/// Both runs' probabilities of the images in common, and what is known of them in both.
struct PairedLabels {
  PairedLabels(const RunPredictions& a, const RunPredictions& b, const PairedImages& paired,
               std::int64_t& known_in_one)
      : count(a.class_names.size()) {
    for (const ImagePair& pair : paired.images)
      for (std::size_t l = 0; l < count; ++l) {
        const float of_a = a.test.images->targets[pair.in_a * count + l],
                    of_b = b.test.images->targets[pair.in_b * count + l];
        known_in_one += data::is_known(of_a) != data::is_known(of_b) ? 1 : 0;
        targets.push_back(data::is_known(of_b) ? of_a : data::unknown_target);
        scores_a.push_back(a.test.probabilities[pair.in_a * count + l]);
        scores_b.push_back(b.test.probabilities[pair.in_b * count + l]);
      }
  }
  [[nodiscard]] statistics::LabelTable table_a() const { return {count, scores_a, targets}; }
  [[nodiscard]] statistics::LabelTable table_b() const { return {count, scores_b, targets}; }

  std::size_t count;
  std::vector<float> targets;
  std::vector<double> scores_a, scores_b;
};

std::vector<statistics::LabelRanking> rankings_of(const statistics::LabelTable& table) {
  std::vector<statistics::LabelRanking> rankings;
  for (std::size_t l = 0; l < table.labels; ++l) {
    const statistics::LabelColumn column(table, l);
    rankings.emplace_back(column.images, column.positive, column.scores, 0.5);
  }
  return rankings;
}

/// Over the labels that have an area: the same for both runs.
std::optional<double> mean_difference(const std::vector<statistics::LabelRanking>& a,
                                      const std::vector<statistics::LabelRanking>& b,
                                      statistics::Times times) {
  double sum = 0, count = 0;
  for (std::size_t l = 0; l < a.size(); ++l) {
    const std::optional<double> of_a = a[l].measure(times).auroc, of_b = b[l].measure(times).auroc;
    if (!of_a || !of_b) continue;
    sum += *of_a - *of_b;
    count += 1;
  }
  return count == 0 ? std::nullopt : std::optional(sum / count);
}

std::optional<statistics::Interval> difference_interval(const PairedLabels& paired) {
  const auto a = rankings_of(paired.table_a()), b = rankings_of(paired.table_b());
  const std::vector<std::size_t> strata = data::label_strata(paired.targets, paired.count);
  statistics::BootstrapSettings settings;
  settings.purpose = 2;
  return statistics::stratified_bootstrap(
      std::vector<std::int64_t>(strata.begin(), strata.end()), 1,
      [&](statistics::Times times, std::span<std::optional<double>> values) {
        values[0] = mean_difference(a, b, times);
      },
      settings)[0];
}

void adjust(std::vector<ComparedLabel>& labels) {
  std::vector<double> p;
  for (const ComparedLabel& label : labels)
    if (label.delong.p) p.push_back(*label.delong.p);
  const std::vector<double> adjusted = statistics::holm_adjusted(p);
  std::size_t next = 0;
  for (ComparedLabel& label : labels)
    if (label.delong.p) label.p_holm = adjusted[next++];
}

/// "A", "B" or "none shown"; nothing without a test.
std::optional<std::string> better_on(const ComparedLabel& label) {
  if (!label.p_holm) return std::nullopt;
  if (*label.p_holm >= label_significance) return "none shown";
  return *label.delong.difference > 0 ? "A" : "B";
}

/// The same of the mean, by its interval.
std::optional<std::string> better_mean(const LabelComparison& comparison) {
  if (!comparison.interval) return std::nullopt;
  return comparison.interval->low > 0 ? "A" : comparison.interval->high < 0 ? "B" : "none shown";
}

std::string number_or_dash(const std::optional<double>& value, const char* format) {
  return value ? fmt::format(fmt::runtime(format), *value) : "-";
}

std::string p_cell(const std::optional<double>& p) {
  return !p ? "-" : *p < 0.0001 ? "< 0.0001" : fmt::format("{:.4f}", *p);
}

/// "A is better on Edema, Mass"
void add_better(const LabelComparison& comparison, const char* run, std::vector<std::string>& parts) {
  std::vector<std::string> names;
  for (std::size_t l = 0; l < comparison.labels.size(); ++l)
    if (better_on(comparison.labels[l]) == run) names.push_back(text::one_line(comparison.names[l]));
  if (!names.empty()) parts.push_back(fmt::format("{} is better on {}", run, fmt::join(names, ", ")));
}

nlohmann::json json_number(const std::optional<double>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json(nullptr);
}

nlohmann::json json_interval(const std::optional<statistics::Interval>& interval) {
  return interval ? nlohmann::json{interval->low, interval->high} : nlohmann::json(nullptr);
}

nlohmann::json json_text_or_null(const std::optional<std::string>& text) {
  return text ? nlohmann::json(*text) : nlohmann::json(nullptr);
}

}  // namespace

LabelComparison compare_labels(const RunPredictions& a, const RunPredictions& b) {
  LabelComparison result;
  result.names = a.class_names;
  result.paired = pair_images(a, b);
  const PairedLabels paired(a, b, result.paired, result.known_in_one);
  for (std::size_t l = 0; l < paired.count; ++l) {
    const statistics::LabelColumn of_a(paired.table_a(), l), of_b(paired.table_b(), l);
    ComparedLabel label;
    label.images = static_cast<std::int64_t>(of_a.positive.size());
    label.positives = std::ranges::count(of_a.positive, 1);
    label.delong = statistics::delong_test(of_a.positive, of_a.scores, of_b.scores);
    result.labels.push_back(label);
  }
  adjust(result.labels);
  result.mean_a = statistics::mean_auroc(paired.table_a());
  result.mean_b = statistics::mean_auroc(paired.table_b());
  if (!result.mean_a || !result.mean_b) return result;
  result.difference = *result.mean_a - *result.mean_b;
  result.interval = difference_interval(paired);
  return result;
}

std::vector<std::string> label_comparison_text(const LabelComparison& comparison, const std::string& name_a,
                                               const std::string& name_b) {
  std::vector<std::string> lines;
  lines.push_back(fmt::format("A: {}: mean AUROC {}", name_a, number_or_dash(comparison.mean_a, "{:.4f}")));
  lines.push_back(fmt::format("B: {}: mean AUROC {}", name_b, number_or_dash(comparison.mean_b, "{:.4f}")));
  for (std::string& line : pairing_text(comparison.paired)) lines.push_back(std::move(line));
  if (comparison.known_in_one > 0)
    lines.push_back(
        fmt::format("Skipped: {} labels of images that only one run knows", comparison.known_in_one));
  std::size_t width = 5;
  for (const std::string& name : comparison.names) width = std::max(width, text::one_line(name).size());
  lines.push_back(fmt::format("  {:<{}}  {:>11}  AUROC A  AUROC B  {:<26}  p (Holm)", "label", width,
                              "positive", "A - B (95% interval)"));
  for (std::size_t l = 0; l < comparison.labels.size(); ++l) {
    const ComparedLabel& label = comparison.labels[l];
    const statistics::DeLongTest& test = label.delong;
    std::string difference = number_or_dash(test.difference, "{:+.3f}");
    if (test.interval)
      difference += fmt::format(" ({:+.3f} to {:+.3f})", test.interval->low, test.interval->high);
    lines.push_back(fmt::format(
        "  {:<{}}  {:>11}  {:>7}  {:>7}  {:<26}  {}", text::one_line(comparison.names[l]), width,
        fmt::format("{}/{}", label.positives, label.images), number_or_dash(test.auroc_a, "{:.3f}"),
        number_or_dash(test.auroc_b, "{:.3f}"), difference, p_cell(label.p_holm)));
  }
  std::vector<std::string> parts;
  add_better(comparison, "A", parts);
  add_better(comparison, "B", parts);
  lines.push_back(
      fmt::format("Labels: {} (DeLong's test, p adjusted for all labels after Holm)",
                  parts.empty() ? "no difference is shown" : fmt::format("{}", fmt::join(parts, "; "))));
  if (comparison.difference) {
    const std::optional<std::string> better = better_mean(comparison);
    lines.push_back(
        fmt::format("Mean AUROC: {}, A - B is {:+.4f}{}",
                    !better || *better == "none shown" ? "no difference is shown" : *better + " is better",
                    *comparison.difference,
                    comparison.interval ? fmt::format(" (95% interval {:+.3f} to {:+.3f}, paired bootstrap)",
                                                      comparison.interval->low, comparison.interval->high)
                                        : ""));
  }
  lines.emplace_back(
      "This compares two trained networks on these images, not two methods: trained with another seed, "
      "either may come out ahead");
  return lines;
}

std::string label_comparison_json(const LabelComparison& comparison, const ComparedRun& a,
                                  const ComparedRun& b) {
  const auto run_json = [](const ComparedRun& run, const std::optional<double>& mean) {
    return nlohmann::json{{"run", run.run},
                          {"checkpoint", fmt::format("{:02d}", run.selection.checkpoint)},
                          {"on", name_of(run.selection.on)},
                          {"mean_auroc", json_number(mean)}};
  };
  nlohmann::json labels = nlohmann::json::array();
  for (std::size_t l = 0; l < comparison.labels.size(); ++l) {
    const ComparedLabel& label = comparison.labels[l];
    labels.push_back({{"label", comparison.names[l]},
                      {"images", label.images},
                      {"positives", label.positives},
                      {"auroc_a", json_number(label.delong.auroc_a)},
                      {"auroc_b", json_number(label.delong.auroc_b)},
                      {"difference", json_number(label.delong.difference)},
                      {"interval_95", json_interval(label.delong.interval)},
                      {"z", json_number(label.delong.z)},
                      {"p", json_number(label.delong.p)},
                      {"p_holm", json_number(label.p_holm)},
                      {"better", json_text_or_null(better_on(label))}});
  }
  const nlohmann::json json = {{"task", "multi-label"},
                               {"a", run_json(a, comparison.mean_a)},
                               {"b", run_json(b, comparison.mean_b)},
                               {"images", comparison.paired.images.size()},
                               {"same_pictures", comparison.paired.same_pictures},
                               {"only_in_a", comparison.paired.only_in_a},
                               {"only_in_b", comparison.paired.only_in_b},
                               {"known_in_one", comparison.known_in_one},
                               {"labels", labels},
                               {"mean_auroc",
                                {{"difference", json_number(comparison.difference)},
                                 {"interval_95", json_interval(comparison.interval)},
                                 {"better", json_text_or_null(better_mean(comparison))}}}};
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace xr::apps
