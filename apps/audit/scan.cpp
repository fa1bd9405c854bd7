#include "apps/audit/scan.h"

#include <algorithm>
#include <new>
#include <sstream>
#include <utility>

#include "apps/audit/check.h"
#include "apps/text/text.h"
#include "data/dataset/find_sample_depths.h"
#include "data/dataset/npz_dataset.h"
#include "data/image/image.h"
#include "data/loader/jobs.h"
#include "engine/io/file.h"
#include "kernels/common/error.h"

namespace xr::audit {

namespace {

std::array<float, histogram_bins> histogram_of(const data::Image& grey) {
  std::array<std::uint64_t, histogram_bins> counts{};
  for (const std::uint8_t pixel : grey.pixels) ++counts[pixel * histogram_bins / 256];
  std::array<float, histogram_bins> result{};
  for (std::size_t i = 0; i < histogram_bins; ++i)
    result[i] = static_cast<float>(static_cast<double>(counts[i]) / static_cast<double>(grey.pixels.size()));
  return result;
}

void set_pixels(const data::Image& grey, ImageFacts& facts) {
  facts.width = grey.width;
  facts.height = grey.height;
  facts.print = data::print_of(grey);
  facts.histogram = histogram_of(grey);
}

/// Of a file of MedMNIST's.
void read_archive(const std::filesystem::path& path, std::vector<ImageFacts>& all, int workers,
                  const data::Progress& progress) {
  std::vector<data::Sample> samples;
  for (const ImageFacts& facts : all) samples.push_back(facts.sample);
  data::for_each_npz_image(path, samples, workers, progress, [&](std::size_t i, data::Image&& image) {
    all[i].format = "npz";
    all[i].channels = image.channels;
    all[i].bits = 8;
    all[i].marks = data::marks_of(image);
    set_pixels(data::with_channels(std::move(image), 1), all[i]);
  });
}

/// What a file says of an image, to be sent as it is.
struct FileFacts {
  bool is_readable = false;
  std::array<char, 16> format{};
  int width = 0, height = 0, channels = 0, bits = 0;
  data::PictureMarks marks;
  Fingerprint print;
  std::array<float, histogram_bins> histogram{};

