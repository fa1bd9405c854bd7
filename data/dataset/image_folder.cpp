#include "data/dataset/image_folder.h"

#include "data/dataset/label_checks.h"
#include "data/dataset/labelled_folder.h"
#include "data/dataset/layout.h"
#include "data/dataset/npz_dataset.h"
#include "data/dataset/patient_table.h"
#include "data/dataset/rare_classes.h"
#include "data/dataset/split.h"
#include "engine/io/file.h"
#include "kernels/common/error.h"
#include "kernels/common/error_codes.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace xr::data {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t test_sub_stream = 0, validation_sub_stream = 1;

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + engine::quote_name(name);
  return text;
}

/// The images of a part of the layout, with their patients.
std::vector<Sample> samples_of(Dataset& dataset, const LayoutPart& part, const PatientTable& patients) {
  std::vector<Sample> samples;
  for (const LayoutImage& image : part.images) {
    std::string patient = patients.patient_of(image.path);
    if (!patient.empty()) dataset.group_origin = patients.origin();
    samples.push_back({image.path, image.class_index, std::move(patient)});
  }
  return samples;
}

void check_every_class(const Dataset& dataset, const std::vector<Sample>& samples, const char* purpose,
                       const LayoutPart& part) {
  for (std::size_t c = 0; c < dataset.class_names.size(); ++c) {
    if (std::any_of(samples.begin(), samples.end(),
                    [&](const Sample& sample) { return sample.class_index == static_cast<int>(c); }))
      continue;
    const std::string prefix = (part.folder.empty() ? "" : part.folder + '/') + dataset.class_names[c];
    const auto of_kind = [&](SkipKind kind) {
      std::vector<const SkippedFile*> files;
      for (const SkippedFile& file : dataset.skipped)
        if (file.kind == kind && file.path.starts_with(prefix + '/')) files.push_back(&file);
      return files;
    };
    const auto masks = of_kind(SkipKind::role), others = of_kind(SkipKind::not_an_image);
    std::string remedy = "put some";
    if (!masks.empty())
      remedy = fmt::format("{} in folders of masks are skipped: put images", masks.size());
    else if (!others.empty())
      remedy = fmt::format("{} file(s) are not images, the first is {}: put images", others.size(),
                           engine::quote_name(others.front()->path));
    throw Error(fmt::format("class {} has no {} images; {} into {}",
                            engine::quote_name(dataset.class_names[c]), purpose, remedy,
                            engine::quote_name(dataset.directory / prefix)));
  }
}

void check_classes(const Dataset& dataset, const Layout& layout) {
  const fs::path place = dataset.directory / layout.part(Split::train).folder;
  const auto images = std::ranges::count(layout.skipped, SkipKind::outside, &SkippedFile::kind);
  XR_CHECK_CODE(
      !dataset.class_names.empty() || images == 0, error_code::labels_needed,
      "no class folders in {}, but {} images: the classes must come from folders or a table of labels",
      engine::quote_name(place), images);
  XR_CHECK(
      !dataset.class_names.empty(),
      "no class folders in {}; it must hold train/<class>/ and test/<class>/, or <class>/ folders of images",
      engine::quote_name(place));
  // images/ alone is no class.
  const bool no_class = dataset.class_names.size() == 1 && is_image_folder(dataset.class_names[0]);
  XR_CHECK_CODE(dataset.class_names.size() > 1, no_class ? error_code::labels_needed : ErrorCode(),
                "only one class ({}) in {}; a classifier needs the images of at least two class folders{}",
                joined(dataset.class_names), engine::quote_name(place),
                no_class ? " or a table of labels" : "");
}

void check_same_classes(const Dataset& dataset, const LayoutPart& part, const LayoutPart& train) {
  const auto has = [](const LayoutPart& where, std::size_t c) {
    return std::ranges::any_of(
        where.images, [&](const LayoutImage& image) { return image.class_index == static_cast<int>(c); });
  };
  std::vector<std::string> known;
  for (std::size_t c = 0; c < dataset.class_names.size(); ++c)
    if (has(train, c)) known.push_back(dataset.class_names[c]);
  for (std::size_t c = 0; c < dataset.class_names.size(); ++c)
    XR_CHECK(has(train, c) || !has(part, c),
             "{} is a class in {} but not in {} ({}); use the same folder names in both",
             engine::quote_name(dataset.class_names[c]), engine::quote_name(dataset.directory / part.folder),
             train.folder + '/', joined(known));
}

