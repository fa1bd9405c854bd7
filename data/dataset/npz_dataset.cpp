#include "data/dataset/npz_dataset.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <map>
#include <optional>

#include "data/archive/npy.h"
#include "data/dataset/image_candidate.h"
#include "data/dataset/label_checks.h"
#include "data/dataset/medmnist_names.h"
#include "data/dataset/split.h"
#include "engine/io/file.h"
#include "engine/io/zip.h"
#include "kernels/common/error.h"

namespace xr::data {

namespace fs = std::filesystem;

namespace {

constexpr std::array<const char*, 3> npz_splits = {"train", "val", "test"};
constexpr std::uint64_t max_npz_images = std::uint64_t{1} << 28, max_npz_side = 4096, max_npz_names = 1000;
constexpr std::uint64_t npz_test_stream = 0, npz_validation_stream = 1;  // of RandomPurpose::split
constexpr std::size_t chunk_bytes = std::size_t{32} << 20;
constexpr std::size_t digits = 6;  // of an image's number, at least

/// An array with its reader behind the header.
struct NpzArray {
  NpyHeader header;
  std::unique_ptr<engine::ZipReader> reader;
  std::string what;  ///< for errors
};

std::optional<NpzArray> open_array(const engine::ZipFile& file, const std::string& name) {
  const engine::ZipMember* member = file.find(name + ".npy");
  if (member == nullptr) return std::nullopt;
  NpzArray array;
  array.what = fmt::format("{} of {}", name, engine::quote_name(file.path()));
  array.reader = file.open(*member);
  array.header = read_npy_header(*array.reader, array.what);
  return array;
}

/// Images of one split: how many, of which form.
struct ImageShape {
  std::uint64_t count = 0;
  int height = 0, width = 0, channels = 1;
  [[nodiscard]] std::size_t bytes() const {
    return static_cast<std::size_t>(height) * static_cast<std::size_t>(width) *
           static_cast<std::size_t>(channels);
  }
};

ImageShape image_shape(const NpzArray& array) {
  const std::vector<std::uint64_t>& shape = array.header.shape;
  const bool grey = shape.size() == 3, colour = shape.size() == 4 && shape[3] == 3;
  XR_CHECK(array.header.type == "|u1" && (grey || colour),
           "{} is {}: images must be uint8 (N, height, width) or (N, height, width, 3)", array.what,
           array.header.describe());
  XR_CHECK(shape[0] <= max_npz_images && shape[1] >= 1 && shape[2] >= 1 && shape[1] <= max_npz_side &&
               shape[2] <= max_npz_side,
           "{} is {}: at most {} images of 1 to {} pixels a side are read", array.what,
           array.header.describe(), max_npz_images, max_npz_side);
  return {shape[0], static_cast<int>(shape[1]), static_cast<int>(shape[2]), grey ? 1 : 3};
}

/// Whole numbers of any type, row by row.
struct LabelTable {
  std::uint64_t rows = 0, columns = 1;
  std::vector<std::int64_t> values;
};

std::int64_t whole_number(std::span<const std::byte> bytes, bool is_signed) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) value |= static_cast<std::uint64_t>(bytes[i]) << (8 * i);
  const std::size_t bits = 8 * bytes.size();
  if (is_signed && bits < 64 && (value >> (bits - 1) & 1) != 0) value |= ~std::uint64_t{0} << bits;
  return std::bit_cast<std::int64_t>(value);
}

LabelTable read_labels(NpzArray& array) {
  const NpyHeader& header = array.header;
  XR_CHECK((header.shape.size() == 1 || header.shape.size() == 2) && header.type[1] != 'f',
           "{} is {}: labels must be whole numbers (N), (N, 1) or (N, labels)", array.what,
           header.describe());
  LabelTable table;
  table.rows = header.shape[0];
  table.columns = header.shape.size() == 2 ? header.shape[1] : 1;
  XR_CHECK(table.rows <= max_npz_images && table.columns >= 1 && table.columns <= max_npz_names,
           "{} is {}: at most {} labels of {} images are read", array.what, header.describe(), max_npz_names,
           max_npz_images);
  std::vector<std::byte> bytes(header.bytes());
  array.reader->read(bytes);
  const std::size_t width = header.element_bytes();
  for (std::size_t at = 0; at < bytes.size(); at += width)
    table.values.push_back(whole_number(std::span(bytes).subspan(at, width), header.type[1] == 'i'));
  return table;
}

std::string sample_path(const char* split, std::uint64_t index) {
  return fmt::format("{}/{:0{}}", split, index, digits);
}

