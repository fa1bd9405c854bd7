#include "apps/xrtrain/serve/image_rows.h"

#include <algorithm>
#include <cmath>

namespace xr::apps::serve {

namespace {

void fill_of_classes(ImageRow& row, const RunPredictions& all, const DecisionThresholds& thresholds) {
  const std::size_t classes = all.class_names.size();
  const auto first = all.test.probabilities.begin() + static_cast<std::ptrdiff_t>(row.number * classes);
  const std::vector<double> p(first, first + static_cast<std::ptrdiff_t>(classes));
  const auto truth = static_cast<std::size_t>(all.test.images->labels[row.number]);
  row.explained = static_cast<std::size_t>(std::ranges::max_element(p) - p.begin());
  row.truth = all.class_names[truth];
  row.predicted = all.class_names[row.explained];
  row.probability = p[row.explained];
  row.error = 1.0 - p[truth];
  row.wrong = row.explained != truth;
  row.certainty = row.wrong ? row.probability : 0.0;
  if (classes == 2) {
    row.margin = std::abs(p[all.positive] - thresholds.positive);
    return;
  }
  double second = 0;
  for (std::size_t c = 0; c < classes; ++c)
    if (c != row.explained) second = std::max(second, p[c]);
  row.margin = row.probability - second;
}

void add_name(std::string& names, const std::string& name) {
  names += (names.empty() ? "" : ", ") + name;
}

void fill_of_labels(ImageRow& row, const RunPredictions& all, const DecisionThresholds& thresholds) {
  const std::size_t labels = all.class_names.size();
  row.margin = 1.0;
  row.known = false;
  for (std::size_t l = 0; l < labels; ++l) {
    const double p = all.test.probabilities[row.number * labels + l];
    const float target = all.test.images->targets[row.number * labels + l];
    const bool called = p >= thresholds.labels[l];
    if (called) add_name(row.predicted, all.class_names[l]);
    if (p > row.probability) {
      row.probability = p;
      row.explained = l;
    }
    row.margin = std::min(row.margin, std::abs(p - thresholds.labels[l]));
    if (!data::is_known(target)) continue;
    const bool has = target > 0.5f;
    if (has) add_name(row.truth, all.class_names[l]);
    row.known = true;
    const double distance = has ? 1.0 - p : p;
    if (distance > row.error) {
      row.error = distance;
      row.worst = l;
    }
    if (called == has) continue;
    row.wrong = true;
    row.certainty = std::max(row.certainty, distance);
  }
  for (std::string* names : {&row.truth, &row.predicted})
    if (names->empty()) *names = "no label";
}

}  // namespace

std::vector<ImageRow> make_rows(const RunPredictions& predictions, const DecisionThresholds& thresholds) {
  std::vector<ImageRow> rows;
  const std::vector<std::string>& paths = predictions.test.images->paths;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    ImageRow& row = rows.emplace_back();
    row.number = i;
    row.path = paths[i];
    if (predictions.task == data::Task::multi_label)
      fill_of_labels(row, predictions, thresholds);
    else
      fill_of_classes(row, predictions, thresholds);
  }
  return rows;
}

bool is_shown(const ImageRow& row, Show show) {
  switch (show) {
    case Show::errors:
      return row.wrong;
    case Show::certain_errors:
      return row.wrong && row.certainty >= certain_probability;
    case Show::near_threshold:
      return row.margin <= near_margin;
    default:
      return true;
  }
}

std::vector<const ImageRow*> select_rows(const std::vector<ImageRow>& rows, Show show, Sort sort) {
  std::vector<const ImageRow*> result;
  for (const ImageRow& row : rows)
    if (is_shown(row, show)) result.push_back(&row);
  std::ranges::stable_sort(result, [sort](const ImageRow* a, const ImageRow* b) {
    return sort == Sort::name    ? a->path < b->path
           : sort == Sort::error ? a->error > b->error
                                 : a->probability > b->probability;
  });
  return result;
}

}  // namespace xr::apps::serve
