#include "data/dataset/npz_dataset.h"

#include "data/dataset/folds.h"
#include "data/dataset/sample_groups.h"
#include "tests/data/archive/archive_writer.h"
#include "tests/data/reference_archives.h"

#include <mutex>

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

namespace {

std::string ramp(std::size_t count, std::size_t step) {
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) bytes += static_cast<char>(i * step % 256);
  return bytes;
}

/// One split of `count` grey images of 4 x 3 pixels and its labels.
void add_split(std::vector<ArchiveMember>& members, const std::string& name, int count,
               const std::string& labels, int columns = 1) {
  members.push_back({name + "_images.npy", npy("|u1", fmt::format("({}, 4, 3)", count),
                                               ramp(static_cast<std::size_t>(count) * 12, 7))});
  members.push_back({name + "_labels.npy", npy("|u1", fmt::format("({}, {})", count, columns), labels)});
}

/// 14 labels, as ChestMNIST has: image i has label l if bit l of 37 i is set.
std::string chest_labels(int count) {
  std::string labels;
  for (int i = 0; i < count; ++i)
    for (int l = 0; l < 14; ++l) labels += static_cast<char>(i * 37 >> l & 1);
  return labels;
}

LoadSettings stored_as(int size, int channels) {
  LoadSettings settings;
  settings.format = {StoredShape::square, size, channels, Mask::none};
  return settings;
}

std::string refused(const std::vector<ArchiveMember>& members) {
  const TemporaryFolder folder;
  write_text(folder / "a.npz", zip(members));
  return error_of([&] { (void)read_image_folder(folder / "a.npz"); });
}

}  // namespace

TEST_CASE("a file that NumPy wrote is a data set of its splits") {
  const TemporaryFolder folder;
  write_bytes(folder / "pneumoniamnist_224.npz", std::as_bytes(std::span(numpy_stored)));
  write_bytes(folder / "other.npz", std::as_bytes(std::span(numpy_stored)));
  const Dataset dataset = read_image_folder(folder / "pneumoniamnist_224.npz", {.validation_fraction = 0});
  CHECK(dataset.task == Task::multi_class);
  CHECK(dataset.class_names == std::vector<std::string>{"normal", "pneumonia"});
  CHECK(read_image_folder(folder / "other.npz", {.validation_fraction = 0}).class_names ==
        std::vector<std::string>{"0", "1"});
  REQUIRE(paths_of(dataset.train) == std::vector<std::string>{"train/000000", "train/000001", "train/000002",
                                                              "train/000003", "train/000004"});
  CHECK(dataset.train[1].class_index == 1);
  CHECK(dataset.train[3].class_index == 0);
  CHECK(paths_of(dataset.test) == std::vector<std::string>{"test/000000", "test/000001"});
  CHECK(dataset.validation.empty());
  CHECK(!dataset.test_split_by_program);

  const ImageSet images = load_images(dataset.directory, dataset.test, dataset.class_names, stored_as(4, 1));
  REQUIRE(images.count() == 2);
  CHECK(images.labels == std::vector<std::int64_t>{1, 0});
  CHECK(images.task() == Task::multi_class);
  CHECK(images.image(1).size() == 16);
  CHECK(images.fingerprints[0] != images.fingerprints[1]);
}

TEST_CASE("the pixels of an archive are those of its arrays, in any order and number of threads") {
  const TemporaryFolder folder;
  std::vector<ArchiveMember> members;
  add_split(members, "train", 5, std::string("\0\1\0\1\0", 5));
  add_split(members, "test", 2, std::string("\0\1", 2));
  write_text(folder / "a.npz", zip(members));
  const std::vector<Sample> samples = {
      {"test/000001", 1, ""}, {"train/000003", 0, ""}, {"train/000000", 0, ""}};
  for (const int workers : {1, 3}) {
    std::mutex mutex;
    std::size_t seen = 0;
    for_each_npz_image(folder / "a.npz", samples, workers, {}, [&](std::size_t i, Image&& image) {
      const std::lock_guard lock(mutex);
      ++seen;
      CHECK(image.width == 3);
      CHECK(image.height == 4);
      CHECK(image.channels == 1);
      const std::size_t first = i == 0 ? 12 : i == 1 ? 36 : 0;
      for (std::size_t p = 0; p < 12; ++p) CHECK(image.pixels[p] == (first + p) * 7 % 256);
    });
    CHECK(seen == 3);
  }
  const auto missing = [&](const std::string& path) {
    const std::vector<Sample> one = {{path, 0, ""}};
    return error_of([&] { for_each_npz_image(folder / "a.npz", one, 1, {}, [](std::size_t, Image&&) {}); });
  };
  CHECK_THAT(missing("train/000005"), contains("5 images"));
  CHECK_THAT(missing("val/000000"), contains("no val_images"));
  CHECK_THAT(missing("elsewhere"), contains("1 of 1 images"));
}

