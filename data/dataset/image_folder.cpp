#include "data/dataset/image_folder.h"
#include "kernels/common/error_codes.h"

#include "data/dataset/folder_scan.h"
#include "data/dataset/patient_table.h"
#include "data/dataset/split.h"
#include "engine/io/file.h"
#include "kernels/common/error.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace xr::data {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t test_sub_stream = 0, validation_sub_stream = 1;

bool has_folder(const fs::path& directory, const char* name) {
  std::error_code code;
  return fs::is_directory(directory / name, code);
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + engine::quote_name(name);
  return text;
}

/// The images of all class folders below directory/part ("" for the directory itself), by class, then by
/// path.
std::vector<Sample> read_part(Dataset& dataset, const std::string& part, const PatientTable& patients) {
  std::vector<Sample> samples;
  for (std::size_t c = 0; c < dataset.class_names.size(); ++c) {
    const std::string prefix = (part.empty() ? "" : part + '/') + dataset.class_names[c];
    std::error_code code;
    if (!fs::is_directory(dataset.directory / prefix, code)) continue;
    for (std::string& path : scan_images(dataset.directory / prefix, prefix, dataset.skipped)) {
      std::string patient = patients.patient_of(path);
      if (!patient.empty()) dataset.group_origin = patients.origin();
      samples.push_back({std::move(path), static_cast<int>(c), std::move(patient)});
    }
  }
  return samples;
}

void check_every_class(const Dataset& dataset, const std::vector<Sample>& samples, const char* purpose,
                       const fs::path& place) {
  for (std::size_t c = 0; c < dataset.class_names.size(); ++c)
    XR_CHECK(std::any_of(samples.begin(), samples.end(),
                         [&](const Sample& sample) { return sample.class_index == static_cast<int>(c); }),
             "class {} has no {} images; put some (.jpg .jpeg .png .bmp .pgm .ppm) into {}",
             engine::quote_name(dataset.class_names[c]), purpose,
             engine::quote_name(place / dataset.class_names[c]));
}

void check_classes(const Dataset& dataset, const fs::path& place) {
  XR_CHECK(
      !dataset.class_names.empty(),
      "no class folders in {}; it must hold train/<class>/ and test/<class>/, or <class>/ folders of images",
      engine::quote_name(place));
  XR_CHECK(dataset.class_names.size() > 1,
           "only one class ({}) in {}; a classifier needs the images of at least two class folders",
           joined(dataset.class_names), engine::quote_name(place));
}

void check_same_classes(const Dataset& dataset, const char* part) {
  const std::vector<std::string> names = list_folders(dataset.directory / part);
  for (const std::string& name : names)
    XR_CHECK(std::binary_search(dataset.class_names.begin(), dataset.class_names.end(), name),
             "{} is a class in {} but not in train/ ({}); use the same folder names in both",
             engine::quote_name(name), engine::quote_name(dataset.directory / part),
             joined(dataset.class_names));
}

/// A patient whose images lie on both sides of a split that the folder itself makes: told, not changed.
void warn_of_shared_patients(Dataset& dataset, const std::vector<Sample>& other, const char* part) {
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
    dataset.warnings.push_back(
        fmt::format("{} patient(s) with {} image(s) in {}/ also have images in train/: results on {}/ are "
                    "optimistic",
                    shared.size(), images, part, part));
}

/// Tells if what was to name the patients names few of them, or other images.
void warn_of_misfit(Dataset& dataset, const PatientTable& patients) {
  std::vector<std::string> paths;
  for (const std::vector<Sample>* part : {&dataset.train, &dataset.validation, &dataset.test})
    for (const Sample& sample : *part) paths.push_back(sample.path);
  if (std::string text = patients.misfit(paths); !text.empty()) dataset.warnings.push_back(std::move(text));
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
  dataset.warnings.clear();
  dataset.warnings.push_back(fmt::format(
      "the {} images of all folders are split anew by patient ({}): their places in train/ and test/ are not "
      "kept",
      dataset.train.size(), dataset.group_origin));
  dataset.test = split_off(dataset.train, dataset.class_names,
                           static_cast<double>(held) / static_cast<double>(dataset.train.size()), seed,
                           test_sub_stream, "test");
  dataset.test_split_by_program = true;
}