/// A patient whose images lie on both sides of a split that the folder itself makes: told, not changed.
void warn_of_shared_patients(Dataset& dataset, const std::vector<Sample>& other, const std::string& part) {
  std::set<std::string> in_train, shared;
  for (const Sample& sample : dataset.train)
    if (!sample.group.empty()) in_train.insert(sample.group);
  std::size_t images = 0;
  for (const Sample& sample : other)
    if (in_train.contains(sample.group)) {
      shared.insert(sample.group);
      ++images;
    }
  if (!shared.empty())
    dataset.notices.push_back(
        {notice_id::patients_shared,
         Importance::warning,
         fmt::format("{} patient(s) with {} image(s) in {}/ also have images in train/: results on {}/ are "
                     "optimistic",
                     shared.size(), images, part, part),
         {part},
         static_cast<std::int64_t>(shared.size())});
}

/// Tells if what was to name the patients names few of them, or other images; of a given table that names none
/// it is an error.
void check_fit(Dataset& dataset, const PatientTable& patients, bool given) {
  std::vector<std::string> paths;
  for (const std::vector<Sample>* part : {&dataset.train, &dataset.validation, &dataset.test})
    for (const Sample& sample : *part) paths.push_back(sample.path);
  const bool none = std::ranges::none_of(
      paths, [&](const std::string& path) { return !patients.patient_of(path).empty(); });
  XR_CHECK_CODE(!none || !given, error_code::table_unmatched,
                "{} names the patients of none of the {} images in {}; the first image is {}",
                patients.subject(), paths.size(), engine::quote_name(dataset.directory),
                engine::quote_name(paths.front()));
  if (std::string text = patients.misfit(paths); !text.empty())
    dataset.notices.push_back({notice_id::patients_partly_matched, Importance::warning, std::move(text)});
}

/// All images of train/, val/ and test/ become training images, of which as many as test/ held are split off.
void split_by_group(Dataset& dataset, std::uint64_t seed) {
  const std::size_t held = dataset.test.size();
  for (std::vector<Sample>* part : {&dataset.test, &dataset.validation}) {
    std::move(part->begin(), part->end(), std::back_inserter(dataset.train));
    part->clear();
  }
  std::sort(dataset.train.begin(), dataset.train.end(),
            [](const Sample& a, const Sample& b) { return a.path < b.path; });
  std::erase_if(dataset.notices,
                [](const Notice& notice) { return notice.id == notice_id::patients_shared; });
  dataset.notices.push_back(
      {notice_id::split_by_group,
       Importance::warning,
       fmt::format("the {} images of all folders are split again by patient ({}): their places in train/ and "
                   "test/ are not kept",
                   dataset.train.size(), dataset.group_origin),
       {},
       static_cast<std::int64_t>(dataset.train.size())});
  dataset.test = split_off(dataset.train, dataset.class_names,
                           static_cast<double>(held) / static_cast<double>(dataset.train.size()), seed,
                           test_sub_stream, "test");
  dataset.test_split_by_program = true;
}

void read_given_splits(Dataset& dataset, const Layout& layout, const PatientTable& patients) {
  const fs::path place = dataset.directory / layout.root;
  const LayoutPart &train = layout.part(Split::train), &test = layout.part(Split::test),
                   &validation = layout.part(Split::validation);
  XR_CHECK(train.present, "{} has {}/ but no train/; add train/<class>/ folders", engine::quote_name(place),
           test.present ? "test" : "val");
  XR_CHECK(test.present, "{} has train/ but no test/; add test/<class>/ folders, or give {} to have it split",
           engine::quote_name(place), engine::quote_name(dataset.directory / train.folder));
  check_classes(dataset, layout);
  check_same_classes(dataset, test, train);
  dataset.train = samples_of(dataset, train, patients);
  dataset.test = samples_of(dataset, test, patients);
  check_every_class(dataset, dataset.train, "training", train);
  check_every_class(dataset, dataset.test, "test", test);
  warn_of_shared_patients(dataset, dataset.test, "test");
  if (!validation.present) return;
  check_same_classes(dataset, validation, train);
  dataset.validation_folder = file_name_of(validation.folder);
  dataset.validation = samples_of(dataset, validation, patients);
  check_every_class(dataset, dataset.validation, "validation", validation);
  warn_of_shared_patients(dataset, dataset.validation, "val");
}

