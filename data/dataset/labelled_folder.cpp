#include "data/dataset/labelled_folder.h"

#include "data/dataset/csv_table.h"
#include "engine/io/file.h"
#include "kernels/common/error.h"
#include "kernels/common/error_codes.h"

#include <algorithm>
#include <array>
#include <set>

namespace xr::data {

namespace {

constexpr std::array all_splits = {Split::train, Split::validation, Split::test};

class Labeller {
 public:
  Labeller(Dataset& dataset, const Layout& layout, const LabelSettings& settings,
           const PatientTable& patients)
      : dataset_(dataset),
        layout_(layout),
        settings_(settings),
        patients_(patients),
        table_(read_label_table(settings)),
        list_(read_split_lists(settings.split_lists)),
        lines_(table_.entries, dataset.root, table_.entries_are_folders),
        listed_(list_.entries, dataset.root) {}

  void label(const std::vector<std::string>& known) {
    dataset_.task = table_.task;
    take_names(known);
    std::vector<std::string> paths;
    for (const Split split : all_splits)
      for (const LayoutImage& image : layout_.part(split).images) {
        paths.push_back(image.path);
        take(split, image.path);
      }
    for (std::vector<Sample>* part : {&dataset_.train, &dataset_.validation, &dataset_.test})
      std::ranges::sort(*part, {}, &Sample::path);
    report(paths);
  }

 private:
  /// The names of the model or of the table, and from the table's numbers to them.
  void take_names(const std::vector<std::string>& known) {
    dataset_.class_names = known.empty() ? table_.names : known;
    for (const std::string& name : table_.names) {
      const auto found = std::ranges::find(dataset_.class_names, name);
      place_of_.push_back(
          found == dataset_.class_names.end() ? -1 : static_cast<int>(found - dataset_.class_names.begin()));
    }
  }

  void skip(const std::string& path, const char* reason, SkipKind kind) {
    dataset_.skipped.push_back({path, reason, kind});
  }

  [[nodiscard]] bool same_labels(std::uint32_t a, std::uint32_t b) const {
    if (table_.task == Task::multi_class)
      return table_.classes[a] == table_.classes[b] || table_.classes[a] < 0 || table_.classes[b] < 0;
    const std::size_t width = table_.names.size();
    for (std::size_t l = 0; l < width; ++l) {
      const float first = table_.targets[a * width + l], second = table_.targets[b * width + l];
      if (is_known(first) != is_known(second) || (is_known(first) && first != second)) return false;
    }
    return true;
  }

  /// The line with the image's labels, of several the first that has any.
  [[nodiscard]] std::optional<std::uint32_t> line_of(const std::string& path) {
    const auto lines = lines_.lines_of(path);
    if (lines.empty()) {
      ++unlabelled_;
      skip(path, "not in the table of labels", SkipKind::unlabelled);
      return std::nullopt;
    }
    ++known_;
    for (const std::uint32_t line : lines)
      if (!same_labels(lines.front(), line)) {
        if (contradicting_++ == 0) first_contradicting_ = path;
        skip(path, "lines of the table give it different labels", SkipKind::unlabelled);
        return std::nullopt;
      }
    if (table_.task == Task::multi_label) return lines.front();
    for (const std::uint32_t line : lines)
      if (table_.classes[line] >= 0) return line;
    ++without_class_;
    skip(path, "no label in the table", SkipKind::unlabelled);
    return std::nullopt;
  }

  [[nodiscard]] std::optional<Split> split_of(const std::string& path, std::uint32_t line,
                                              Split of_folder) const {
    if (!list_.entries.empty()) {
      const auto lines = listed_.lines_of(path);
      return lines.empty() ? std::nullopt : std::optional(list_.splits[lines.front()]);
    }
    return table_.splits.empty() ? std::optional(of_folder) : table_.splits[line];
  }

  void take(Split of_folder, const std::string& path) {
    const std::optional<std::uint32_t> line = line_of(path);
    if (!line) return;
    const std::optional<Split> split = split_of(path, *line, of_folder);
    if (!split) {
      ++in_no_list_;
      return skip(path, "in no list of a split", SkipKind::outside);
    }
    Sample sample{path, 0, patient_of(path, *line)};
    if (table_.task == Task::multi_class) {
      const auto number = static_cast<std::size_t>(table_.classes[*line]);
      if (place_of_[number] < 0) {
        unknown_classes_.insert(table_.names[number]);
        ++of_unknown_class_;
        return skip(path, "its class is not one of the model", SkipKind::unlabelled);
      }
      sample.class_index = place_of_[number];
    } else {
      sample.targets.assign(dataset_.class_names.size(), unknown_target);
      for (std::size_t l = 0; l < place_of_.size(); ++l)
        if (place_of_[l] >= 0)
          sample.targets[static_cast<std::size_t>(place_of_[l])] =
              table_.targets[*line * place_of_.size() + l];
    }
    if (!sample.group.empty())
      dataset_.group_origin =
          patients_.is_given() || table_.patients.empty() ? patients_.origin() : "the file " + table_.name;
    (*split == Split::train        ? dataset_.train
     : *split == Split::validation ? dataset_.validation
                                   : dataset_.test)
        .push_back(std::move(sample));
  }

  [[nodiscard]] std::string patient_of(const std::string& path, std::uint32_t line) const {
    if (patients_.is_given() || table_.patients.empty()) return patients_.patient_of(path);
    return table_.patients[line];
  }

  void note(NoticeId id, Importance importance, std::string text, std::vector<std::string> names,
            std::int64_t count) {
    if (count > 0) dataset_.notices.push_back({id, importance, std::move(text), std::move(names), count});
  }

