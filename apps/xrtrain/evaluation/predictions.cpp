#include "apps/xrtrain/evaluation/predictions.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"
#include "data/dataset/patient_table.h"
#include "engine/io/file.h"

namespace xr::apps {

namespace {

constexpr std::size_t leading_columns = 4;  // checkpoint, split, image, label; then the probabilities

template <class T>
bool parse_number(const std::string& text, T& value) {
  const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && stop == text.data() + text.size();
}

std::vector<std::string> class_names_of(const std::vector<std::string>& header) {
  static const std::vector<std::string> leading = {"checkpoint", "split", "image", "label"};
  if (header.size() <= leading_columns || !std::ranges::equal(leading, std::span(header).first(4))) return {};
  std::vector<std::string> names;
  for (std::size_t c = leading_columns; c < header.size(); ++c) {
    const std::string& name = header[c];
    if (name.size() < 3 || !name.starts_with("p(") || !name.ends_with(")")) return {};
    names.push_back(name.substr(2, name.size() - 3));
  }
  return names;
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
  explicit Reader(const std::vector<std::string>& names) { result_.class_names = names; }

  /// Why the line cannot be used, or nothing.
  std::string add(const std::vector<std::string>& fields) {
    const std::vector<std::string>& names = result_.class_names;
    if (fields.size() != leading_columns + names.size())
      return fmt::format("it has {} fields instead of {}", fields.size(), leading_columns + names.size());
    std::int64_t epoch = 0;
    if (!parse_number(fields[0], epoch) || epoch < 0) return "checkpoint is " + text::one_line(fields[0]);
    const auto label = std::ranges::find(names, fields[3]);
    if (label == names.end()) return fmt::format("{} is no class", text::one_line(fields[3]));
    if (images_ == nullptr || result_.splits.back().epoch != epoch ||
        result_.splits.back().split != fields[1]) {
      if (result_.find(epoch, fields[1]) != nullptr)
        return fmt::format("checkpoint {} on {} images comes a second time", fields[0],
                           text::one_line(fields[1]));
      images_ = std::make_shared<SplitImages>();
      result_.splits.push_back({epoch, fields[1], images_, {}});
    }
    images_->paths.push_back(fields[2]);
    images_->labels.push_back(label - names.begin());
    for (std::size_t c = 0; c < names.size(); ++c) {
      double value = 0.0;
      if (!parse_number(fields[leading_columns + c], value))
        return "a probability is " + text::one_line(fields[leading_columns + c]);
      if (value < 0 || value > 1)  // NaN is what a network gives that has diverged
        return fmt::format("a probability is {}, not from 0 to 1",
                           text::one_line(fields[leading_columns + c]));
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

const SplitPredictions* Predictions::find(std::int64_t epoch, const std::string& split) const {
  const auto found = std::ranges::find_if(
      splits, [&](const SplitPredictions& one) { return one.epoch == epoch && one.split == split; });
  return found == splits.end() ? nullptr : &*found;
}

std::string predictions_csv(const Predictions& predictions) {
  std::string text = "checkpoint,split,image,label";
  for (const std::string& name : predictions.class_names) text += ',' + text::csv_field("p(" + name + ")");
  text += '\n';
  const std::size_t classes = predictions.class_names.size();
  for (const SplitPredictions& one : predictions.splits)
    for (std::size_t i = 0; i < one.images->paths.size(); ++i) {
      text += fmt::format(
          "{:02d},{},{},{}", one.epoch, one.split, text::csv_field(one.images->paths[i]),
          text::csv_field(predictions.class_names[static_cast<std::size_t>(one.images->labels[i])]));
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
  const std::vector<std::string> names =
      lines.empty() ? std::vector<std::string>{} : class_names_of(lines.front());
  if (names.empty())
    throw DataError(
        fmt::format("{} holds no predictions: its first line must be checkpoint,split,image,label and "
                    "a p(class) for each class; xrtrain eval RUN writes it",
                    path.string()));
  Reader reader(names);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (lines[i].size() == 1 && lines[i][0].empty()) continue;
    if (const std::string reason = reader.add(lines[i]); !reason.empty())
      throw DataError(fmt::format("{}, record {}: {}; write the file anew with xrtrain eval RUN",
                                  path.string(), i + 1, reason));
  }
  return reader.take();
}

}  // namespace xr::apps
