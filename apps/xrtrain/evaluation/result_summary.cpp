#include "apps/xrtrain/evaluation/result_summary.h"

#include "apps/text/text.h"

namespace xr::apps {

namespace {

std::string score_text(const CheckpointResult& result) {
  return result.has_labels() ? mean_auroc_text(result.evaluation)
                             : proportion_text(result.evaluation.hits(), result.evaluation.images());
}

const char* score_name(const CheckpointResult& result) {
  return result.has_labels() ? "mean AUROC" : "accuracy";
}

std::string metric_text(const statistics::MetricTable& table, const char* name) {
  const statistics::Metric* metric = table.find(name);
  if (metric == nullptr) return "-";
  return metric->whole > 0 ? proportion_text(metric->part, metric->whole) : estimate_text(metric->estimate);
}

void print_test_metrics(const EvaluationDetails& details, const statistics::MetricTable& table,
                        Console& console) {
  if (details.labels()) {
    console.line(fmt::format("  mean AUROC {}, mean AUPRC {}", metric_text(table, "mean_auroc"),
                             metric_text(table, "mean_auprc")));
    return console.line("  " + measured_labels_text(details, table));
  }
  console.line(fmt::format("  accuracy {}", metric_text(table, "accuracy")));
  console.line("  " + baseline_text(details, table));
  if (!details.two_classes())
    return console.line(fmt::format("  macro AUROC {}", metric_text(table, "macro_auroc")));
  console.line(fmt::format("  AUROC {}; positive class: {}{}", metric_text(table, "auroc"),
                           text::one_line(details.class_names[details.positive]),
                           details.positive_given ? "" : " (change: --positive)"));
  console.line(fmt::format("  sensitivity {}, specificity {}, at threshold 0.5",
                           metric_text(table, "sensitivity"), metric_text(table, "specificity")));
}

}  // namespace

const char* validation_name(const EvaluationDetails& details) {
  return details.selected.on == SelectedOn::run_validation ? "the run's validation images" : "validation";
}

std::string subject_text(const EvaluationDetails& details) {
  const Averaging& averaging = details.averaging;
  if (averaging.is_ensemble())
    return fmt::format("Ensemble of {} networks, mean of their probabilities{}", averaging.members.size(),
                       averaging.views_text());
  const Selection& selected = details.selected;
  const std::string why =
      selected.had_one_candidate()              ? (details.training && details.training->epochs_run > 1
                                                       ? "the only one in the last quarter of the epochs"
                                                       : "the only one")
      : selected.on_validation()                ? fmt::format("selected on {}", validation_name(details))
      : selected.on == SelectedOn::command_line ? "given by --checkpoint"
                                                : "the last; no validation images to select on";
  return fmt::format("Checkpoint {:02d} ({}){}", selected.checkpoint, why, averaging.views_text());
}

std::string selection_bias_text(const EvaluationDetails& details) {
  const statistics::SelectionOptimism& selection = details.selection;
  if (!selection.optimism)
    return fmt::format("selection bias not estimated: it takes at least {} images {}",
                       statistics::min_images_to_correct,
                       details.labels() ? "with and without each label" : "of each class");
  if (*selection.optimism < 0.0005) return "selection bias not measurable";
  return fmt::format("selection bias about {:.3f}, by bootstrap", *selection.optimism);
}

void print_result(const CheckpointResults& results, const EvaluationDetails& details, Console& console) {
  const std::int64_t epoch = details.selected.checkpoint;
  const CheckpointResult* const test = find_result(results, epoch, "test");
  const CheckpointResult* const validation = find_result(results, epoch, "validation");
  const std::string subject = subject_text(details);
  if (test == nullptr) {
    console.line(fmt::format("{}: no test images", subject));
  } else if (const statistics::MetricTable* table = details.find(epoch, "test"); table != nullptr) {
    console.line(fmt::format("{}, {} test images:", subject, table->images));
    print_test_metrics(details, *table, console);
  } else {
    console.line(fmt::format("{}: test {} {}", subject, score_name(*test), score_text(*test)));
  }
  if (validation != nullptr)
    console.line(fmt::format("  validation {} {}{}", score_name(*validation), score_text(*validation),
                             details.selected.on_validation() && !details.selected.had_one_candidate()
                                 ? " (optimistic: selected on validation)"
                                 : ""));
  if (details.candidates < 2 || !details.selected.best_on_test) return;
  const std::int64_t best = *details.selected.best_on_test;
  if (const CheckpointResult* result = find_result(results, best, "test"); result != nullptr)
    console.line(fmt::format(
        "  best checkpoint on test: {:02d} of {}, {} {} (optimistic: selected on the test set; {})", best,
        details.candidates, score_name(*result), score_text(*result), selection_bias_text(details)));
}

}  // namespace xr::apps
