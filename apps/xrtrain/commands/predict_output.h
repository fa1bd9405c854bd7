// What becomes of predictions: pictures, rows, notes, failures.
#pragma once

#include <set>
#include <span>
#include <string>

#include "apps/xrtrain/commands/predict_failures.h"
#include "apps/xrtrain/commands/prediction_printer.h"

namespace xr::apps {

/// On rank 0, batch by batch, in the order of the images. The references must live as long.
class PredictOutput {
 public:
  /// Makes the folder of the pictures; throws xr::Error if it cannot.
  PredictOutput(const PrintSettings& settings, PredictionPrinter& printer, PredictFailures& failures);

  void take(std::span<Prediction> batch);
  /// Where no image could be predicted: the header alone, of CSV; nothing for people.
  void require_header();
  void print_notes() const { notes_.print(); }

 private:
  void write_header(bool has_centre);
  void write_picture(Prediction& prediction);

  const PrintSettings& settings_;
  PredictionPrinter& printer_;
  PredictFailures& failures_;
  PredictNotes notes_;
  std::set<std::string> taken_;
  bool has_header_ = false;
};

}  // namespace xr::apps
