#include "apps/xrtrain/compare/comparison.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "apps/statistics/roc.h"
#include "apps/text/text.h"
#include "apps/xrtrain/evaluation/metrics.h"

namespace xr::apps {

namespace {

constexpr double significance = 0.05;

nlohmann::json number(const std::optional<double>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json(nullptr);
}

std::string p_text(double p) {
  return p < 0.0001 ? "p < 0.0001" : fmt::format("p = {:.4f}", p);
}

/// Rows of probabilities of the paired images, run by run.
struct PairedRows {
  std::vector<std::int64_t> labels;
  std::vector<double> a, b;
};

PairedRows rows_of(const RunPredictions& a, const RunPredictions& b, const PairedImages& paired) {
  PairedRows rows;
  const auto add = [](std::vector<double>& to, const RunPredictions& run, std::size_t image) {
    const std::span<const double> row = run.test.table().row(image);
    to.insert(to.end(), row.begin(), row.end());
  };
  for (const ImagePair& pair : paired.images) {
    rows.labels.push_back(a.test.images->labels[pair.in_a]);
    add(rows.a, a, pair.in_a);
    add(rows.b, b, pair.in_b);
  }
  return rows;
}

std::vector<std::uint8_t> right(const std::vector<double>& probabilities,
                                const std::vector<std::int64_t>& labels, std::size_t classes) {
  const std::vector<std::int64_t> predictions =
      statistics::ProbabilityTable{classes, probabilities, labels}.predictions();
  std::vector<std::uint8_t> result;
  for (std::size_t i = 0; i < labels.size(); ++i) result.push_back(predictions[i] == labels[i] ? 1 : 0);
  return result;
}

std::int64_t sum(const std::vector<std::uint8_t>& flags) {
  std::int64_t total = 0;
  for (const std::uint8_t flag : flags) total += flag;
  return total;
}

/// "A", "B" or "none shown".
std::string verdict_of(double p, double difference) {
  if (p >= significance) return "none shown";
  return difference > 0 ? "A" : "B";
}

std::string accuracy_verdict(const Comparison& comparison) {
  return verdict_of(comparison.p_accuracy,
                    static_cast<double>(comparison.mcnemar.only_a - comparison.mcnemar.only_b));
}

std::optional<std::string> auroc_verdict(const Comparison& comparison) {
  if (!comparison.p_auroc) return std::nullopt;
  return verdict_of(*comparison.p_auroc, *comparison.delong->difference);
}

nlohmann::json run_json(const ComparedRun& run, std::int64_t correct) {
  return {{"run", run.run},
          {"checkpoint", fmt::format("{:02d}", run.selection.checkpoint)},
          {"on", name_of(run.selection.on)},
          {"correct", correct}};
}

}  // namespace

Comparison compare(const RunPredictions& a, const RunPredictions& b) {
  Comparison result;
  result.class_names = a.class_names;
  result.positive = a.positive;
  result.paired = pair_images(a, b);
  result.images = static_cast<std::int64_t>(result.paired.images.size());
  const PairedRows paired = rows_of(a, b, result.paired);
  const std::size_t classes = a.class_names.size();
  const std::vector<std::uint8_t> right_a = right(paired.a, paired.labels, classes),
                                  right_b = right(paired.b, paired.labels, classes);
  result.correct_a = sum(right_a);
  result.correct_b = sum(right_b);
  result.mcnemar = statistics::mcnemar_test(right_a, right_b);
  if (classes == 2)
    result.delong = statistics::delong_test(statistics::against_rest(paired.labels, result.positive),
                                            statistics::column_of(paired.a, classes, result.positive),
                                            statistics::column_of(paired.b, classes, result.positive));
  std::vector<double> p{result.mcnemar.p};
  if (result.delong && result.delong->p) p.push_back(*result.delong->p);
  const std::vector<double> adjusted = statistics::holm_adjusted(p);
  result.p_accuracy = adjusted[0];
  if (adjusted.size() > 1) result.p_auroc = adjusted[1];
  return result;
}

std::vector<std::string> comparison_text(const Comparison& comparison, const std::string& name_a,
                                         const std::string& name_b) {
  std::vector<std::string> lines;
  lines.push_back(fmt::format("A: {}: {}", name_a, proportion_text(comparison.correct_a, comparison.images)));
  lines.push_back(fmt::format("B: {}: {}", name_b, proportion_text(comparison.correct_b, comparison.images)));
  for (std::string& line : pairing_text(comparison.paired)) lines.push_back(std::move(line));
  const statistics::McNemar& m = comparison.mcnemar;
  lines.push_back(fmt::format("Only A is right on {} images, only B on {}: McNemar's test ({}) gives {}",
                              m.only_a, m.only_b, m.exact ? "exact" : "asymptotic", p_text(m.p)));
  if (comparison.delong) {
    const statistics::DeLongTest& d = *comparison.delong;
    const std::string positive = text::one_line(comparison.class_names[comparison.positive]);
    if (d.auroc_a && d.auroc_b) {
      lines.push_back(fmt::format(
          "AUROC of {}: A {:.4f}, B {:.4f}, difference {:+.4f}{}; DeLong's test {}", positive, *d.auroc_a,
          *d.auroc_b, *d.difference,
          d.interval ? fmt::format(" (95% interval {:+.3f} to {:+.3f})", d.interval->low, d.interval->high)
                     : "",
          d.p          ? "gives " + p_text(*d.p)
          : d.variance ? "says nothing: its estimate of the variance is 0"
                       : "says nothing: there are fewer than two images of a class"));
    } else {
      lines.push_back(fmt::format("AUROC of {}: -, the test images are of one class", positive));
    }
  }
  const bool two_tests = comparison.p_auroc.has_value();
  const auto conclude = [&](const char* what, double p, const std::string& verdict) {
    lines.push_back(fmt::format("{}: {} ({}{})", what,
                                verdict == "none shown" ? "no difference is shown" : verdict + " is better",
                                p_text(p), two_tests ? ", adjusted for two tests after Holm" : ""));
  };
  conclude("Accuracy", comparison.p_accuracy, accuracy_verdict(comparison));
  if (two_tests) conclude("AUROC", *comparison.p_auroc, *auroc_verdict(comparison));
  lines.emplace_back(
      "This compares two trained networks on these images, not two methods: trained with another seed, "
      "either may come out ahead");
  return lines;
}

std::string comparison_json(const Comparison& comparison, const ComparedRun& a, const ComparedRun& b) {
  const statistics::McNemar& m = comparison.mcnemar;
  nlohmann::json json = {{"a", run_json(a, comparison.correct_a)},
                         {"b", run_json(b, comparison.correct_b)},
                         {"images", comparison.images},
                         {"same_pictures", comparison.paired.same_pictures},
                         {"only_in_a", comparison.paired.only_in_a},
                         {"only_in_b", comparison.paired.only_in_b},
                         {"mcnemar",
                          {{"only_a_right", m.only_a},
                           {"only_b_right", m.only_b},
                           {"statistic", number(m.statistic)},
                           {"p", m.p},
                           {"p_exact", m.p_exact},
                           {"p_asymptotic", number(m.p_asymptotic)},
                           {"exact", m.exact}}},
                         {"delong", nullptr},
                         {"conclusion",
                          {{"accuracy", accuracy_verdict(comparison)},
                           {"p_accuracy_holm", comparison.p_accuracy},
                           {"auroc", nullptr},
                           {"p_auroc_holm", number(comparison.p_auroc)}}}};
  if (const auto auroc = auroc_verdict(comparison)) json["conclusion"]["auroc"] = *auroc;
  if (comparison.delong) {
    const statistics::DeLongTest& d = *comparison.delong;
    json["delong"] = {{"positive_class", comparison.class_names[comparison.positive]},
                      {"auroc_a", number(d.auroc_a)},
                      {"auroc_b", number(d.auroc_b)},
                      {"difference", number(d.difference)},
                      {"interval_95", d.interval ? nlohmann::json{d.interval->low, d.interval->high}
                                                 : nlohmann::json(nullptr)},
                      {"z", number(d.z)},
                      {"p", number(d.p)}};
  }
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace xr::apps