/// The samples of one split; nothing where the file does not have it.
std::optional<std::vector<Sample>> read_npz_samples(const engine::ZipFile& file, const char* split,
                                                    Task& task, std::uint64_t& names) {
  std::optional<NpzArray> images = open_array(file, fmt::format("{}_images", split)),
                          labels = open_array(file, fmt::format("{}_labels", split));
  XR_CHECK(images.has_value() == labels.has_value(), "{} has {}_{} without {}_{}",
           engine::quote_name(file.path()), split, images ? "images" : "labels", split,
           images ? "labels" : "images");
  if (!images) return std::nullopt;
  const ImageShape shape = image_shape(*images);
  const LabelTable table = read_labels(*labels);
  XR_CHECK(table.rows == shape.count, "{} has {} rows for {} images", labels->what, table.rows, shape.count);
  const Task of_split = table.columns > 1 ? Task::multi_label : Task::multi_class;
  XR_CHECK(names == 0 || of_split == task, "{} has {} columns, those before have others", labels->what,
           table.columns);
  task = of_split;
  std::vector<Sample> samples;
  for (std::uint64_t i = 0; i < table.rows; ++i) {
    Sample sample;
    sample.path = sample_path(split, i);
    const std::span row = std::span(table.values).subspan(i * table.columns, table.columns);
    for (const std::int64_t value : row)
      XR_CHECK(value >= 0 && value < static_cast<std::int64_t>(task == Task::multi_label ? 2 : max_npz_names),
               "{} has {} in row {}: {}", labels->what, value, i,
               task == Task::multi_label ? "labels must be 0 or 1" : "classes count from 0");
    if (task == Task::multi_class) {
      sample.class_index = static_cast<int>(row[0]);
      names = std::max(names, static_cast<std::uint64_t>(row[0]) + 1);
    } else {
      sample.targets.assign(row.begin(), row.end());
    }
    samples.push_back(std::move(sample));
  }
  if (task == Task::multi_label) {
    XR_CHECK(names == 0 || names == table.columns, "{} has {} columns, those before have {}", labels->what,
             table.columns, names);
    names = table.columns;
  }
  return samples;
}

/// All of a file, as it splits itself.
Dataset read_whole_npz(const fs::path& path) {
  const engine::ZipFile file(path);
  Dataset dataset;
  dataset.directory = path;
  std::uint64_t names = 0;
  std::array<std::vector<Sample>*, 3> parts = {&dataset.train, &dataset.validation, &dataset.test};
  bool any = false;
  for (std::size_t i = 0; i < npz_splits.size(); ++i)
    if (std::optional<std::vector<Sample>> samples =
            read_npz_samples(file, npz_splits[i], dataset.task, names)) {
      *parts[i] = std::move(*samples);
      any = true;
    }
  if (!any) {
    std::string members;
    for (const engine::ZipMember& member : file.members())
      XR_CHECK(!has_image_extension(member.name),
               "{} is a zip archive of images (the first is {}): unpack it", engine::quote_name(path),
               engine::quote_name(member.name));
    for (const engine::ZipMember& member : file.members())
      if (members.size() < 100) members += (members.empty() ? "" : ", ") + engine::quote_name(member.name);
    throw Error(fmt::format(
        "{} holds neither train_images nor test_images ({}): an archive must be one of MedMNIST's form",
        engine::quote_name(path), members.empty() ? "it is empty" : members));
  }
  dataset.class_names = medmnist_names(path, dataset.task, names);
  return dataset;
}

void check_classes_of_npz(const Dataset& dataset) {
  if (dataset.task == Task::multi_label) return;
  std::vector<bool> there(dataset.class_names.size());
  for (const Sample& sample : dataset.train) there[static_cast<std::size_t>(sample.class_index)] = true;
  for (std::size_t c = 0; c < there.size(); ++c)
    XR_CHECK(there[c], "class {} has no training images in {}", engine::quote_name(dataset.class_names[c]),
             engine::quote_name(dataset.directory));
}

void set_patients(Dataset& dataset, const GroupSettings& settings) {
  if (settings.table.empty() && settings.pattern.empty()) return;
  const PatientTable patients({}, settings, dataset.notices);
  std::vector<std::string> paths;
  for (std::vector<Sample>* part : {&dataset.train, &dataset.validation, &dataset.test})
    for (Sample& sample : *part) {
      sample.group = patients.patient_of(sample.path);
      if (!sample.group.empty()) dataset.group_origin = patients.origin();
      paths.push_back(sample.path);
    }
  if (std::string text = patients.misfit(paths); !text.empty())
    dataset.notices.push_back({notice_id::patients_partly_matched, Importance::warning, std::move(text)});
}

/// Of "train/000017": 17.
std::optional<std::uint64_t> index_in(const std::string& path, std::string_view split) {
  if (!path.starts_with(split) || path.size() <= split.size() || path[split.size()] != '/')
    return std::nullopt;
  std::uint64_t index = 0;
  const char *first = path.data() + split.size() + 1, *last = path.data() + path.size();
  const auto [stop, code] = std::from_chars(first, last, index);
  if (code != std::errc() || stop != last) return std::nullopt;
  return index;
}

}  // namespace

