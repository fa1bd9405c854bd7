#include "apps/xrtrain/audit/sources.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "apps/xrtrain/audit/shortcuts.h"
#include "apps/xrtrain/text.h"
#include "data/file.h"
#include "kernels/error.h"

namespace xr::apps::audit {

namespace {

constexpr std::size_t least_of_source = 10;  // a source of fewer images says nothing when it has one class
constexpr Limits source_limits;              // those of file properties
constexpr std::string_view source_columns[] = {"source", "hospital", "institution", "site", "dataset"};

/// The source of each image of the scan, empty if unknown, and how the table fits the folder.
struct Match {
  std::vector<std::string> source_of;
  std::size_t known = 0, strange_lines = 0;
  std::string first_strange;
};

Match match(const Scan& scan, const SourceTable& table, std::size_t file, std::size_t source) {
  Match result;
  std::map<std::string, std::string> by_path, by_name;
  std::map<std::string, bool> used;
  for (const auto& row : table.table.rows) {
    std::string path = data::listed_path(row[file]);
    const bool bare = table.by_name && path.find('/') == std::string::npos;
    used[path] = false;
    (bare ? by_name : by_path)[std::move(path)] = row[source];
  }
  const auto find = [&](const std::string& path) {
    for (const auto& [names, key] :
         {std::pair{&by_path, path}, std::pair{&by_name, data::file_name_of(path)}})
      if (const auto found = names->find(key); found != names->end()) {
        used[key] = true;
        return found->second;
      }
    return std::string();
  };
  for (const data::SkippedFile& image : scan.unreadable) (void)find(image.path);
  for (const ImageFacts& image : scan.images) {
    result.source_of.push_back(find(image.sample.path));
    if (!result.source_of.back().empty()) ++result.known;
  }
  for (const auto& row : table.table.rows) {
    if (used[data::listed_path(row[file])]) continue;
    if (result.strange_lines++ == 0) result.first_strange = row[file];
  }
  return result;
}

/// The worst over the classes, each against the others; of two classes the first.
struct Association {
  Separation separation;
  std::size_t class_index = 0;
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
    shares.push_back((source.positive + whole.positive / std::max(1.0, whole.all)) / (source.all + 1));
  }
  return shares;
}

std::optional<Association> measure(const Scan& scan, const std::vector<std::string>& source_of,
                                   std::span<const std::size_t> groups) {
  std::vector<std::string> sources;
  std::vector<std::int64_t> labels;
  std::vector<std::size_t> group_of, counts(scan.class_names.size());
  for (std::size_t i = 0; i < scan.images.size(); ++i) {
    if (source_of[i].empty()) continue;
    sources.push_back(source_of[i]);
    labels.push_back(scan.images[i].sample.class_index);
    group_of.push_back(groups[i]);
    ++counts[static_cast<std::size_t>(labels.back())];
  }
  if (std::ranges::any_of(counts, [](std::size_t count) { return count < least_images_of_class; })) return {};
  const std::vector<int> fold_of = make_folds(labels, group_of, shortcut_folds, 0);
  std::optional<Association> worst;
  for (std::size_t c = 0; c < (counts.size() == 2 ? 1 : counts.size()); ++c) {
    std::vector<std::uint8_t> positive;
    for (const std::int64_t label : labels) positive.push_back(label == static_cast<std::int64_t>(c) ? 1 : 0);
    const Separation found =
        measure_separation(positive, shares_in_other_folds(sources, positive, fold_of), source_limits);
    if (found.auc && (!worst || *found.auc > *worst->separation.auc)) worst = {found, c};
  }
  return worst;
}

/// Counts by source into the check's table and details; the names of the large sources with one class.
std::vector<std::string> tabulate(const Scan& scan, const std::vector<std::string>& source_of, Check& check) {
  std::map<std::string, std::vector<std::size_t>> counts;
  for (std::size_t i = 0; i < scan.images.size(); ++i) {
    if (source_of[i].empty()) continue;
    auto& of_class = counts[source_of[i]];
    of_class.resize(scan.class_names.size());
    ++of_class[static_cast<std::size_t>(scan.images[i].sample.class_index)];
  }
  std::vector<std::string> one_class;
  for (const auto& [name, of_class] : counts) {
    const std::size_t total = std::accumulate(of_class.begin(), of_class.end(), std::size_t{0});
    const auto classes = std::ranges::count_if(of_class, [](std::size_t count) { return count > 0; });
    nlohmann::json row = {{"source", name}, {"images", total}, {"classes", nlohmann::json::object()}};
    std::string text;
    for (std::size_t c = 0; c < of_class.size(); ++c) {
      row["classes"][scan.class_names[c]] = of_class[c];
      text += fmt::format("{}{} {}", c == 0 ? "" : ", ", of_class[c], one_line(scan.class_names[c]));
    }
    const bool alone = classes == 1 && total >= least_of_source;
    row["one_class"] = classes == 1;
    check.figures["table"].push_back(std::move(row));
    check.details.push_back(
        fmt::format("{}: {}{}", one_line(name), text, alone ? " [serious: one class only]" : ""));
    if (alone) one_class.push_back(one_line(name));
  }
  return one_class;
}

void judge(const Scan& scan, const Match& found, const SourceTable& table,
           std::span<const std::size_t> groups, Check& check) {
  const std::vector<std::string> one_class = tabulate(scan, found.source_of, check);
  const std::size_t sources = check.figures["table"].size();
  if (!one_class.empty()) {
    check.verdict = Verdict::serious;
    check.text = fmt::format("{} of {} ({}) {} only one class", one_class.size(), counted(sources, "source"),
                             fmt::join(one_class, ", "), one_class.size() == 1 ? "has" : "have");
  } else {
    check.text = counted(sources, "source");
  }
  if (const auto association = measure(scan, found.source_of, groups); association && sources > 1) {
    const Separation& by_source = association->separation;
    check.figures.update(figures_of(by_source));
    check.figures["class"] = scan.class_names[association->class_index];
    check.verdict = worse(check.verdict, by_source.verdict);
    if (by_source.undecided) check.verdict = worse(check.verdict, Verdict::warning);
    check.text += fmt::format(
        "; the source alone tells {} with AUC {}, where 0.5 is guessing and 1 is perfect",
        scan.class_names.size() > 2
            ? fmt::format("class {} from the others", one_line(scan.class_names[association->class_index]))
            : "the classes apart",
        auc_text(by_source));
    if (by_source.undecided) check.text += ": too few images to tell";
  } else if (sources > 1) {
    check.verdict = worse(check.verdict, Verdict::warning);
    check.text += fmt::format("; how well they tell the class takes at least {} images of each class",
                              least_images_of_class);
  }
  if (check.verdict == Verdict::serious) check.text += ": a network that recognises the source may go by it";
  if (static_cast<double>(found.known) >= data::least_known_part * static_cast<double>(scan.images.size()))
    return;
  check.verdict = worse(check.verdict, Verdict::warning);
  check.text = fmt::format("{} names the source of {} of {} only: {}", table.name, found.known,
                           counted(scan.images.size(), "image"), check.text);
}

}  // namespace

