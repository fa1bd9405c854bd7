#include "apps/audit/sources.h"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <utility>

#include "apps/audit/label_scan.h"
#include "apps/audit/separation.h"
#include "apps/statistics/roc.h"
#include "apps/text/text.h"
#include "engine/io/file.h"
#include "kernels/common/error.h"

namespace xr::audit {

namespace {

constexpr std::size_t min_of_source = 10;  // a source of fewer images says nothing when it has one class
constexpr double rare = 0.05;              // what chance does less often than this is no chance
constexpr Limits source_limits;            // those of file properties
constexpr std::string_view source_columns[] = {"source", "hospital", "institution", "site", "dataset"};

/// The source of each image, empty if unknown, and how the table fits the folder.
struct Match {
  std::vector<std::string> source_of;
  std::size_t known = 0, strange_lines = 0;
  std::string first_strange;
};

Match match(const ClassedImages& classed, const Scan& scan, const SourceTable& table, std::size_t file,
            std::size_t source) {
  Match result;
  std::vector<std::string> entries;
  for (const auto& row : table.table.rows) entries.push_back(data::listed_path(row[file]));
  const data::FileIndex index(std::move(entries), scan.root);
  std::vector<bool> used(table.table.rows.size());
  const auto find = [&](const std::string& path) {
    const auto lines = index.lines_of(path);
    for (const std::uint32_t line : lines) used[line] = true;
    return lines.empty() ? std::string() : table.table.rows[lines.front()][source];
  };
  for (const data::SkippedFile& image : scan.unreadable) (void)find(image.path);
  for (const ImageFacts* image : classed.images) {
    result.source_of.push_back(find(image->sample.path));
    if (!result.source_of.back().empty()) ++result.known;
  }
  for (std::size_t i = 0; i < used.size(); ++i)
    if (!used[i] && result.strange_lines++ == 0) result.first_strange = table.table.rows[i][file];
  return result;
}

/// The clearest over the classes, each against the others; of two classes the first. Or why there is none.
struct Association {
  Separation separation;
  std::size_t class_index = 0;
  std::string why_not;
};

std::vector<double> shares_in_other_folds(const std::vector<std::string>& source_of,
                                          const std::vector<std::uint8_t>& positive,
                                          const std::vector<int>& fold_of) {
  struct Count {
    double positive = 0, all = 0;
  };
  std::vector<double> shares;
  std::vector<std::map<std::string, Count>> by_source(shortcut_folds);
  std::vector<Count> all(shortcut_folds);
  for (int fold = 0; fold < shortcut_folds; ++fold)
    for (std::size_t i = 0; i < positive.size(); ++i) {
      if (fold_of[i] == fold) continue;
      for (Count* count : {&by_source[fold][source_of[i]], &all[fold]}) {
        count->positive += positive[i];
        count->all += 1;
      }
    }
  for (std::size_t i = 0; i < positive.size(); ++i) {
    const Count& whole = all[fold_of[i]];
    const Count& source = by_source[fold_of[i]][source_of[i]];
    // The share among all runs against the truth: fewer of a class left out are more to learn from.
    const double among_all = whole.positive / std::max(1.0, whole.all);
    const double more = (source.positive - source.all * among_all) / (source.all + 1);
    constexpr double digits = 1e9;  // without the last ones: rounding must not rank sources that are alike
    shares.push_back(std::round(more * digits) / digits);
  }
  return shares;
}

Association measure(const ClassedImages& classed, const std::vector<std::string>& source_of) {
  std::vector<std::string> sources;
  std::vector<std::int64_t> labels;
  std::vector<std::size_t> group_of;
  for (std::size_t i = 0; i < classed.images.size(); ++i) {
    if (source_of[i].empty()) continue;
    sources.push_back(source_of[i]);
    labels.push_back(classed.classes[i]);
    group_of.push_back(classed.groups[i]);
  }
  // The classes of each source evenly over the folds: where more of a source's images of a class are left
  // out, fewer are learned from, and its share would run against the truth.
  std::map<std::pair<std::string, std::int64_t>, std::int64_t> numbers;
  std::vector<std::int64_t> strata;
  for (std::size_t i = 0; i < labels.size(); ++i)
    strata.push_back(numbers.try_emplace({sources[i], labels[i]}, static_cast<std::int64_t>(numbers.size()))
                         .first->second);
  Association clearest;
  const Folds folds = cut_folds(labels, group_of, classed.class_names, strata);
  clearest.why_not = folds.why_not;
  if (!folds.why_not.empty()) return clearest;
  const std::size_t questions = classed.class_names.size() == 2 ? 1 : classed.class_names.size();
  for (std::size_t c = 0; c < questions; ++c) {
    const std::vector<std::uint8_t> positive = statistics::against_rest(labels, c);
    const Separation found = measure_separation(
        positive, shares_in_other_folds(sources, positive, folds.fold_of), group_of, source_limits);
    if (c == 0 || clearer(found, clearest.separation)) clearest = {found, c, {}};
  }
  return clearest;
}

/// A source of the table.
struct Source {
  std::string name;
  std::vector<std::size_t> images;  ///< of each class
  std::size_t independent = 0;      ///< of which count once: those of one patient and class, and copies
  double p = 1.0;                   ///< that chance makes it all of one class; adjusted for all large sources

