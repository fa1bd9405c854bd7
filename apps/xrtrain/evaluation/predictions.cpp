#include "apps/xrtrain/evaluation/predictions.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"
#include "data/dataset/patient_table.h"
#include "engine/io/file.h"

namespace xr::apps {

namespace {

constexpr std::size_t leading_columns =
    4;  // of classes: checkpoint, split, image, label; then the probabilities

template <class T>
bool parse_number(const std::string& text, T& value) {
  const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && stop == text.data() + text.size();
}

/// "NAME" of "p(NAME)", or nothing.
std::optional<std::string> name_in(const std::string& field, std::string_view function) {
  if (field.size() < function.size() + 3 || !field.starts_with(function) || field[function.size()] != '(' ||
      !field.ends_with(")"))
    return std::nullopt;
  return field.substr(function.size() + 1, field.size() - function.size() - 2);
}

/// What the first line says: of classes checkpoint,split,image,label and p(NAME) of each; of several labels
/// checkpoint,split,image, label(NAME) of each and p(NAME) of each. Without names if it says neither.
Predictions header_of(const std::vector<std::string>& header) {
  static const std::vector<std::string> leading = {"checkpoint", "split", "image"};
  Predictions result;
  if (header.size() <= leading_columns ||
      !std::ranges::equal(leading, std::span(header).first(leading.size())))
    return result;
  std::vector<std::string> names;
  if (header[3] != "label") {
    result.task = data::Task::multi_label;
    for (std::size_t c = 3; c < header.size(); ++c)
      if (const std::optional<std::string> name = name_in(header[c], "label")) names.push_back(*name);
  }
  const bool labels = result.task == data::Task::multi_label;
  const std::size_t first = labels ? 3 + names.size() : leading_columns;
  if (labels && (names.empty() || header.size() != first + names.size())) return result;
  for (std::size_t c = first; c < header.size(); ++c) {
    const std::optional<std::string> name = name_in(header[c], "p");
    if (!name || (labels && *name != names[c - first])) return result;
    if (!labels) names.push_back(*name);
  }
  result.class_names = std::move(names);
  return result;
}

/// Splits that hold the same images share them, as they did when they were written.
void share_images(Predictions& predictions) {
  for (std::size_t i = 0; i < predictions.splits.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (predictions.splits[i].images->paths == predictions.splits[j].images->paths) {
        predictions.splits[i].images = predictions.splits[j].images;
        break;
      }
}

/// Reads lines one after another into tables.
class Reader {
 public:
  explicit Reader(Predictions header)
      : result_(std::move(header)),
        first_probability_(result_.task == data::Task::multi_label ? 3 + result_.class_names.size()
                                                                   : leading_columns) {}

  /// Why the line cannot be used, or nothing.
  std::string add(const std::vector<std::string>& fields) {
    const std::vector<std::string>& names = result_.class_names;
    if (fields.size() != first_probability_ + names.size())
      return fmt::format("it has {} fields instead of {}", fields.size(), first_probability_ + names.size());
    std::int64_t epoch = 0;
    if (!parse_number(fields[0], epoch) || epoch < 0) return "checkpoint is " + text::one_line(fields[0]);
    std::vector<float> targets;
    std::int64_t label = 0;
    if (result_.task == data::Task::multi_label) {
      for (std::size_t l = 0; l < names.size(); ++l) {
        const std::string& field = fields[3 + l];
        if (!field.empty() && field != "0" && field != "1") return "a label is " + text::one_line(field);
        targets.push_back(field.empty() ? data::unknown_target : field == "1" ? 1.0f : 0.0f);
      }
    } else {
      label = std::ranges::find(names, fields[3]) - names.begin();
      if (label == static_cast<std::int64_t>(names.size()))
        return fmt::format("{} is not a class", text::one_line(fields[3]));
    }
    if (images_ == nullptr || result_.splits.back().epoch != epoch ||
        result_.splits.back().split != fields[1]) {
      if (result_.find(epoch, fields[1]) != nullptr)
        return fmt::format("checkpoint {} on {} images comes a second time", fields[0],
                           text::one_line(fields[1]));
      images_ = std::make_shared<SplitImages>();
      result_.splits.push_back({epoch, fields[1], images_, {}});
    }
    images_->paths.push_back(fields[2]);
    images_->labels.push_back(label);
    images_->targets.insert(images_->targets.end(), targets.begin(), targets.end());
    for (std::size_t c = 0; c < names.size(); ++c) {
      double value = 0.0;
      if (!parse_number(fields[first_probability_ + c], value))
        return "a probability is " + text::one_line(fields[first_probability_ + c]);
      if (value < 0 || value > 1)  // NaN is what a network gives that has diverged
        return fmt::format("a probability is {}, not from 0 to 1",
                           text::one_line(fields[first_probability_ + c]));
      result_.splits.back().probabilities.push_back(value);
    }
    return {};
  }
  Predictions take() {
    share_images(result_);
    return std::move(result_);
  }

 private:
  Predictions result_;
  std::size_t first_probability_;
  std::shared_ptr<SplitImages> images_;
};

}  // namespace

statistics::ProbabilityTable SplitPredictions::table() const {
  const std::size_t count = images->labels.size();
  return {count == 0 ? 0 : probabilities.size() / count, probabilities, images->labels};
}

bool SplitPredictions::finite() const {
  return std::ranges::all_of(probabilities, [](double p) { return std::isfinite(p); });
}

statistics::LabelTable SplitPredictions::label_table() const {
  const std::size_t count = images->labels.size();
  return {count == 0 ? 0 : probabilities.size() / count, probabilities, images->targets};
}

const SplitPredictions* Predictions::find(std::int64_t epoch, const std::string& split) const {
  const auto found = std::ranges::find_if(
      splits, [&](const SplitPredictions& one) { return one.epoch == epoch && one.split == split; });
  return found == splits.end() ? nullptr : &*found;
}

std::string target_text(float target) {
  return !data::is_known(target) ? "" : target > 0.5f ? "1" : "0";
}

std::string predictions_csv(const Predictions& predictions) {
  const bool labels = predictions.task == data::Task::multi_label;
  std::string text = "checkpoint,split,image";
  if (!labels) text += ",label";
  for (const std::string& name : predictions.class_names)
    if (labels) text += ',' + text::csv_field("label(" + name + ")");
  for (const std::string& name : predictions.class_names) text += ',' + text::csv_field("p(" + name + ")");
  text += '\n';
  const std::size_t classes = predictions.class_names.size();
  for (const SplitPredictions& one : predictions.splits)
    for (std::size_t i = 0; i < one.images->paths.size(); ++i) {
      text += fmt::format("{:02d},{},{}", one.epoch, one.split, text::csv_field(one.images->paths[i]));
      if (!labels)
        text +=
            ',' + text::csv_field(predictions.class_names[static_cast<std::size_t>(one.images->labels[i])]);
      for (std::size_t l = 0; labels && l < classes; ++l)
        text += ',' + target_text(one.images->targets[i * classes + l]);
      for (std::size_t c = 0; c < classes; ++c)
        text += ',' + text::number_text(one.probabilities[i * classes + c]);
      text += '\n';
    }
  return text;
}

Predictions read_predictions(const std::filesystem::path& path) {
  const auto lines = errors_as<DataError>([&] {
    const std::vector<std::byte> bytes = engine::read_file(path, std::uint64_t{1} << 34);
    return data::parse_csv({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  });
  Predictions header = lines.empty() ? Predictions{} : header_of(lines.front());
  if (header.class_names.empty())
    throw DataError(
        fmt::format("{} holds no predictions: its first line must be checkpoint,split,image,label and "
                    "a p(class) for each class; xrtrain eval RUN writes it",
                    path.string()));
  Reader reader(std::move(header));
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (lines[i].size() == 1 && lines[i][0].empty()) continue;
    if (const std::string reason = reader.add(lines[i]); !reason.empty())
      throw DataError(fmt::format("{}, record {}: {}; write the file again with xrtrain eval RUN",
                                  path.string(), i + 1, reason));
  }
  return reader.take();
}

}  // namespace xr::apps