void read_given_splits(Dataset& dataset, const PatientTable& patients) {
  const fs::path& directory = dataset.directory;
  XR_CHECK(has_folder(directory, "train"), "{} has test/ but no train/; add train/<class>/ folders",
           engine::quote_name(directory));
  XR_CHECK(has_folder(directory, "test"),
           "{} has train/ but no test/; add test/<class>/ folders, or give {} to have it split",
           engine::quote_name(directory), engine::quote_name(directory / "train"));
  dataset.class_names = list_folders(directory / "train");
  check_classes(dataset, directory / "train");
  check_same_classes(dataset, "test");
  dataset.train = read_part(dataset, "train", patients);
  dataset.test = read_part(dataset, "test", patients);
  check_every_class(dataset, dataset.train, "training", directory / "train");
  check_every_class(dataset, dataset.test, "test", directory / "test");
  warn_of_shared_patients(dataset, dataset.test, "test");
  if (!has_folder(directory, "val")) return;
  check_same_classes(dataset, "val");
  dataset.validation = read_part(dataset, "val", patients);
  check_every_class(dataset, dataset.validation, "validation", directory / "val");
  warn_of_shared_patients(dataset, dataset.validation, "val");
}

}  // namespace

Dataset read_image_folder(const fs::path& directory, const SplitSettings& settings) {
  XR_CHECK(settings.validation_fraction >= 0 && settings.validation_fraction < 1,
           "the validation fraction {} is not at least 0 and below 1", settings.validation_fraction);
  check_folder(directory);
  Dataset dataset;
  dataset.directory = directory;
  const PatientTable patients(directory, settings.groups, dataset.warnings);
  const bool given_splits = has_folder(directory, "train") || has_folder(directory, "test");
  if (given_splits) {
    read_given_splits(dataset, patients);
  } else {
    dataset.class_names = list_folders(directory);
    check_classes(dataset, directory);
    dataset.train = read_part(dataset, "", patients);
    check_every_class(dataset, dataset.train, "training", directory);
  }
  if (settings.split_by_group) {
    XR_CHECK_CODE(
        !dataset.group_origin.empty(), error_code::patients_unknown,
        "the images of {} cannot be split by patient: no patient is known; name them in sources.csv "
        "(columns file and patient)",
        engine::quote_name(directory));
    if (given_splits) split_by_group(dataset, settings.seed);
  }
  warn_of_misfit(dataset, patients);
  if (!given_splits && settings.test_fraction > 0) {
    dataset.test = split_off(dataset.train, dataset.class_names, settings.test_fraction, settings.seed,
                             test_sub_stream, "test");
    dataset.test_split_by_program = true;
  }
  if (dataset.validation.empty() && settings.validation_fraction > 0) {
    dataset.validation = split_off(dataset.train, dataset.class_names, settings.validation_fraction,
                                   settings.seed, validation_sub_stream, "validation");
    dataset.validation_split_by_program = true;
  }
  return dataset;
}

Dataset read_evaluation_folder(const fs::path& directory, const std::vector<std::string>& class_names) {
  check_folder(directory);
  Dataset dataset;
  dataset.directory = directory;
  dataset.class_names = class_names;
  const PatientTable patients(directory, {}, dataset.warnings);
  const std::string part = has_folder(directory, "test") ? "test" : "";
  for (const std::string& name : list_folders(directory / part))
    XR_CHECK(std::find(class_names.begin(), class_names.end(), name) != class_names.end(),
             "{} in {} is no class of the model ({}); use its folder names", engine::quote_name(name),
             engine::quote_name(directory / part), joined(class_names));
  dataset.test = read_part(dataset, part, patients);
  XR_CHECK(!dataset.test.empty(), "no images in {}; it must hold <class>/ folders for {}",
           engine::quote_name(directory / part), joined(class_names));
  return dataset;
}

std::vector<fs::path> find_images(const fs::path& file_or_folder) {
  std::error_code code;
  const fs::file_status status = fs::status(file_or_folder, code);
  XR_CHECK(status.type() != fs::file_type::not_found, "no such file or folder: {}",
           engine::quote_name(file_or_folder));
  if (!fs::is_directory(status)) return {file_or_folder};
  std::vector<SkippedFile> skipped;
  std::vector<fs::path> images;
  for (const std::string& name : scan_images(file_or_folder, "", skipped))
    images.push_back(file_or_folder / name);
  XR_CHECK(!images.empty(), "no images (.jpg .jpeg .png .bmp .pgm .ppm) in {}",
           engine::quote_name(file_or_folder));
  return images;
}

}  // namespace xr::data