/// The images that a table names, with its classes or labels.
void read_labelled(Dataset& dataset, const Layout& layout, const SplitSettings& settings,
                   const PatientTable& patients) {
  const std::string table = settings.labels.table.filename().string();
  label_images(dataset, layout, settings.labels, patients);
  XR_CHECK(!dataset.train.empty(), "no training images in {}: {} names none",
           engine::quote_name(dataset.directory), table);
  if (!dataset.test.empty()) warn_of_shared_patients(dataset, dataset.test, "test");
  if (!dataset.validation.empty()) warn_of_shared_patients(dataset, dataset.validation, "val");
  if (dataset.task == Task::multi_label) return;
  if (dataset.test.empty()) {
    const std::size_t splits =
        1U + (settings.test_fraction > 0 ? 1U : 0U) + (settings.validation_fraction > 0 ? 1U : 0U);
    skip_rare_classes(dataset, std::max(splits, settings.min_patients_of_class), table);
  }
  XR_CHECK(dataset.class_names.size() > 1, "only one class ({}) in {}; a classifier needs at least two",
           joined(dataset.class_names), table);
  for (std::size_t c = 0; c < dataset.class_names.size(); ++c)
    XR_CHECK(
        std::ranges::any_of(dataset.train,
                            [&](const Sample& sample) { return sample.class_index == static_cast<int>(c); }),
        "class {} of {} has no training images", engine::quote_name(dataset.class_names[c]), table);
}

/// Of a set with splits the test images, else all.
void take_test_images(Dataset& dataset) {
  if (dataset.test.empty()) {
    dataset.test = std::move(dataset.train);
    std::ranges::move(dataset.validation, std::back_inserter(dataset.test));
    std::ranges::sort(dataset.test, {}, &Sample::path);
  }
  dataset.train.clear();
  dataset.validation.clear();
}

/// Reads the tags of DICOM files; those without a picture leave the layout.
void read_dicom(Dataset& dataset, Layout& layout) {
  std::vector<std::string> paths;
  for (const LayoutPart& part : layout.parts)
    for (const LayoutImage& image : part.images) paths.push_back(image.path);
  dataset.dicom = read_dicom_table(dataset.directory, std::move(paths));
  if (!dataset.dicom) return;
  std::set<std::string> without;
  for (const auto& [path, reason] : dataset.dicom->without_picture()) {
    without.insert(path);
    dataset.skipped.push_back({path, reason, SkipKind::no_picture});
  }
  for (LayoutPart& part : layout.parts)
    std::erase_if(part.images, [&](const LayoutImage& image) { return without.contains(image.path); });
  std::ranges::move(dataset.dicom->notices(), std::back_inserter(dataset.notices));
}

/// Tables in the folder that are read are not among its skipped files: its sources.csv, and those that are given.
void forget_read_tables(Dataset& dataset, const LabelSettings& labels, const GroupSettings& groups = {}) {
  std::vector<fs::path> tables = labels.split_lists;
  tables.insert(tables.end(), {dataset.sources, labels.table, groups.table});
  std::erase_if(dataset.skipped, [&](const SkippedFile& file) {
    const fs::path path = dataset.directory / file.path;
    return std::ranges::any_of(tables, [&](const fs::path& table) {
      std::error_code code;
      return !table.empty() && table.filename() == path.filename() && fs::equivalent(table, path, code);
    });
  });
}

/// The scan of a folder and what its layout says.
Layout read_layout(Dataset& dataset, const LayoutSettings& settings, const Progress& scan_progress) {
  check_folder(dataset.directory);
  TreeScan scan = scan_tree(dataset.directory, scan_progress);
  Layout layout = find_layout(scan, settings);
  dataset.root = layout.root;
  dataset.class_names = layout.class_names;
  dataset.notices = layout.notices;
  dataset.skipped = std::move(scan.skipped);
  dataset.skipped.insert(dataset.skipped.end(), layout.skipped.begin(), layout.skipped.end());
  read_dicom(dataset, layout);
  for (const fs::path& place : {dataset.directory, dataset.directory / dataset.root}) {
    std::error_code code;
    if (dataset.sources.empty() && fs::is_regular_file(place / "sources.csv", code))
      dataset.sources = place / "sources.csv";
  }
  return layout;
}

}  // namespace

Dataset read_image_folder(const fs::path& directory, const SplitSettings& settings) {
  XR_CHECK(settings.validation_fraction >= 0 && settings.validation_fraction < 1,
           "the validation fraction {} is not at least 0 and below 1", settings.validation_fraction);
  if (is_npz(directory)) return read_npz(directory, settings);
  Dataset dataset;
  dataset.directory = directory;
  const bool from_table = !settings.labels.table.empty();
  const Layout layout = read_layout(dataset, {settings.skip_folders, {}, from_table}, settings.scan_progress);
  forget_read_tables(dataset, settings.labels, settings.groups);
  const PatientTable patients(dataset.sources, settings.groups, dataset.notices, dataset.root, dataset.dicom);
  if (from_table) {
    read_labelled(dataset, layout, settings, patients);
  } else if (layout.has_splits) {
    read_given_splits(dataset, layout, patients);
  } else {
    check_classes(dataset, layout);
    dataset.train = samples_of(dataset, layout.part(Split::train), patients);
    check_every_class(dataset, dataset.train, "training", layout.part(Split::train));
  }
  if (settings.split_by_group) {
    XR_CHECK_CODE(!dataset.group_origin.empty(), error_code::patients_unknown,
                  "the images of {} cannot be split by patient: no patient is known; name them in {} "
                  "(columns file and patient)",
                  engine::quote_name(directory), engine::quote_name(directory / "sources.csv"));
    if (!dataset.test.empty()) split_by_group(dataset, settings.seed);
  }
  check_fit(dataset, patients, !settings.groups.table.empty());
  split_off_missing(dataset, settings, test_sub_stream, validation_sub_stream);
  warn_of_labels(dataset);
  return dataset;
}