  [[nodiscard]] std::size_t total() const {
    return std::accumulate(images.begin(), images.end(), std::size_t{0});
  }
  [[nodiscard]] bool of_one_class() const {
    return std::ranges::count_if(images, [](std::size_t count) { return count > 0; }) == 1;
  }
  [[nodiscard]] bool large() const { return total() >= min_of_source; }
};

/// Counts by source. What chance does is reckoned as if the sources drew their independent images from all.
std::vector<Source> count_sources(const ClassedImages& classed, const std::vector<std::string>& source_of) {
  const std::size_t classes = classed.class_names.size();
  std::map<std::string, Source> by_name;
  std::map<std::string, std::set<std::pair<std::size_t, std::size_t>>> independent;  // group and class
  for (std::size_t i = 0; i < classed.images.size(); ++i) {
    if (source_of[i].empty()) continue;
    const auto label = static_cast<std::size_t>(classed.classes[i]);
    Source& source = by_name[source_of[i]];
    source.images.resize(classes);
    ++source.images[label];
    independent[source_of[i]].emplace(classed.groups[i], label);
  }
  std::vector<std::size_t> class_sizes(classes);
  for (const auto& [name, images] : independent)
    for (const auto& [group, label] : images) ++class_sizes[label];
  std::vector<Source> result;
  std::vector<double> p;
  for (auto& [name, source] : by_name) {
    source.name = name;
    source.independent = independent[name].size();
    if (source.large())
      p.push_back(source.of_one_class() ? statistics::one_class_probability(class_sizes, source.independent)
                                        : 1.0);
    result.push_back(std::move(source));
  }
  const std::vector<double> adjusted = statistics::holm_adjusted(p);
  std::size_t next = 0;
  for (Source& source : result)
    if (source.large()) source.p = adjusted[next++];
  return result;
}

std::string p_text(double p) {
  return p < 0.0001 ? "p < 0.0001" : fmt::format("p = {:.{}f}", p, p < 0.01 ? 4 : 2);
}

void tabulate(const std::vector<std::string>& class_names, const std::vector<Source>& sources, Check& check) {
  for (const Source& source : sources) {
    nlohmann::json row = {{"source", source.name},
                          {"images", source.total()},
                          {"classes", nlohmann::json::object()},
                          {"one_class", source.of_one_class()},
                          {"p_one_class_holm", nullptr}};
    std::string text;
    for (std::size_t c = 0; c < source.images.size(); ++c) {
      row["classes"][class_names[c]] = source.images[c];
      text += fmt::format("{}{} {}", c == 0 ? "" : ", ", source.images[c], text::one_line(class_names[c]));
    }
    if (source.large() && source.of_one_class()) {
      row["p_one_class_holm"] = source.p;
      text +=
          fmt::format(" [{}: one class only, {}]", source.p < rare ? "serious" : "warning", p_text(source.p));
    }
    check.figures["table"].push_back(std::move(row));
    check.details.push_back(fmt::format("{}: {}", text::one_line(source.name), text));
  }
}

/// "1 of 4 sources (sky) has only one class, p < 0.0001"
std::string one_class_text(const std::vector<Source>& sources, bool by_chance) {
  std::vector<std::string> names;
  double least = 1.0, most = 0.0;
  for (const Source& source : sources) {
    if (!source.large() || !source.of_one_class() || (source.p >= rare) != by_chance) continue;
    names.push_back(text::one_line(source.name));
    least = std::min(least, source.p);
    most = std::max(most, source.p);
  }
  if (names.empty()) return {};
  return fmt::format("{} of {} ({}) {} only one class, {}", names.size(), counted(sources.size(), "source"),
                     fmt::join(names, ", "), names.size() == 1 ? "has" : "have",
                     p_text(least) == p_text(most) || !by_chance
                         ? p_text(most)
                         : fmt::format("{} to {}", p_text(least), p_text(most)));
}

void judge_association(const std::vector<std::string>& class_names, const Association& association,
                       Check& check) {
  if (!association.why_not.empty()) {
    if (check.verdict == Verdict::ok) check.id = FindingId::sources_undecided;
    check.verdict = worse(check.verdict, Verdict::warning);
    check.text += "; how well they tell the class was not measured: " + association.why_not;
    return;
  }
  const Separation& by_source = association.separation;
  check.figures.json().update(figures_of(by_source));
  check.figures["class"] = class_names[association.class_index];
  if (check.verdict == Verdict::ok && by_source.verdict != Verdict::ok)
    check.id = FindingId::source_tells_class;
  check.verdict = worse(check.verdict, by_source.verdict);
  check.text += fmt::format(
      "; the source alone tells {} with AUROC {} (guessing: 0.5)",
      class_names.size() > 2
          ? fmt::format("class {} from the others", text::one_line(class_names[association.class_index]))
          : "the classes apart",
      auc_text(by_source));
  if (by_source.doubt == Doubt::none) return;
  if (check.verdict == Verdict::ok) check.id = FindingId::sources_undecided;
  check.verdict = worse(check.verdict, Verdict::warning);
  check.text += fmt::format(" (inconclusive: {})", doubt_text(by_source.doubt));
}

void judge(const ClassedImages& classed, const Match& found, const SourceTable& table, Check& check) {
  const std::vector<Source> sources = count_sources(classed, found.source_of);
  tabulate(classed.class_names, sources, check);
  const std::string serious = one_class_text(sources, false), by_chance = one_class_text(sources, true);
  if (!serious.empty() || !by_chance.empty()) check.id = FindingId::source_of_one_class;
  if (!serious.empty()) check.verdict = Verdict::serious;
  if (!by_chance.empty()) check.verdict = worse(check.verdict, Verdict::warning);
  check.text = serious.empty() && by_chance.empty() ? counted(sources.size(), "source") : serious;
  if (!by_chance.empty()) check.text += (serious.empty() ? "" : "; ") + by_chance;
  if (sources.size() > 1) judge_association(classed.class_names, measure(classed, found.source_of), check);
  if (check.verdict == Verdict::serious) check.text += ": a network that recognises the source may go by it";
  if (static_cast<double>(found.known) >= data::min_known_part * static_cast<double>(classed.images.size()))
    return;
  if (check.verdict == Verdict::ok) check.id = FindingId::sources_partly_known;
  check.verdict = worse(check.verdict, Verdict::warning);
  check.text = fmt::format("{} names the source of {} of {} only: {}", table.name, found.known,
                           counted(classed.images.size(), "image"), check.text);
}

/// Of the first tag that any file has.
std::optional<SourceTable> table_of_tags(const data::DicomTable& dicom) {
  for (const auto& [name, value] : {std::pair{"DICOM institutions", &data::DicomTags::site},
                                    {"DICOM stations", &data::DicomTags::station},
                                    {"DICOM manufacturers", &data::DicomTags::manufacturer}}) {
    SourceTable table{name, {{"file", "source"}, {}, 0}};
    for (const auto& [path, tags] : dicom.files())
      if (!(tags.*value).empty()) table.table.rows.push_back({path, tags.*value});
    if (!table.table.rows.empty()) return table;
  }
  return std::nullopt;
}

}  // namespace

std::optional<SourceTable> find_source_table(const data::Dataset& dataset,
                                             const data::GroupSettings& settings) {
  const std::filesystem::path path = settings.table.empty() ? dataset.sources : settings.table;
  std::optional<SourceTable> table;
  std::error_code code;
  if (!path.empty() && std::filesystem::exists(path, code)) {
    try {
      table = SourceTable{text::one_line(path.string()), data::read_csv_table(path)};
    } catch (const Error&) {  // the table of patients has told what is wrong
    }
  }
  if (table && table->table.column(source_columns)) return table;
  std::optional<SourceTable> from_tags = dataset.dicom ? table_of_tags(*dataset.dicom) : std::nullopt;
  return from_tags ? std::move(from_tags) : std::move(table);
}

Check check_sources(const Scan& scan, const SourceTable* table, std::span<const std::size_t> groups) {
  if (scan.task == data::Task::multi_label) return check_label_sources(scan, table, groups);
  return check_sources(classed_images(scan, groups), scan, table);
}

Check check_sources(const ClassedImages& classed, const Scan& scan, const SourceTable* table) {
  Check check{"sources", "Sources", FindingId::sources_mixed, Verdict::ok, {}, {}, {}};
  check.figures = {{"table", nlohmann::json::array()},
                   {"unknown_images", classed.images.size()},
                   {"lines_without_image", 0},
                   {"auc", nullptr},
                   {"low", nullptr},
                   {"high", nullptr},
                   {"undecided", false},
                   {"class", nullptr}};
  if (table == nullptr) {
    check.id = FindingId::sources_unknown;
    const std::string path = table_path_text(scan);
    check.text = "unknown";
    if (!path.empty())
      check.text += fmt::format(
          "; to have them checked, list where images come from in {} (columns file, source)", path);
    return check;
  }
  const auto file = table->table.column(data::file_columns()), source = table->table.column(source_columns);
  if (!file || !source) {
    check.id = FindingId::sources_without_column;
    check.verdict = file ? Verdict::ok : Verdict::warning;
    check.text = fmt::format("unknown: {} has no column '{}'; its columns are {}", table->name,
                             file ? "source" : "file",
                             text::one_line(fmt::format("{}", fmt::join(table->table.header, ", "))));
    return check;
  }
  const Match found = match(classed, scan, *table, *file, *source);
  check.figures["unknown_images"] = classed.images.size() - found.known;
  check.figures["lines_without_image"] = found.strange_lines;
  judge(classed, found, *table, check);
  if (found.strange_lines > 0)
    check.details.push_back(fmt::format(
        "{} of {} lines of {} fit no image, the first names {}: paths are relative to the folder",
        found.strange_lines, table->table.rows.size(), table->name, engine::quote_name(found.first_strange)));
  return check;
}

}  // namespace xr::audit