  static FileFacts of(const ImageFacts& facts) {
    FileFacts result{true,       {},          facts.width, facts.height,   facts.channels,
                     facts.bits, facts.marks, facts.print, facts.histogram};
    XR_CHECK(facts.format.size() < result.format.size(), "the name of the format {} is too long",
             facts.format);
    std::ranges::copy(facts.format, result.format.begin());
    return result;
  }
  void put_into(ImageFacts& facts) const {
    facts.format = format.data();
    facts.width = width;
    facts.height = height;
    facts.channels = channels;
    facts.bits = bits;
    facts.marks = marks;
    facts.print = print;
    facts.histogram = histogram;
  }
};

/// The texts that each rank has for some of the images, on every rank.
void share_texts(std::vector<std::string>& texts, Ranks ranks) {
  if (ranks == nullptr) return;
  std::string own;  // number and text, each with a zero byte at its end
  for (std::size_t i = 0; i < texts.size(); ++i)
    if (!texts[i].empty()) own += std::to_string(i) + '\0' + texts[i] + '\0';
  for (const std::string& all : ranks->all_gather_text(own)) {
    std::istringstream words(all);
    for (std::string number, text; std::getline(words, number, '\0') && std::getline(words, text, '\0');)
      texts[std::stoul(number)] = text;
  }
}

void read_facts(const std::filesystem::path& path, const data::SampleDepths& depths, ImageFacts& facts) {
  const data::DecodeLimits limits;
  const std::vector<std::byte> bytes = engine::read_file(path, limits.max_file_bytes);
  const data::DecodedImage decoded = data::decode_with_notes(bytes, 1, limits, depths);
  facts.format = data::describe(decoded.notes.format).id;
  facts.channels = decoded.notes.stored_channels;
  facts.bits = decoded.notes.stored_bits;
  facts.marks = data::marks_of(decoded.notes);
  set_pixels(decoded.image, facts);
}

}  // namespace

ClassedImages classed_images(const Scan& scan, std::span<const std::size_t> groups) {
  ClassedImages result;
  result.class_names = scan.class_names;
  for (std::size_t i = 0; i < scan.images.size(); ++i) {
    result.images.push_back(&scan.images[i]);
    result.classes.push_back(scan.images[i].sample.class_index);
    result.groups.push_back(groups[i]);
  }
  return result;
}

std::string table_path_text(const Scan& scan) {
  std::error_code code;
  if (std::filesystem::is_regular_file(scan.directory, code)) return {};
  return text::one_line((scan.directory / "sources.csv").string());
}

bool is_of(const ImageFacts& image, std::size_t class_index) {
  const data::Sample& sample = image.sample;
  return sample.targets.empty() ? sample.class_index == static_cast<int>(class_index)
                                : sample.targets[class_index] > 0.5f;
}

Scan scan_images(const data::Dataset& dataset, int workers, const data::Progress& progress, Ranks ranks) {
  Scan scan;
  scan.directory = dataset.directory;
  scan.root = dataset.root;
  scan.task = dataset.task;
  scan.class_names = dataset.class_names;
  scan.skipped = dataset.skipped;
  scan.notices = dataset.notices;
  scan.group_origin = dataset.group_origin;
  scan.dicom = dataset.dicom;
  std::vector<std::pair<const data::Sample*, int>> order;  // sorted instead of the facts, which are large
  const auto add = [&](const std::string& name, const std::vector<data::Sample>& samples) {
    if (samples.empty()) return;
    for (const data::Sample& sample : samples)
      order.emplace_back(&sample, static_cast<int>(scan.splits.size()));
    scan.splits.push_back(name);
  };
  const bool whole = dataset.test.empty() && dataset.validation.empty();
  add(whole ? "all" : "train", dataset.train);
  add("validation", dataset.validation);
  add("test", dataset.test);
  std::ranges::stable_sort(order, {},
                           [](const auto& image) -> const std::string& { return image.first->path; });
  std::vector<ImageFacts> all(order.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].sample = *order[i].first;
    all[i].split = order[i].second;
    if (scan.dicom) all[i].tags = scan.dicom->find(all[i].sample.path);
  }
  std::vector<std::string> failures(all.size());
  if (data::is_npz(dataset.directory)) {
    read_archive(dataset.directory, all, workers, progress);
    scan.images = std::move(all);
    return scan;
  }
  scan.depths = data::find_sample_depths(dataset.directory, dataset.train, workers);
  std::vector<FileFacts> facts(all.size());
  run_shared_jobs<FileFacts>(facts, ranks, workers, progress, [&](std::size_t i) {
    ImageFacts read;
    try {
      read_facts(dataset.directory / all[i].sample.path, scan.depths, read);
      return FileFacts::of(read);
    } catch (const Error& error) {
      failures[i] = error.what();
    } catch (const std::bad_alloc&) {
      failures[i] = "not enough memory to decode it";
    }
    return FileFacts{};
  });
  share_texts(failures, ranks);
  for (std::size_t i = 0; i < all.size(); ++i)
    if (facts[i].is_readable) facts[i].put_into(all[i]);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (failures[i].empty())
      scan.images.push_back(std::move(all[i]));
    else
      scan.unreadable.push_back({all[i].sample.path, failures[i]});
  }
  return scan;
}

void add_decoded(Scan& scan, const std::vector<DecodedSplit>& splits) {
  struct Place {
    const data::ImageSet* images;
    std::size_t index;
    int split;
  };
  std::vector<Place> places;  // sorted instead of the facts, which are large
  for (const auto& [images, name] : splits) {
    for (std::size_t i = 0; i < images->count(); ++i)
      places.push_back({images, i, static_cast<int>(scan.splits.size())});
    if (images->count() > 0) scan.splits.push_back(name);
  }
  std::ranges::stable_sort(places, {}, [](const Place& place) -> const std::string& {
    return place.images->samples[place.index].path;
  });
  scan.images.reserve(places.size());
  for (const auto& [images, index, split] : places) {
    ImageFacts& facts = scan.images.emplace_back();
    facts.sample = images->samples[index];
    facts.split = split;
    facts.print = images->print(index);
    facts.marks = images->marks(index);
    if (scan.dicom) facts.tags = scan.dicom->find(facts.sample.path);
  }
}

Copies find_copies_in(const Scan& scan, int workers, const Tell& tell, Ranks ranks) {
  std::vector<const Fingerprint*> prints;
  std::vector<std::size_t> place;
  for (std::size_t i = 0; i < scan.images.size(); ++i) {
    if (scan.images[i].marks.one_level) continue;
    prints.push_back(&scan.images[i].print);
    place.push_back(i);
  }
  Copies copies = find_copies(prints, workers, tell, CopySearch::automatic, ranks);
  for (CopyPair& pair : copies.pairs) pair.a = place[pair.a], pair.b = place[pair.b];
  return copies;
}

}  // namespace xr::audit
