#include "apps/xrtrain/evaluation/subgroups.h"

#include <algorithm>
#include <map>
#include <set>

#include "apps/statistics/delong.h"
#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"
#include "data/dataset/patient_table.h"

namespace xr::apps {

namespace fs = std::filesystem;

namespace {

bool names_something(const data::CsvTable& table, std::size_t column) {
  static constexpr std::string_view originals[] = {"original_name", "original", "url", "doi"};
  const std::string name = table.header[column];
  data::CsvTable alone;
  alone.header = {name};
  return alone.column(data::file_columns()) || alone.column(data::patient_columns()) ||
         alone.column(originals);
}

SubgroupRate rate(std::int64_t part, std::int64_t whole) {
  return {whole, whole < min_subgroup ? statistics::Estimate{} : statistics::proportion(part, whole)};
}

Subgroup measure(std::string value, const std::vector<std::size_t>& images,
                 const statistics::ProbabilityTable& table, std::size_t positive) {
  Subgroup group;
  group.value = std::move(value);
  group.images = static_cast<std::int64_t>(images.size());
  std::vector<double> probabilities;
  std::vector<std::int64_t> labels;
  for (const std::size_t i : images) {
    probabilities.insert(probabilities.end(), table.row(i).begin(), table.row(i).end());
    labels.push_back(table.labels[i]);
  }
  const statistics::ProbabilityTable part{table.classes, probabilities, labels};
  const statistics::ConfusionMatrix confusion(table.classes, labels, part.predictions());
  group.accuracy = rate(confusion.correct(), confusion.total());
  if (table.classes != 2) return group;
  const statistics::BinaryCounts counts = confusion.against_rest(positive);
  group.sensitivity = rate(counts.true_positive, counts.positives());
  group.specificity = rate(counts.true_negative, counts.negatives());
  group.auroc.images = group.images;
  if (std::min(counts.positives(), counts.negatives()) >= min_subgroup) {
    const statistics::DeLong area = statistics::delong(statistics::against_rest(labels, positive),
                                                       statistics::column_of(probabilities, 2, positive));
    group.auroc.estimate = {area.auroc, area.interval};
  }
  return group;
}

std::string value_of(const SubgroupSource::Column& column, const std::string& image) {
  const auto found =
      std::ranges::lower_bound(column.values, image, {}, &std::pair<std::string, std::string>::first);
  return found == column.values.end() || found->first != image ? "(not listed)" : found->second;
}

}  // namespace

std::optional<SubgroupSource> read_subgroups(const std::string& given, const fs::path& data) {
  SubgroupSource source;
  source.path = given.empty() ? data / "sources.csv" : fs::path(given);
  if (given.empty() && !fs::exists(source.path)) return std::nullopt;
  data::CsvTable table;
  try {
    table = data::read_csv_table(source.path);
  } catch (const Error& error) {
    if (given.empty()) return std::nullopt;
    throw DataError(error.code(), fmt::format("--subgroups: {}", error.what()));
  }
  const std::optional<std::size_t> file = table.column(data::file_columns());
  if (!file && given.empty()) return std::nullopt;
  if (!file)
    throw DataError(
        fmt::format("--subgroups {}: it has no column 'file' with paths relative to the data folder",
                    source.path.string()));
  for (std::size_t c = 0; c < table.header.size(); ++c) {
    if (names_something(table, c)) continue;
    std::set<std::string> values;
    SubgroupSource::Column column{table.header[c], {}};
    for (const std::vector<std::string>& row : table.rows) {
      values.insert(row[c]);
      column.values.emplace_back(row[*file], row[c].empty() ? "(empty)" : row[c]);
    }
    std::ranges::sort(column.values);
    if (values.size() > max_subgroups)
      source.left_out.push_back(fmt::format("{}: {} values", text::one_line(table.header[c]), values.size()));
    else
      source.columns.push_back(std::move(column));
  }
  return source;
}

std::vector<SubgroupTable> subgroup_tables(const SubgroupSource& source, const SplitPredictions& predictions,
                                           std::size_t positive) {
  std::vector<SubgroupTable> tables;
  const statistics::ProbabilityTable table = predictions.table();
  for (const SubgroupSource::Column& column : source.columns) {
    std::map<std::string, std::vector<std::size_t>> groups;
    for (std::size_t i = 0; i < table.images(); ++i)
      groups[value_of(column, predictions.images->paths[i])].push_back(i);
    SubgroupTable result{column.name, {}};
    for (const auto& [value, images] : groups)
      result.groups.push_back(measure(value, images, table, positive));
    tables.push_back(std::move(result));
  }
  return tables;
}

}  // namespace xr::apps
