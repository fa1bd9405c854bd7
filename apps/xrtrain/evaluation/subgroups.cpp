#include "apps/xrtrain/evaluation/subgroups.h"

#include <algorithm>
#include <map>
#include <numeric>
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

/// Of several labels: the mean AUROC over those with enough images of the group with and without the label.
Subgroup measure_labels(std::string value, const std::vector<std::size_t>& images,
                        const statistics::LabelTable& table) {
  Subgroup group;
  group.value = std::move(value);
  group.images = group.auroc.images = static_cast<std::int64_t>(images.size());
  std::vector<double> areas;
  for (std::size_t l = 0; l < table.labels; ++l) {
    std::vector<std::uint8_t> positive;
    std::vector<double> scores;
    for (const std::size_t i : images) {
      const float target = table.targets[i * table.labels + l];
      if (!data::is_known(target)) continue;
      positive.push_back(target > 0.5f ? 1 : 0);
      scores.push_back(table.values[i * table.labels + l]);
    }
    const auto with = std::ranges::count(positive, std::uint8_t{1});
    if (std::min<std::int64_t>(with, static_cast<std::int64_t>(positive.size()) - with) < min_subgroup)
      continue;
    areas.push_back(*statistics::auroc(positive, scores));
  }
  if (!areas.empty())
    group.auroc.estimate.value =
        std::accumulate(areas.begin(), areas.end(), 0.0) / static_cast<double>(areas.size());
  return group;
}

std::string value_of(const SubgroupSource& source, const SubgroupSource::Column& column,
                     const std::string& image) {
  const auto lines = (column.index ? column.index : source.index)->lines_of(image);
  return lines.empty() ? "(not listed)" : column.values[lines.front()];
}

}  // namespace

std::optional<SubgroupSource> read_subgroups(const std::string& given, const fs::path& sources,
                                             const std::string& root) {
  SubgroupSource source;
  source.path = given.empty() ? sources : fs::path(given);
  if (given.empty() && (sources.empty() || !fs::exists(sources))) return std::nullopt;
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
  std::vector<std::string> entries;
  for (const std::vector<std::string>& row : table.rows) entries.push_back(data::listed_path(row[*file]));
  source.index = std::make_shared<data::FileIndex>(std::move(entries), root);
  for (std::size_t c = 0; c < table.header.size(); ++c) {
    if (names_something(table, c)) continue;
    std::set<std::string> values;
    SubgroupSource::Column column{table.header[c], {}};
    for (const std::vector<std::string>& row : table.rows) {
      values.insert(row[c]);
      column.values.push_back(row[c].empty() ? "(empty)" : row[c]);
    }
    if (values.size() > max_subgroups)
      source.left_out.push_back(fmt::format("{}: {} values", text::one_line(table.header[c]), values.size()));
    else
      source.columns.push_back(std::move(column));
  }
  return source;
}

std::optional<SubgroupSource> with_dicom_tags(std::optional<SubgroupSource> source,
                                              const data::DicomTable* dicom) {
  if (dicom == nullptr || dicom->files().empty()) return source;
  std::vector<std::string> entries;
  for (const auto& [path, tags] : dicom->files()) entries.push_back(path);
  const auto index = std::make_shared<const data::FileIndex>(std::move(entries), "");
  SubgroupSource result = source.value_or(SubgroupSource{"DICOM tags", index, {}, {}});
  const std::size_t before = result.columns.size() + result.left_out.size();
  for (const data::DicomColumn& tag : data::dicom_columns()) {
    if (std::ranges::find(result.columns, tag.name, &SubgroupSource::Column::name) != result.columns.end())
      continue;
    std::set<std::string> values;
    SubgroupSource::Column column{tag.name, {}, index};
    for (const auto& [path, tags] : dicom->files()) {
      const std::string& value = tags.*tag.value;
      values.insert(value);
      column.values.push_back(value.empty() ? "(empty)" : value);
    }
    if (values.size() < 2) continue;
    if (values.size() > max_subgroups)
      result.left_out.push_back(fmt::format("{}: {} values", tag.name, values.size()));
    else
      result.columns.push_back(std::move(column));
  }
  if (result.columns.size() + result.left_out.size() == before) return source;
  if (source) result.path += " and DICOM tags";
  return result;
}

void check_subgroups(const SubgroupSource& source, bool given, const std::vector<data::Sample>& images) {
  if (!given || images.empty() || std::ranges::any_of(images, [&](const data::Sample& image) {
        return !source.index->lines_of(image.path).empty();
      }))
    return;
  throw DataError(fmt::format(
      "--subgroups {} names none of {} test images: its first line names {}, the first image is {}",
      source.path.string(), images.size(),
      source.index->entries().empty() ? "nothing" : text::one_line(source.index->entries().front()),
      text::one_line(images.front().path)));
}

std::vector<SubgroupTable> subgroup_tables(const SubgroupSource& source, const SplitPredictions& predictions,
                                           std::size_t positive) {
  std::vector<SubgroupTable> tables;
  const statistics::ProbabilityTable table = predictions.table();
  const bool labels = !predictions.images->targets.empty();
  for (const SubgroupSource::Column& column : source.columns) {
    std::map<std::string, std::vector<std::size_t>> groups;
    for (std::size_t i = 0; i < table.images(); ++i)
      groups[value_of(source, column, predictions.images->paths[i])].push_back(i);
    SubgroupTable result{column.name, {}};
    for (const auto& [value, images] : groups)
      result.groups.push_back(labels ? measure_labels(value, images, predictions.label_table())
                                     : measure(value, images, table, positive));
    tables.push_back(std::move(result));
  }
  return tables;
}

}  // namespace xr::apps