bool is_npz(const fs::path& path) {
  std::error_code code;
  return fs::is_regular_file(path, code) && engine::is_zip(path);
}

Dataset read_npz(const fs::path& path, const SplitSettings& settings) {
  Dataset dataset = read_whole_npz(path);
  XR_CHECK(dataset.class_names.size() > 1, "only one class in {}; a classifier needs at least two",
           engine::quote_name(path));
  XR_CHECK(!dataset.train.empty(), "{} has no train_images", engine::quote_name(path));
  check_classes_of_npz(dataset);
  set_patients(dataset, settings.groups);
  XR_CHECK(!settings.split_by_group,
           "the splits of {} are those of its arrays: its images cannot be split again by patient",
           engine::quote_name(path));
  split_off_missing(dataset, settings, npz_test_stream, npz_validation_stream);
  warn_of_labels(dataset);
  return dataset;
}

Dataset read_npz_for_evaluation(const fs::path& path, Task task,
                                const std::vector<std::string>& class_names) {
  Dataset dataset = read_whole_npz(path);
  XR_CHECK(dataset.task == task && dataset.class_names.size() <= class_names.size(),
           "{} has {} {}, the model has {} {}", engine::quote_name(path), dataset.class_names.size(),
           dataset.task == Task::multi_label ? "labels" : "classes", class_names.size(),
           task == Task::multi_label ? "labels" : "classes");
  // Its classes may have numbers for names, and the last ones no images.
  const std::vector<std::string> numbers = numbered_names(dataset.class_names.size());
  if (dataset.class_names != numbers)
    XR_CHECK(dataset.class_names == class_names, "the classes of {} are not the model's: {} instead of {}",
             engine::quote_name(path), engine::quote_name(dataset.class_names.front()),
             engine::quote_name(class_names.front()));
  XR_CHECK(!dataset.test.empty(), "{} has no test_images", engine::quote_name(path));
  dataset.class_names = class_names;
  dataset.train.clear();
  dataset.validation.clear();
  return dataset;
}

Image read_npz_image(const fs::path& path, const Sample& sample) {
  Image result;
  for_each_npz_image(path, std::span(&sample, 1), 1, {},
                     [&](std::size_t, Image&& image) { result = std::move(image); });
  return result;
}

void for_each_npz_image(const fs::path& path, std::span<const Sample> samples, int workers,
                        const Progress& progress, const std::function<void(std::size_t, Image&&)>& body) {
  const engine::ZipFile file(path);
  std::size_t found = 0;
  for (const char* split : npz_splits) {
    std::multimap<std::uint64_t, std::size_t> wanted;  // place in the array -> place in samples
    for (std::size_t i = 0; i < samples.size(); ++i)
      if (const std::optional<std::uint64_t> index = index_in(samples[i].path, split))
        wanted.emplace(*index, i);
    if (wanted.empty()) continue;
    std::optional<NpzArray> array = open_array(file, fmt::format("{}_images", split));
    XR_CHECK(array.has_value(), "{} has no {}_images", engine::quote_name(path), split);
    const ImageShape shape = image_shape(*array);
    XR_CHECK(wanted.rbegin()->first < shape.count, "{} has {} images: there is no {}", array->what,
             shape.count, samples[wanted.rbegin()->second].path);
    const std::size_t bytes = shape.bytes(), rows = std::max<std::size_t>(1, chunk_bytes / bytes);
    std::vector<std::byte> chunk;
    const std::uint64_t end = wanted.rbegin()->first + 1;
    for (std::uint64_t first = 0; first < end; first += rows) {
      // The whole array is read where its last image is wanted: then its checksum is checked.
      const std::size_t count = std::min<std::uint64_t>(rows, end - first);
      chunk.resize(count * bytes);
      array->reader->read(chunk);
      std::vector<std::pair<std::size_t, std::size_t>> jobs;  // row of the chunk, place in samples
      for (auto at = wanted.lower_bound(first); at != wanted.end() && at->first < first + count; ++at)
        jobs.emplace_back(at->first - first, at->second);
      run_jobs(jobs.size(), workers, {}, [&](std::size_t job) {
        const auto* begin = reinterpret_cast<const std::uint8_t*>(chunk.data()) + jobs[job].first * bytes;
        body(jobs[job].second, {shape.width, shape.height, shape.channels, {begin, begin + bytes}});
      });
      found += jobs.size();
      if (progress) progress(found, samples.size());
    }
  }
  XR_CHECK(found == samples.size(), "{} of {} images are not in {}", samples.size() - found, samples.size(),
           engine::quote_name(path));
}

}  // namespace xr::data
