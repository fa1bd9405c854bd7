#include "data/dataset/label_table.h"

#include "data/dataset/csv_table.h"
#include "engine/io/file.h"
#include "kernels/common/error_codes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

namespace xr::data {

namespace {

using namespace std::string_view_literals;
using Columns = std::vector<std::size_t>;

/// The labels of CheXpert (Irvin et al., AAAI 2019, table 1) and MIMIC-CXR-JPG.
constexpr std::array chexpert_labels = {"No Finding"sv,       "Enlarged Cardiomediastinum"sv,
                                        "Cardiomegaly"sv,     "Lung Opacity"sv,
                                        "Lung Lesion"sv,      "Edema"sv,
                                        "Consolidation"sv,    "Pneumonia"sv,
                                        "Atelectasis"sv,      "Pneumothorax"sv,
                                        "Pleural Effusion"sv, "Pleural Other"sv,
                                        "Fracture"sv,         "Support Devices"sv};
constexpr std::size_t min_chexpert_columns = 5;

bool is_chexpert_label(std::string_view name) {
  return std::ranges::any_of(chexpert_labels,
                             [&](std::string_view label) { return lower_case(label) == lower_case(name); });
}

std::vector<std::string> fields_of(const std::string& text, char separator) {
  std::vector<std::string> fields;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    std::string field = text.substr(begin, end - begin);
    field.erase(0, field.find_first_not_of(' '));
    field.erase(field.find_last_not_of(' ') + 1);
    if (!field.empty()) fields.push_back(std::move(field));
    begin = end + 1;
  }
  return fields;
}

/// What R, pandas and spreadsheets write for a value that is not there.
bool is_missing(const std::string& value) {
  static constexpr std::array words = {"na"sv, "n/a"sv, "nan"sv, "null"sv, "#n/a"sv};
  return value.empty() || std::ranges::find(words, lower_case(value)) != words.end();
}

/// 1, 0 or -1, also as 1.0; anything else is none of them.
std::optional<int> mark_of(const std::string& value) {
  double number = 0;
  const char* end = value.data() + value.size();
  const auto [stop, code] = std::from_chars(value.data(), end, number);
  if (code != std::errc() || stop != end || (number != 0 && number != 1 && number != -1)) return std::nullopt;
  return static_cast<int>(number);
}

std::string text_of_mark(float target) {
  if (!is_known(target)) return {};
  return target > 0.5f ? "1" : "0";
}

[[noreturn]] void throw_missing(const CsvTable& table, const std::filesystem::path& path,
                                const std::string& what) {
  std::string columns;
  for (const std::string& name : table.header)
    columns += (columns.empty() ? "" : ", ") + engine::quote_name(name);
  throw Error(label_columns_missing, fmt::format("{} has no column {}; its columns are {}",
                                                 engine::quote_name(path), what, columns));
}

class LabelReader {
 public:
  LabelReader(const LabelSettings& settings, const CsvTable& table) : settings_(settings), table_(table) {
    result_.name = settings.table.filename().string();
    result_.unusable = table.unusable;
  }

  LabelTable read() {
    read_images();
    const Columns columns = label_columns();
    for (const std::size_t column : columns) require_one(column);
    for (const std::size_t column : columns) result_.columns.push_back(table_.header[column]);
    if (columns.size() > 1)
      read_marks(columns);
    else if (has_lists(columns[0]))
      read_lists(columns[0]);
    else
      read_classes(columns[0]);
    read_others();
    return std::move(result_);
  }

 private:
  void read_images() {
    const auto named = [&](const std::string& name) {
      const auto column = table_.column(name);
      if (!column) throw_missing(table_, settings_.table, engine::quote_name(name));
      return column;
    };
    const auto image =
        settings_.image_column.empty() ? table_.column(file_columns()) : named(settings_.image_column);
    if (image) {
      image_ = *image;
      for (const auto& row : table_.rows) result_.entries.push_back(listed_path(row[*image]));
      return;
    }
    // MIMIC-CXR: labels of a study, whose images lie in p10000032/s50414267.
    const auto subject = table_.column("subject_id"), study = table_.column("study_id");
    if (!subject || !study)
      throw_missing(table_, settings_.table, "of images (file, path, image, filename, ...)");
    result_.entries_are_folders = true;
    for (const auto& row : table_.rows)
      result_.entries.push_back(fmt::format("p{}/s{}", row[*subject], row[*study]));
  }

  [[nodiscard]] Columns label_columns() const {
    Columns columns;
    if (!settings_.label_column.empty()) {
      if (const auto whole = table_.column(settings_.label_column)) return {*whole};
      for (const std::string& name : fields_of(settings_.label_column, ',')) {
        const auto column = table_.column(name);
        if (!column) throw_missing(table_, settings_.table, engine::quote_name(name));
        columns.push_back(*column);
      }
      return columns;
    }
    for (std::size_t c = 0; c < table_.header.size(); ++c)
      if (is_chexpert_label(table_.header[c])) columns.push_back(c);
    if (columns.size() >= min_chexpert_columns) return columns;
    static constexpr std::array usual = {"finding labels"sv, "label"sv,      "labels"sv,
                                         "class"sv,          "class_name"sv, "category"sv,
                                         "diagnosis"sv,      "finding"sv,    "target"sv};
    if (const auto column = table_.column(usual); column && column != image_) return {*column};
    throw_missing(table_, settings_.table, "of labels (label, class, finding, Finding Labels, ...)");
  }

  /// Another column of the same name that says something else would be passed over.
  void require_one(std::size_t column) const {
    for (std::size_t other = column + 1; other < table_.header.size(); ++other)
      XR_CHECK_CODE(
          lower_case(table_.header[other]) != lower_case(table_.header[column]) ||
              std::ranges::all_of(table_.rows, [&](const auto& row) { return row[other] == row[column]; }),
          error_code::table_unusable, "{} has two columns {} with different values: rename one",
          engine::quote_name(settings_.table), engine::quote_name(table_.header[column]));
  }