  void report(const std::vector<std::string>& paths) {
    XR_CHECK(!paths.empty(), "no images in {}", engine::quote_name(dataset_.directory));
    XR_CHECK_CODE(known_ > 0, error_code::table_unmatched,
                  "{} names none of the {} images in {}: its first line names {}, the first image is {}",
                  table_.name, paths.size(), engine::quote_name(dataset_.directory),
                  engine::quote_name(table_.entries.front()), engine::quote_name(paths.front()));
    std::string columns;
    for (const std::string& name : table_.columns)
      columns += (columns.empty() ? "" : ", ") + engine::quote_name(name);
    note(notice_id::labels_read, Importance::note,
         fmt::format("labels of {} of {} images from {}, {}{}", known_, paths.size(), table_.name,
                     table_.columns.size() == 1 ? "column " : "columns ", columns),
         table_.columns, known_);
    note_unusable_lines(table_.unusable, table_.entries.size(), settings_.table, dataset_.notices);
    note(notice_id::labels_partly_matched, Importance::warning,
         fmt::format("{} image(s) are skipped: {} does not name them", unlabelled_, table_.name), {},
         unlabelled_);
    note(notice_id::labels_partly_matched, Importance::warning,
         fmt::format("{} image(s) are skipped: {} has no label for them", without_class_, table_.name), {},
         without_class_);
    note(notice_id::labels_contradict, Importance::warning,
         fmt::format("{} image(s) are skipped: lines of {} give them different labels; the first is {}",
                     contradicting_, table_.name, engine::quote_name(first_contradicting_)),
         {first_contradicting_}, contradicting_);
    report_unknown_classes();
    note(notice_id::labels_uncertain, Importance::note,
         fmt::format("{} value(s) of {} are -1, uncertain: they {}", table_.uncertain, table_.name,
                     settings_.uncertain == Uncertain::ignore ? "are ignored"
                     : settings_.uncertain == Uncertain::zero ? "count as 0"
                                                              : "count as 1"),
         {}, table_.uncertain);
    note(notice_id::split_list_partly_matched, Importance::warning,
         fmt::format("{} image(s) are skipped: no list of a split names them", in_no_list_), {}, in_no_list_);
    report_lines(paths);
  }

  void report_unknown_classes() {
    std::vector<std::string> names(unknown_classes_.begin(), unknown_classes_.end());
    std::string text;
    for (std::size_t c = 0; c < std::min<std::size_t>(names.size(), 5); ++c)
      text += (text.empty() ? "" : ", ") + engine::quote_name(names[c]);
    if (names.size() > 5) text += fmt::format(" and {} more", names.size() - 5);
    XR_CHECK(of_unknown_class_ == 0 || of_unknown_class_ < known_,
             "none of the classes in {} is a class of the model: {}", table_.name, text);
    note(notice_id::unknown_classes, Importance::warning,
         fmt::format("{} image(s) are skipped: their classes in {} are not the model's: {}",
                     of_unknown_class_, table_.name, text),
         std::move(names), of_unknown_class_);
  }

  void report_lines(const std::vector<std::string>& paths) {
    const FileFit fit = fit_of(lines_, paths);
    note(notice_id::label_lines_unmatched, Importance::note,
         fmt::format("{} of {} lines of {} name no image, the first {}", fit.strange, table_.entries.size(),
                     table_.name, engine::quote_name(fit.first_strange)),
         {fit.first_strange}, static_cast<std::int64_t>(fit.strange));
    if (!fit.ambiguous.empty())
      note(notice_id::labels_contradict, Importance::warning,
           fmt::format(
               "{} is the name of several images, which get the same labels: write the folder before it "
               "in {}",
               engine::quote_name(fit.ambiguous), table_.name),
           {fit.ambiguous}, 1);
  }

  Dataset& dataset_;
  const Layout& layout_;
  const LabelSettings& settings_;
  const PatientTable& patients_;
  LabelTable table_;
  SplitList list_;
  FileIndex lines_, listed_;
  std::vector<int> place_of_;
  std::int64_t known_ = 0, unlabelled_ = 0, without_class_ = 0, contradicting_ = 0, in_no_list_ = 0;
  std::int64_t of_unknown_class_ = 0;
  std::set<std::string> unknown_classes_;
  std::string first_contradicting_;
};

/// Without the classes of the table that no image has.
void drop_absent_classes(Dataset& dataset) {
  std::vector<bool> present(dataset.class_names.size());
  const std::array parts = {&dataset.train, &dataset.validation, &dataset.test};
  for (const std::vector<Sample>* part : parts)
    for (const Sample& sample : *part) present[static_cast<std::size_t>(sample.class_index)] = true;
  std::vector<int> place(present.size());
  std::vector<std::string> names;
  for (std::size_t c = 0; c < present.size(); ++c) {
    place[c] = static_cast<int>(names.size());
    if (present[c]) names.push_back(dataset.class_names[c]);
  }
  for (std::vector<Sample>* part : parts)
    for (Sample& sample : *part) sample.class_index = place[static_cast<std::size_t>(sample.class_index)];
  dataset.class_names = std::move(names);
}

}  // namespace

void label_images(Dataset& dataset, const Layout& layout, const LabelSettings& settings,
                  const PatientTable& patients, const std::vector<std::string>& known) {
  Labeller(dataset, layout, settings, patients).label(known);
  if (dataset.task == Task::multi_class && known.empty()) drop_absent_classes(dataset);
}

}  // namespace xr::data
