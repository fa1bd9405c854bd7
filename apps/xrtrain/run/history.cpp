#include "apps/xrtrain/run/history.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/text/text.h"
#include "kernels/common/error.h"

namespace xr::apps {

using nlohmann::json;

double EpochRecord::train_accuracy() const {
  return static_cast<double>(train_correct) / static_cast<double>(std::max<std::int64_t>(1, train_images));
}

std::string history_csv(const History& history) {
  const bool labels = std::ranges::any_of(
      history, [](const EpochRecord& record) { return record.validation && record.validation->mean_auroc; });
  std::string text =
      "epoch,learning_rate,train_loss,train_accuracy,train_correct,train_images,validation_loss,"
      "validation_accuracy,validation_correct,validation_images";
  const bool frozen = std::ranges::any_of(history, &EpochRecord::head_alone);
  if (labels) text += ",validation_mean_auroc";
  text += frozen ? ",trained\n" : "\n";
  for (const EpochRecord& record : history) {
    text += fmt::format("{},{},{},{:.6f},{},{},", record.epoch, text::number_text(record.learning_rate),
                        text::number_text(record.train_loss), record.train_accuracy(), record.train_correct,
                        record.train_images);
    if (record.validation)
      text +=
          fmt::format("{},{:.6f},{},{}", text::number_text(record.validation->loss()),
                      record.validation->accuracy(), record.validation->hits(), record.validation->images());
    else
      text += ",,,";
    if (labels)
      text += record.validation && record.validation->mean_auroc
                  ? fmt::format(",{:.6f}", *record.validation->mean_auroc)
                  : ",";
    if (frozen) text += record.head_alone ? ",head" : ",all";
    text += '\n';
  }
  return text;
}

std::string history_to_json(const History& history) {
  json list = json::array();
  for (const EpochRecord& record : history) {
    json entry = {{"epoch", record.epoch},
                  {"learning_rate", record.learning_rate},
                  {"train_loss", record.train_loss},
                  {"train_correct", record.train_correct},
                  {"train_images", record.train_images}};
    if (record.validation)
      entry["validation"] = {{"count", record.validation->count},
                             {"correct", record.validation->correct},
                             {"loss_sum", record.validation->loss_sum}};
    if (record.validation && record.validation->mean_auroc)
      entry["validation"]["mean_auroc"] = *record.validation->mean_auroc;
    if (record.head_alone) entry["head_alone"] = true;
    list.push_back(entry);
  }
  return list.dump();
}

History history_from_json(const std::string& text) {
  try {
    History history;
    for (const json& entry : json::parse(text)) {
      EpochRecord record;
      record.epoch = entry.at("epoch").get<std::int64_t>();
      record.learning_rate = entry.at("learning_rate").get<double>();
      record.train_loss = entry.at("train_loss").get<double>();
      record.train_correct = entry.at("train_correct").get<std::int64_t>();
      record.train_images = entry.at("train_images").get<std::int64_t>();
      if (entry.contains("validation")) {
        const json& validation = entry["validation"];
        record.validation = Evaluation{validation.at("count").get<std::vector<std::int64_t>>(),
                                       validation.at("correct").get<std::vector<std::int64_t>>(),
                                       validation.at("loss_sum").get<double>()};
        if (validation.contains("mean_auroc"))
          record.validation->mean_auroc = validation["mean_auroc"].get<double>();
      }
      record.head_alone = entry.value("head_alone", false);
      history.push_back(record);
    }
    return history;
  } catch (const json::exception& error) {
    throw Error(fmt::format("the history of the run is damaged: {}", error.what()));
  }
}

std::int64_t first_candidate(engine::ScheduleKind schedule, std::int64_t epochs) {
  return schedule == engine::ScheduleKind::cosine ? epochs - (epochs + 3) / 4 : 0;
}

std::optional<std::int64_t> best_on_validation(const History& history, std::int64_t first_candidate) {
  const EpochRecord* best = nullptr;
  for (const EpochRecord& record : history) {
    if (!record.validation) continue;
    const auto better = [&](const EpochRecord& a, const EpochRecord& b) {
      const bool candidate = a.epoch >= first_candidate;
      if (candidate != (b.epoch >= first_candidate)) return candidate;
      return better_result(*a.validation, *b.validation);
    };
    if (best == nullptr || better(record, *best)) best = &record;
  }
  return best == nullptr ? std::optional<std::int64_t>{} : best->epoch;
}

bool is_out_of_patience(const History& history, std::int64_t patience, std::int64_t first_candidate) {
  const std::optional<std::int64_t> best = best_on_validation(history, first_candidate);
  return patience > 0 && best && history.back().epoch - *best >= patience;
}

}  // namespace xr::apps
