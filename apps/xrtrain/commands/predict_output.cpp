#include "apps/xrtrain/commands/predict_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "apps/xrtrain/console.h"
#include "apps/xrtrain/explain/picture_file.h"
#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"

namespace xr::apps {

PredictOutput::PredictOutput(const PrintSettings& settings, PredictionPrinter& printer,
                             PredictFailures& failures)
    : settings_(settings), printer_(printer), failures_(failures) {
  if (settings.explain.empty()) return;
  std::error_code code;
  std::filesystem::create_directories(settings.explain, code);
  XR_CHECK(!code, "cannot make the folder {}: {}", settings.explain, code.message());
}

void PredictOutput::take(std::span<Prediction> batch) {
  for (Prediction& prediction : batch)
    if (prediction.drawn) write_picture(prediction);
  // Maps of one layer are all coarse or none is.
  if (std::ranges::any_of(batch, [](const Prediction& p) { return p.failure.empty(); }))
    write_header(std::ranges::none_of(batch, [](const Prediction& p) { return p.drawn && p.drawn->coarse; }));
  for (const Prediction& prediction : batch) {
    notes_.add(prediction.path, prediction.notes);
    if (prediction.failure.empty())
      printer_.row(prediction);
    else
      failures_.add(prediction.path, prediction.failure);
    if (prediction.drawn && !prediction.drawn->warnings.empty())
      print_aside("warning",
                  fmt::format("{}: {}", prediction.path.string(), text_of(prediction.drawn->warnings)));
  }
}

void PredictOutput::require_header() {
  if (settings_.csv) write_header(true);
}

void PredictOutput::write_header(bool has_centre) {
  if (std::exchange(has_header_, true)) return;
  printer_.header(has_centre);
}

void PredictOutput::write_picture(Prediction& prediction) {
  Drawn& drawn = *prediction.drawn;
  drawn.file = explain::picture_file(settings_.explain, prediction.path, taken_);
  engine::write_file_atomically(drawn.file, std::exchange(drawn.png, {}));
}

}  // namespace xr::apps