TEST_CASE("several columns are labels, and each image has targets") {
  const TemporaryFolder folder;
  std::vector<ArchiveMember> members;
  add_split(members, "train", 60, chest_labels(60), 14);
  add_split(members, "val", 20, chest_labels(20), 14);
  add_split(members, "test", 20, chest_labels(20), 14);
  write_text(folder / "chestmnist.npz", zip(members));
  const Dataset dataset = read_image_folder(folder / "chestmnist.npz");
  CHECK(dataset.task == Task::multi_label);
  REQUIRE(dataset.class_names.size() == 14);
  CHECK(dataset.class_names[0] == "atelectasis");
  CHECK(dataset.class_names[13] == "hernia");
  CHECK(dataset.validation.size() == 20);
  CHECK(!dataset.validation_split_by_program);
  // 13 bits are not reached by 37 * 59: those labels have no image and cannot be learned.
  REQUIRE(dataset.notices.size() == 2);
  CHECK(dataset.notices[0].id == notice_id::label_not_learnable);
  CHECK(dataset.notices[0].names == std::vector<std::string>{"pleural"});
  CHECK(dataset.notices[0].count == 0);
  REQUIRE(dataset.train[3].targets.size() == 14);
  for (int l = 0; l < 14; ++l) CHECK(dataset.train[3].targets[static_cast<std::size_t>(l)] == (111 >> l & 1));
  const ImageSet images = load_images(dataset.directory, dataset.train, dataset.class_names, stored_as(8, 3));
  CHECK(images.task() == Task::multi_label);
  REQUIRE(images.targets.size() == 60 * 14);
  CHECK(std::ranges::equal(images.targets_of(3), dataset.train[3].targets));
  CHECK(images.channels == 3);

  const Dataset evaluated =
      read_evaluation_folder(folder / "chestmnist.npz", dataset.class_names, Task::multi_label);
  CHECK(evaluated.test.size() == 20);
  CHECK(evaluated.train.empty());
  CHECK_THAT(error_of([&] {
               (void)read_evaluation_folder(folder / "chestmnist.npz", {"a", "b"});
             }),
             contains("14 labels, the model has 2 classes"));
}

TEST_CASE("what an archive does not split is split off, labels in proportion") {
  const TemporaryFolder folder;
  std::vector<ArchiveMember> members;
  // Label 1 is rare: 20 of 200 images have it; all others have label 0 or none.
  std::string labels;
  for (int i = 0; i < 200; ++i) labels += {static_cast<char>(i % 2), static_cast<char>(i % 10 == 0)};
  add_split(members, "train", 200, labels, 2);
  write_text(folder / "a.npz", zip(members));
  const Dataset dataset =
      read_image_folder(folder / "a.npz", {.validation_fraction = 0.25, .test_fraction = 0.2});
  CHECK(dataset.test_split_by_program);
  CHECK(dataset.validation_split_by_program);
  const auto rare = [](const std::vector<Sample>& samples) {
    return std::ranges::count_if(samples, [](const Sample& sample) { return sample.targets[1] == 1.0f; });
  };
  CHECK(dataset.test.size() == 40);
  CHECK(rare(dataset.test) == 4);
  CHECK(dataset.validation.size() == 40);
  CHECK(rare(dataset.validation) == 4);
  CHECK(rare(dataset.train) == 12);
  const Dataset fold = take_fold(dataset, {.fold = 2, .folds = 4, .with_test = true});
  CHECK(fold.test.size() == 50);
  CHECK(rare(fold.test) == 5);
}

TEST_CASE("the rarest label that an image has is its stratum") {
  const auto sample = [](std::vector<float> targets) {
    Sample result;
    result.targets = std::move(targets);
    return result;
  };
  const std::vector<Sample> samples = {sample({1, 0, unknown_target}), sample({1, 1, 0}), sample({1, 1, 1}),
                                       sample({0, unknown_target, 0})};
  const Strata strata = strata_of(samples, 3);
  CHECK(strata.of_sample == std::vector<std::size_t>{0, 1, 2, 3});
  CHECK(strata.counts == std::vector<std::size_t>{1, 1, 1, 1});
}

TEST_CASE("archives of another form are refused by what is wrong") {
  std::vector<ArchiveMember> members;
  CHECK_THAT(refused({{"readme.txt", "hello"}}), contains("'readme.txt'"));
  CHECK_THAT(refused({{"chest_xray/", ""}, {"chest_xray/train/covid/1.PNG", "x"}}),
             contains("archive of images") && contains("1.PNG") && contains("unpack it"));
  add_split(members, "train", 4, std::string("\0\1\0\1", 4));
  std::vector<ArchiveMember> bad = members;
  bad.pop_back();
  CHECK_THAT(refused(bad), contains("train_images without train_labels"));
  bad = members;
  bad[0].data = npy("<f4", "(4, 4, 3)", std::string(192, '\0'));
  CHECK_THAT(refused(bad), contains("float32 (4, 4, 3)"));
  bad[0].data = npy("|u1", "(4, 4, 3, 2)", std::string(96, '\0'));
  CHECK_THAT(refused(bad), contains("uint8 (4, 4, 3, 2)"));
  bad[0].data = npy("|u1", "(5, 4, 3)", std::string(60, '\0'));
  CHECK_THAT(refused(bad), contains("4 rows for 5 images"));
  bad = members;
  bad[1].data = npy("<f8", "(4, 1)", std::string(32, '\0'));
  CHECK_THAT(refused(bad), contains("float64 (4, 1)"));
  bad[1].data = npy("|i1", "(4, 1)", std::string("\0\1\xFF\1", 4));
  CHECK_THAT(refused(bad), contains("-1 in row 2"));
  bad[1].data = npy("|u1", "(4, 2)", std::string("\0\1\0\1\2\0\0\0", 8));
  CHECK_THAT(refused(bad), contains("labels must be 0 or 1"));
  bad = members;
  add_split(bad, "test", 2, std::string("\0\1\0\1", 4), 2);
  CHECK_THAT(refused(bad), contains("columns"));
  bad = members;
  bad[1].data = npy("|u1", "(4, 1)", std::string(4, '\0'));
  CHECK_THAT(refused(bad), contains("only one class"));
  bad[1].data =
      npy("<i8", "(4,)", std::string("\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32));
  CHECK_THAT(refused(bad), contains("class '1' has no training images"));
}
