#include "apps/xrtrain/serve/served_run.h"

#include <algorithm>
#include <cmath>

#include "apps/statistics/calibration.h"
#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/options/option_table.h"
#include "apps/xrtrain/run/run_folder.h"
#include "data/image/resize.h"
#include "engine/io/safetensors.h"

namespace xr::apps::serve {

namespace fs = std::filesystem;

namespace {

void take_choices(ServedRun& run) {
  const std::vector<std::string>& names = run.info.class_names;
  if (run.has_labels()) {
    LabelThresholds chosen = read_label_thresholds(run.folder, run.info.epoch, names);
    run.thresholds.labels = std::move(chosen.values);
    run.thresholds_chosen = chosen.chosen;
  }
  const std::optional<Selection> selection = read_selection(run.folder);
  if (!selection || selection->checkpoint != run.info.epoch) return;
  run.temperature = selection->temperature;
  if (names.size() != 2 || run.has_labels()) return;
  for (const Selection::Threshold& threshold : selection->thresholds)
    if (threshold.rule == "youden" && selection->positive_class == names[run.predictions.positive]) {
      run.thresholds.positive = threshold.threshold;
      run.thresholds_chosen = true;
    }
}

}  // namespace

ServedRun open_run(const fs::path& folder, const fs::path& data) {
  if (inspect_folder(folder) == FolderKind::absent)
    throw DataError(
        fmt::format("there is no run {}: give the folder that xrtrain train wrote", folder.string()));
  if (!fs::is_directory(folder))
    throw DataError(fmt::format("{} is a file: give the folder of a run", folder.string()));
  if (inspect_folder(folder) != FolderKind::run && !fs::exists(folder / "cv.toml"))
    throw DataError(fmt::format("{} is not the folder of a run: it has no config.toml", folder.string()));
  if (!data.empty() && !fs::exists(data))
    throw UsageError(
        fmt::format("--data {}: no such file or folder; give the images of the run", data.string()));
  ServedRun run;
  run.folder = folder.has_filename() ? folder : folder.parent_path();
  run.checkpoint = find_checkpoint(run.folder);
  run.predictions = read_run_predictions(run.folder, RunImages::test_or_validation);
  run.info = read_info(engine::SafetensorsFile(run.checkpoint.file), run.checkpoint.file);
  if (run.info.class_names != run.predictions.class_names)
    throw DataError(fmt::format("the predictions of {0} are not of its classes: run xrtrain eval {1}",
                                run.folder.string(), text::shell_word(run.folder.string())));
  run.data = data.empty() ? fs::path(resolve_options({}, (run.folder / "config.toml").string()).data) : data;
  take_choices(run);
  run.rows = make_rows(run.predictions, run.thresholds);
  return run;
}

std::optional<Reliability> ServedRun::reliability_of(std::size_t class_index, double probability) const {
  std::vector<double> values;
  std::vector<std::uint8_t> came_true;
  if (has_labels()) {
    const std::size_t labels = info.class_names.size();
    for (std::size_t i = class_index; i < predictions.test.probabilities.size(); i += labels) {
      const float target = predictions.test.images->targets[i];
      if (!data::is_known(target)) continue;
      values.push_back(predictions.test.probabilities[i]);
      came_true.push_back(target > 0.5f ? 1 : 0);
    }
  } else {
    for (const ImageRow& row : rows)
      if (row.explained == class_index) {
        values.push_back(row.probability);
        came_true.push_back(row.wrong ? 0 : 1);
      }
  }
  for (const statistics::ReliabilityBin& bin : statistics::reliability(values, came_true))
    if (bin.images > 0 && (probability > bin.low || bin.low == 0.0) && probability <= bin.high)
      return Reliability{bin.low, bin.high, bin.hits, bin.images};
  return std::nullopt;
}

std::vector<double> ServedRun::calibrated(const std::vector<double>& probabilities) const {
  const double exponent = 1.0 / temperature.value();
  std::vector<double> result;
  double sum = 0;
  for (const double p : probabilities) {
    // Of a label p and 1 - p are the two classes.
    const double power = std::pow(p, exponent);
    result.push_back(has_labels() ? power / (power + std::pow(1.0 - p, exponent)) : power);
    sum += result.back();
  }
  if (!has_labels())
    for (double& value : result) value /= sum;
  return result;
}

std::optional<fs::path> ServedRun::file_of(const ImageRow& row) const {
  const fs::path relative = fs::path(row.path).lexically_normal();
  std::error_code code;
  if (row.path.empty() || relative.is_absolute() || *relative.begin() == "..") return std::nullopt;
  fs::path file = data / relative;
  return fs::is_regular_file(file, code) ? std::optional(std::move(file)) : std::nullopt;
}

std::string picture_png(const fs::path& file, const data::StoredFormat& format, int side) {
  data::Image image = data::read_with_notes(file, format.channels, {}, format.depths).image;
  const int longer = std::max(image.width, image.height);
  if (longer > side) {
    const auto scaled = [&](int length) {
      return std::max(1, static_cast<int>(std::lround(static_cast<double>(length) * side / longer)));
    };
    image = data::resize(image, scaled(image.width), scaled(image.height));
  }
  const std::vector<std::byte> png = data::encode_png(image);
  return {reinterpret_cast<const char*>(png.data()), png.size()};
}

}  // namespace xr::apps::serve
