// The page where an X-ray is dropped, and the answer to it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <span>

#include "apps/html/table.h"
#include "apps/text/text.h"
#include "apps/xrtrain/console.h"
#include "apps/xrtrain/evaluation/metrics.h"
#include "apps/xrtrain/serve/layout.h"
#include "apps/xrtrain/serve/pages.h"

namespace xr::apps::serve {

using html::Markup;

namespace {

std::string formats_text() {
  std::vector<std::string> names;
  for (const data::FormatSupport& support : data::supported_formats())
    if (support.supported) names.emplace_back(data::describe(support.format).id);
  return fmt::format("{}", fmt::join(names, ", "));
}

Markup drop_zone(std::size_t max_upload_bytes) {
  const std::string limit = text::size_text(max_upload_bytes);
  return Markup::raw(fmt::format("<div id=\"drop\" data-limit=\"{}\" data-limit-text=\"{}\">\n"
                                 "<label for=\"file\">Choose an X-ray, or drop it here</label>\n"
                                 "<input type=\"file\" id=\"file\" aria-describedby=\"file-note\"/>\n",
                                 max_upload_bytes, html::escape(limit))) +
         html::element("p",
                       fmt::format("{}; at most {}. The file goes to this program alone and is not stored.",
                                   formats_text(), limit),
                       "class=\"note\" id=\"file-note\"") +
         Markup::raw(
             "</div>\n<noscript><p>This page needs JavaScript to send the file. xrtrain predict does without."
             "</p></noscript>\n<p id=\"status\" role=\"status\"></p>\n<div id=\"result\"></div>\n");
}

Markup counts_of(const ServedRun& run) {
  const auto count = [&](Show show) { return select_rows(run.rows, show, Sort::name).size(); };
  const auto entry = [&](Show show, const std::string& text) {
    return link("/images?" + ListQuery{show, Sort::error, 1}.text(), text);
  };
  const auto counted = [](std::size_t n, const char* what) {
    return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
  };
  return html::bullet_list(
      {entry(Show::all, fmt::format("{} {} images", run.rows.size(), run.split())),
       entry(Show::errors, counted(count(Show::errors), "error")),
       entry(Show::certain_errors, counted(count(Show::certain_errors), "certain error")),
       entry(Show::near_threshold, counted(count(Show::near_threshold), "image") + " near the threshold")});
}

/// "labels mass, edema of 14"
std::string classes_text(const ServedRun& run) {
  const std::vector<std::string>& names = run.info.class_names;
  if (names.size() > 6) return fmt::format("{} {}", names.size(), run.has_labels() ? "labels" : "classes");
  return fmt::format("{}", fmt::join(names, ", "));
}

std::vector<std::string> called_labels(const ServedRun& run, const std::vector<double>& probabilities) {
  std::vector<std::string> called;
  for (std::size_t l = 0; l < probabilities.size(); ++l)
    if (probabilities[l] >= run.thresholds.labels[l]) called.push_back(run.info.class_names[l]);
  return called;
}

/// "covid, probability 0.8312"
std::string summary_of(const ServedRun& run, const ImagePrediction& prediction) {
  if (!run.has_labels())
    return fmt::format("{}, probability {}", run.info.class_names[prediction.best],
                       probability_text(prediction.probabilities[prediction.best]));
  const std::vector<std::string> called = called_labels(run, prediction.probabilities);
  return called.empty() ? std::string("No label is called") : fmt::format("{}", fmt::join(called, ", "));
}

Markup probability_table(const ServedRun& run, const ImagePrediction& prediction) {
  std::vector<html::Column> columns{{run.has_labels() ? "label" : "class"},
                                    {"probability", html::Align::right}};
  if (run.temperature) columns.push_back({"calibrated", html::Align::right});
  if (run.has_labels()) {
    columns.push_back({"threshold", html::Align::right});
    columns.push_back({"predicted"});
  }
  html::Table table(columns);
  const std::vector<double> calibrated =
      run.temperature ? run.calibrated(prediction.probabilities) : std::vector<double>();
  for (std::size_t c = 0; c < prediction.probabilities.size(); ++c) {
    std::vector<Markup> cells{run.info.class_names[c], probability_text(prediction.probabilities[c])};
    if (run.temperature) cells.emplace_back(probability_text(calibrated[c]));
    if (run.has_labels()) {
      const double threshold = run.thresholds.labels[c];
      cells.emplace_back(probability_text(threshold));
      cells.emplace_back(prediction.probabilities[c] >= threshold ? "yes" : "no");
    }
    table.row(std::move(cells));
  }
  return table.markup();
}

std::string temperature_text(const ServedRun& run) {
  if (!run.temperature)
    return "No temperature was fitted for this checkpoint: the probabilities are as the network gives them.";
  return fmt::format("Calibrated: at temperature {:.3g}, fitted on validation images. {}", *run.temperature,
                     run.has_labels() ? "Thresholds apply to the probabilities without it."
                                      : "The class is that of the probabilities without it.");
}

std::string threshold_text(const ServedRun& run, const ImagePrediction& prediction) {
  if (run.has_labels())
    return run.thresholds_chosen
               ? "Thresholds of the labels: chosen on validation images (Youden)."
               : "Thresholds of the labels: 0.5, because none were chosen on validation images.";
  if (run.info.class_names.size() != 2 || !run.thresholds_chosen) return {};
  const std::size_t positive = run.predictions.positive;
  const double threshold = run.thresholds.positive;
  return fmt::format(
      "The probability of {} is {} the threshold {:.3f} (Youden, chosen on validation images).",
      run.info.class_names[positive],
      prediction.probabilities[positive] >= threshold ? "at or above" : "below", threshold);
}

std::string reliability_text(const ServedRun& run, const ImagePrediction& prediction) {
  const std::string& name = run.info.class_names[prediction.best];
  const std::optional<Reliability> found =
      run.reliability_of(prediction.best, prediction.probabilities[prediction.best]);
  const std::string which =
      run.has_labels() ? fmt::format("{} images with a probability of {}", run.split(), name)
                       : fmt::format("{} images predicted as {} with a probability", run.split(), name);
  if (!found) return fmt::format("There were no {} like this one: how far to trust it is not known.", which);
  return fmt::format("{} of {} {} between {:.1f} and {:.1f} {}: {}.", found->right, found->images, which,
                     found->low, found->high, run.has_labels() ? "had it" : "were right",
                     proportion_text(found->right, found->images));
}

Markup prediction_markup(const ServedRun& run, const ImagePrediction& prediction) {
  const std::string& explained = run.info.class_names[prediction.best];
  Markup result = html::element("h3", "Prediction") +
                  html::callout(html::Verdict::warning, "Not a medical device. This is not a diagnosis.");
  const std::string alternative = fmt::format(
      "The X-ray as the network sees it, and beside it where it found its evidence for {}", explained);
  result += Markup::raw(fmt::format("<figure><img src=\"data:image/png;base64,{}\" alt=\"{}\"/>",
                                    html::base64(std::as_bytes(std::span(prediction.map_png))),
                                    html::escape(alternative)));
  result +=
      html::element("figcaption", fmt::format("Grad-CAM map for {}. Bright: evidence for it.", explained)) +
      Markup::raw("</figure>\n");
  result += probability_table(run, prediction);
  result += html::element("h4", "Calibration");
  std::vector<Markup> items{temperature_text(run), reliability_text(run, prediction)};
  if (const std::string text = threshold_text(run, prediction); !text.empty()) items.emplace_back(text);
  items.emplace_back(
      "All of this holds for images from the same sources as those of the run, and no others.");
  result += html::bullet_list(items);
  for (const PredictNote* note : prediction.notes)
    result += html::note(fmt::format("Note: the file has {}.", note->text));
  for (const explain::MapWarning& warning : prediction.warnings)
    result += html::note(fmt::format("Note: {}.", warning.text));
  return result;
}

}  // namespace

std::string home_page(const ServedRun& run, std::size_t max_upload_bytes) {
  std::string which = run.checkpoint.why;
  if (!which.empty())
    which.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(which.front())));
  Markup content = html::paragraph(text::one_line(which) + ".");
  content += medical_warning();
  content += html::element("h2", "Predict an X-ray") + drop_zone(max_upload_bytes);
  content += html::element("h2", "Evaluated images");
  if (!run.has_labels()) {
    const auto right = std::ranges::count_if(run.rows, [](const ImageRow& row) { return !row.wrong; });
    content += html::paragraph(
        fmt::format("Accuracy on the {} images: {}.", run.split(),
                    proportion_text(right, std::ssize(run.rows))) +
        (run.split() == "validation" ? " Optimistic: the checkpoint was selected on them." : ""));
  }
  content += counts_of(run);
  content +=
      html::paragraph(link("/report", "The report") + " has all figures and the findings about the data.");
  return layout(fmt::format("{} on {}", run.info.model.name, classes_text(run)), Tab::home, content);
}

std::string prediction_json(const ServedRun& run, const ImagePrediction& prediction) {
  nlohmann::json row;
  for (std::size_t c = 0; c < prediction.probabilities.size(); ++c)
    row["probabilities"][run.info.class_names[c]] = prediction.probabilities[c];
  if (run.has_labels())
    row["labels"] = called_labels(run, prediction.probabilities);
  else
    row["class"] = run.info.class_names[prediction.best];
  row["note_ids"] = nlohmann::json::array();
  for (const PredictNote* note : prediction.notes) row["note_ids"].push_back(note->id);
  row["summary"] = summary_of(run, prediction);
  row["html"] = prediction_markup(run, prediction).str();
  return json_text(row);
}

}  // namespace xr::apps::serve