std::optional<SourceTable> read_source_table(const std::filesystem::path& directory,
                                             const data::GroupSettings& settings) {
  const bool given = !settings.table.empty();
  const std::filesystem::path path = given ? settings.table : directory / "sources.csv";
  std::error_code code;
  if (!std::filesystem::exists(path, code)) return std::nullopt;
  try {
    return SourceTable{one_line(path.filename().string()), data::read_csv_table(path), given};
  } catch (const Error&) {
    return std::nullopt;  // the table of patients has told what is wrong
  }
}

Check check_sources(const Scan& scan, const SourceTable* table, std::span<const std::size_t> groups) {
  Check check{"sources", "Sources", Verdict::ok, {}, {}, {}};
  check.figures = {{"table", nlohmann::json::array()},
                   {"unknown_images", scan.images.size()},
                   {"lines_without_image", 0},
                   {"auc", nullptr},
                   {"low", nullptr},
                   {"high", nullptr},
                   {"undecided", false},
                   {"class", nullptr}};
  if (table == nullptr) {
    check.text = "not known: name where each image comes from in sources.csv (columns file and source)";
    return check;
  }
  const auto file = table->table.column(data::file_columns()), source = table->table.column(source_columns);
  if (!file || !source) {
    check.verdict = file ? Verdict::ok : Verdict::warning;
    check.text = fmt::format("not known: {} has no column '{}'; its columns are {}", table->name,
                             file ? "source" : "file",
                             one_line(fmt::format("{}", fmt::join(table->table.header, ", "))));
    return check;
  }
  const Match found = match(scan, *table, *file, *source);
  check.figures["unknown_images"] = scan.images.size() - found.known;
  check.figures["lines_without_image"] = found.strange_lines;
  judge(scan, found, *table, groups, check);
  if (found.strange_lines > 0)
    check.details.push_back(fmt::format(
        "{} of {} lines of {} fit no image, the first names {}: paths are relative to the folder",
        found.strange_lines, table->table.rows.size(), table->name, data::quote_name(found.first_strange)));
  return check;
}

}  // namespace xr::apps::audit