  [[nodiscard]] bool has_lists(std::size_t column) const {
    return lower_case(table_.header[column]) == "finding labels" ||
           std::ranges::any_of(table_.rows,
                               [&](const auto& row) { return row[column].find('|') != std::string::npos; });
  }

  /// A mark as a target: empty says that the label is not there.
  float target_of(const std::string& value, std::size_t column) {
    if (is_missing(value)) return 0;
    const std::optional<int> mark = mark_of(value);
    XR_CHECK_CODE(mark.has_value(), error_code::table_unusable,
                  "column {} of {} holds {}, not 1, 0, -1 or nothing",
                  engine::quote_name(table_.header[column]), engine::quote_name(settings_.table),
                  engine::quote_name(value));
    if (*mark >= 0) return static_cast<float>(*mark);
    ++result_.uncertain;
    return settings_.uncertain == Uncertain::ignore ? unknown_target
           : settings_.uncertain == Uncertain::one  ? 1.0f
                                                    : 0.0f;
  }

  void read_marks(const Columns& columns) {
    result_.task = Task::multi_label;
    result_.names = result_.columns;
    for (const auto& row : table_.rows)
      for (const std::size_t column : columns) result_.targets.push_back(target_of(row[column], column));
  }

  void read_lists(std::size_t column) {
    result_.task = Task::multi_label;
    std::set<std::string> names;
    for (const auto& row : table_.rows)
      for (std::string& name : fields_of(row[column], '|'))
        if (lower_case(name) != "no finding" && !is_missing(row[column])) names.insert(std::move(name));
    result_.names.assign(names.begin(), names.end());
    for (const auto& row : table_.rows) {
      std::vector<float> targets(result_.names.size(), is_missing(row[column]) ? unknown_target : 0.0f);
      for (const std::string& name : fields_of(row[column], '|'))
        if (const auto found = std::ranges::lower_bound(result_.names, name);
            found != result_.names.end() && *found == name)
          targets[static_cast<std::size_t>(found - result_.names.begin())] = 1;
      result_.targets.insert(result_.targets.end(), targets.begin(), targets.end());
    }
  }

  void read_classes(std::size_t column) {
    // Marks of one label: "0" and "1" however they are written.
    const bool marks =
        std::ranges::all_of(
            table_.rows,
            [&](const auto& row) { return is_missing(row[column]) || mark_of(row[column]).has_value(); }) &&
        (is_chexpert_label(table_.header[column]) ||
         std::ranges::any_of(table_.rows, [&](const auto& row) { return mark_of(row[column]) == -1; }));
    std::vector<std::string> values;
    std::set<std::string> names;
    for (const auto& row : table_.rows) {
      values.push_back(marks                     ? text_of_mark(target_of(row[column], column))
                       : is_missing(row[column]) ? std::string()
                                                 : row[column]);
      if (!values.back().empty()) names.insert(values.back());
    }
    result_.names.assign(names.begin(), names.end());
    for (const std::string& value : values)
      result_.classes.push_back(
          value.empty()
              ? -1
              : static_cast<int>(std::ranges::lower_bound(result_.names, value) - result_.names.begin()));
  }

  void read_others() {
    if (const auto patient = table_.column(patient_columns()); patient && patient != image_)
      for (const auto& row : table_.rows) result_.patients.push_back(row[*patient]);
    if (const auto split = table_.column("split"))
      for (const auto& row : table_.rows) result_.splits.push_back(split_of_value(row[*split]));
  }

  const LabelSettings& settings_;
  const CsvTable& table_;
  std::optional<std::size_t> image_;
  LabelTable result_;
};

/// Of a file's name: "train_val_list" is for training, validation is split off.
std::optional<Split> split_of_list(const std::filesystem::path& path) {
  std::optional<Split> split;
  for (const std::string& word : words_of(path.stem().string()))
    if (const auto found = split_named(word); found && split != Split::train) split = found;
  return split;
}

}  // namespace

std::optional<Split> split_of_value(const std::string& value) {
  if (lower_case(value) == "validate") return Split::validation;  // as MIMIC-CXR has it
  return split_named(value);
}

LabelTable read_label_table(const LabelSettings& settings) {
  const CsvTable table = read_csv_table(settings.table);
  XR_CHECK_CODE(!table.rows.empty(), error_code::table_unusable, "{} has no lines below its header",
                engine::quote_name(settings.table));
  return LabelReader(settings, table).read();
}

SplitList read_split_lists(const std::vector<std::filesystem::path>& paths) {
  SplitList list;
  for (const std::filesystem::path& path : paths) {
    const CsvTable table = read_csv_table(path);
    const auto file = table.column(file_columns()), split = table.column("split");
    if (file && split) {
      for (const auto& row : table.rows)
        if (const auto of_row = split_of_value(row[*split])) {
          list.entries.push_back(listed_path(row[*file]));
          list.splits.push_back(*of_row);
        }
      continue;
    }
    const std::optional<Split> of_list = split_of_list(path);
    XR_CHECK_CODE(
        of_list.has_value(), error_code::table_unusable,
        "{} does not say which split it lists: its name has no word such as train, val or test, and "
        "it has no columns 'file' and 'split'",
        engine::quote_name(path));
    const auto add = [&](const std::string& name) {
      list.entries.push_back(listed_path(name));
      list.splits.push_back(*of_list);
    };
    add(table.header.front());
    for (const auto& row : table.rows) add(row.front());
  }
  return list;
}

}  // namespace xr::data