Dataset read_evaluation_folder(const fs::path& directory, const std::vector<std::string>& class_names,
                               Task task, const SkipFolders& skip_folders, const LabelSettings& labels,
                               const Progress& scan_progress) {
  if (is_npz(directory)) return read_npz_for_evaluation(directory, task, class_names);
  Dataset dataset;
  dataset.directory = directory;
  const bool from_table = !labels.table.empty();
  XR_CHECK_CODE(
      from_table || task == Task::multi_class, error_code::labels_needed,
      "the labels of the images in {} must come from a table: the model has several labels an image",
      engine::quote_name(directory));
  Layout layout = read_layout(dataset, {skip_folders, class_names, from_table}, scan_progress);
  forget_read_tables(dataset, labels);
  const PatientTable patients(dataset.sources, {}, dataset.notices, dataset.root, dataset.dicom);
  XR_CHECK(from_table || !layout.has_splits || layout.part(Split::test).present,
           "{} has train/ or val/ but no test/; give the folder of the images to evaluate",
           engine::quote_name(directory / layout.root));
  if (from_table) {
    label_images(dataset, layout, labels, patients, class_names);
    XR_CHECK(dataset.task == task, "the table {} has {}, but the model {}", labels.table.filename().string(),
             dataset.task == Task::multi_label ? "several labels an image" : "one class an image",
             task == Task::multi_label ? "several labels an image" : "one class an image");
    XR_CHECK(!dataset.test.empty() || (!layout.has_splits && labels.split_lists.empty()),
             "no test images in {}, but other splits; give the folder of the images to evaluate",
             engine::quote_name(directory / layout.root));
    take_test_images(dataset);
    return dataset;
  }
  LayoutPart& part = layout.part(layout.has_splits ? Split::test : Split::train);
  for (LayoutImage& image : part.images) {
    const std::string& name = dataset.class_names[static_cast<std::size_t>(image.class_index)];
    const auto found = std::ranges::find(class_names, name);
    XR_CHECK(found != class_names.end(), "{} in {} is not a class of the model ({}); use its folder names",
             engine::quote_name(name), engine::quote_name(directory / part.folder), joined(class_names));
    image.class_index = static_cast<int>(found - class_names.begin());
  }
  std::ranges::stable_sort(part.images, {}, &LayoutImage::class_index);
  dataset.class_names = class_names;
  dataset.test = samples_of(dataset, part, patients);
  XR_CHECK(!dataset.test.empty(), "no images in {}; it must hold <class>/ folders for {}",
           engine::quote_name(directory / part.folder), joined(class_names));
  return dataset;
}

FoundImages find_images(const fs::path& file_or_folder, const SkipFolders& skip_folders) {
  std::error_code code;
  const fs::file_status status = fs::status(file_or_folder, code);
  XR_CHECK(status.type() != fs::file_type::not_found, "no such file or folder: {}",
           engine::quote_name(file_or_folder));
  if (!fs::is_directory(status)) return {{file_or_folder}, {}, {}};
  TreeScan scan = scan_tree(file_or_folder);
  UsedImages used;
  collect_images(scan.tree, "", skip_folders, used);
  FoundImages found{{}, std::move(scan.skipped), {}};
  for (Notice& notice : notices_of(used))
    if (notice.id != notice_id::equal_file_names) found.notices.push_back(std::move(notice));
  const std::shared_ptr<const DicomTable> dicom = read_dicom_table(file_or_folder, used.paths);
  std::set<std::string> without;
  if (dicom)
    for (const auto& [path, reason] : dicom->without_picture()) {
      without.insert(path);
      found.skipped.push_back({path, reason, SkipKind::no_picture});
    }
  for (Notice& notice : dicom ? dicom->notices() : std::vector<Notice>())
    if (notice.id == notice_id::dicom_without_picture) found.notices.push_back(std::move(notice));
  for (const std::string& path : used.paths)
    if (!without.contains(path)) found.images.push_back(file_or_folder / path);
  found.skipped.insert(found.skipped.end(), used.skipped.begin(), used.skipped.end());
  XR_CHECK(!found.images.empty(), "no images in {}", engine::quote_name(file_or_folder));
  return found;
}

}  // namespace xr::data
