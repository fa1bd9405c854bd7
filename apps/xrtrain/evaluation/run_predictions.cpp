#include "apps/xrtrain/evaluation/run_predictions.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "apps/xrtrain/errors.h"

namespace xr::apps {

namespace fs = std::filesystem;

RunPredictions read_run_predictions(const fs::path& run, RunImages images_of) {
  const fs::path metrics = run / "metrics.json", predictions = run / "predictions.csv";
  for (const fs::path& path : {metrics, predictions})
    if (!fs::exists(path))
      throw DataError(fmt::format("there is no {}: evaluate the run first with xrtrain eval {}",
                                  path.string(), run.string()));
  const Predictions all = read_predictions(predictions);
  RunPredictions result;
  result.class_names = all.class_names;
  result.task = all.task;
  std::vector<std::string> fingerprints;  // not there in runs of older versions
  try {
    std::ifstream file(metrics);
    const nlohmann::json json = nlohmann::json::parse(file);
    result.selection.checkpoint = std::stoll(json.at("chosen").at("checkpoint").get<std::string>());
    result.selection.on = selected_on_named(json.at("chosen").at("on").get<std::string>());
    fingerprints = json.value("test_fingerprints", fingerprints);
    if (const nlohmann::json& positive = json.at("positive_class"); positive.is_string()) {
      const auto found = std::ranges::find(all.class_names, positive.get<std::string>());
      if (found == all.class_names.end())
        throw DataError(fmt::format("{} and {} have different classes: evaluate the run again",
                                    metrics.string(), predictions.string()));
      result.positive = static_cast<std::size_t>(found - all.class_names.begin());
    }
  } catch (const nlohmann::json::exception& error) {
    throw DataError(
        fmt::format("{} is damaged ({}): evaluate the run again", metrics.string(), error.what()));
  } catch (const std::logic_error&) {  // of stoll
    throw DataError(fmt::format("{} is damaged (its checkpoint has no number): evaluate the run again",
                                metrics.string()));
  }
  const SplitPredictions* test = all.find(result.selection.checkpoint, "test");
  if (test == nullptr && images_of == RunImages::test_or_validation)
    test = all.find(result.selection.checkpoint, "validation");
  if (test == nullptr)
    throw DataError(fmt::format("{} has no test images of checkpoint {:02d}", predictions.string(),
                                result.selection.checkpoint));
  if (!test->finite())
    throw DataError(fmt::format("checkpoint {:02d} of {} gives no numbers: its training diverged",
                                result.selection.checkpoint, run.string()));
  result.test = *test;
  if (fingerprints.size() == test->images->paths.size()) {
    auto images = std::make_shared<SplitImages>(*test->images);
    images->fingerprints = std::move(fingerprints);
    result.test.images = std::move(images);
  }
  return result;
}

}  // namespace xr::apps
