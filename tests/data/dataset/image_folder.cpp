#include "data/dataset/image_folder.h"

#include "tests/data/support.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

namespace {

/// Files that look like images to the scan; nothing is decoded in these tests.
void touch(const fs::path& path) {
  write_bytes(path, bytes_of("x"));
}

void touch_class(const fs::path& folder, int count) {
  for (int i = 0; i < count; ++i) touch(folder / fmt::format("{:02}.png", i));
}

void make_given_splits(const TemporaryFolder& folder, int train = 10, int test = 3) {
  for (const char* name : {"covid", "normal"}) {
    touch_class(folder / "train" / name, train);
    touch_class(folder / "test" / name, test);
  }
}

}  // namespace

TEST_CASE("train and test folders are read in sorted order with sorted classes") {
  const TemporaryFolder folder;
  make_given_splits(folder, 3, 1);
  const Dataset dataset = read_image_folder(folder.path(), {.validation_fraction = 0});
  CHECK(dataset.class_names == std::vector<std::string>{"covid", "normal"});
  CHECK(paths_of(dataset.train) == std::vector<std::string>{"train/covid/00.png", "train/covid/01.png",
                                                            "train/covid/02.png", "train/normal/00.png",
                                                            "train/normal/01.png", "train/normal/02.png"});
  CHECK(paths_of(dataset.test) == std::vector<std::string>{"test/covid/00.png", "test/normal/00.png"});
  CHECK(dataset.test[1].class_index == 1);
  CHECK(dataset.validation.empty());
  CHECK_FALSE(dataset.test_split_by_program);
}

TEST_CASE("a validation split comes from train unless there is a val folder") {
  const TemporaryFolder folder;
  make_given_splits(folder, 20, 3);
  const Dataset split = read_image_folder(folder.path());
  CHECK(split.validation.size() == 6);
  CHECK(split.train.size() == 34);
  CHECK(split.validation_split_by_program);
  touch_class(folder / "val" / "covid", 2);
  CHECK_THAT(error_of([&] { read_image_folder(folder.path()); }),
             contains("class 'normal' has no validation images"));
  touch_class(folder / "val" / "normal", 2);
  const Dataset given = read_image_folder(folder.path());
  CHECK(given.validation.size() == 4);
  CHECK(given.train.size() == 40);
  CHECK_FALSE(given.validation_split_by_program);
}

TEST_CASE("one folder of classes is split by patient") {
  const TemporaryFolder folder;
  std::string table = "file,patient\n";
  for (const char* name : {"a", "b"}) {
    touch_class(folder / name, 20);
    for (int i = 0; i < 20; ++i) table += fmt::format("{}/{:02}.png,{}{}\n", name, i, name, i / 3);
  }
  write_bytes(folder / "sources.csv", bytes_of(table));
  const Dataset dataset = read_image_folder(folder.path(), {.seed = 3});
  CHECK(dataset.test_split_by_program);
  CHECK(dataset.train.size() + dataset.validation.size() + dataset.test.size() == 40);
  CHECK(dataset.test.size() >= 4);
  CHECK(dataset.validation.size() >= 2);
  const auto has_group = [](const std::vector<Sample>& samples, const std::string& group) {
    return std::any_of(samples.begin(), samples.end(), [&](const Sample& s) { return s.group == group; });
  };
  for (const Sample& sample : dataset.train) {
    CHECK_FALSE(sample.group.empty());
    CHECK_FALSE(has_group(dataset.test, sample.group));
    CHECK_FALSE(has_group(dataset.validation, sample.group));
  }
  for (const Sample& sample : dataset.test) CHECK_FALSE(has_group(dataset.validation, sample.group));
}

TEST_CASE("patients in both train and test are told") {
  const TemporaryFolder folder;
  make_given_splits(folder);
  write_bytes(folder / "sources.csv", bytes_of("file,patient\ntrain/covid/00.png,p\ntest/covid/01.png,p\n"));
  const Dataset dataset = read_image_folder(folder.path());
  REQUIRE(dataset.notices.size() == 2);
  CHECK(dataset.notices[0].id == notice_id::patients_shared);
  CHECK(dataset.notices[0].count == 1);
  CHECK_THAT(dataset.notices[0].text, contains("1 patient(s) with 1 image(s) in test/"));
  CHECK(dataset.notices[1].id == notice_id::patients_partly_matched);
}

TEST_CASE("given splits are split anew by patient on request") {
  const TemporaryFolder folder;
  make_given_splits(folder, 20, 5);
  SplitSettings settings;
  settings.split_by_group = true;
  CHECK_THAT(error_of([&] { read_image_folder(folder.path(), settings); }), contains("no patient is known"));
  settings.groups.pattern = "([a-z]+/0?[0-9])[0-9]*\\.png";  // train/covid/03 and test/covid/03 are one's
  CHECK_FALSE(read_image_folder(folder.path(), {.groups = settings.groups}).notices.empty());
  const Dataset dataset = read_image_folder(folder.path(), settings);
  CHECK(dataset.test_split_by_program);
  CHECK(dataset.train.size() + dataset.validation.size() + dataset.test.size() == 50);
  CHECK(dataset.test.size() >= 2);
  REQUIRE(dataset.notices.size() == 1);
  CHECK(dataset.notices[0].id == notice_id::split_by_group);
  for (const Sample& held : dataset.test)
    for (const std::vector<Sample>* part : {&dataset.train, &dataset.validation})
      for (const Sample& sample : *part) CHECK(sample.group != held.group);
}

TEST_CASE("folders that cannot be trained on are told in one clear line") {
  const TemporaryFolder folder;
  const auto message = [](const fs::path& path) { return error_of([&] { read_image_folder(path); }); };
  CHECK_THAT(message(folder / "absent"), contains("no such file or folder") && contains("absent'"));
  CHECK_THAT(message(folder.path()), contains("no class folders"));
  touch(folder / "file");
  CHECK_THAT(message(folder / "file"), contains("is a file"));
  touch_class(folder / "one" / "covid", 3);
  CHECK_THAT(message(folder / "one"), contains("only one class ('covid')"));
  fs::create_directories(folder / "one" / "normal");
  CHECK_THAT(message(folder / "one"), contains("class 'normal' has no training images; put some"));
  touch(folder / "one/normal/volume.npy");
  CHECK_THAT(message(folder / "one"), contains("1 file(s) are not images, the first is 'normal/volume.npy'"));

  touch_class(folder / "two/train/covid", 3);
  CHECK_THAT(message(folder / "two"), contains("no test/"));
  touch_class(folder / "two/test/covid", 3);
  CHECK_THAT(message(folder / "two"), contains("only one class"));
  touch_class(folder / "two/train/normal", 3);
  CHECK_THAT(message(folder / "two"), contains("class 'normal' has no test images"));
  touch_class(folder / "two/test/normal", 3);
  touch_class(folder / "two/test/other", 3);
  CHECK_THAT(message(folder / "two"), contains("'other' is a class in") && contains("not in train/"));
  touch_class(folder / "three/test/covid", 3);
  CHECK_THAT(message(folder / "three"), contains("no train/"));
  CHECK_THROWS_AS(read_image_folder(folder.path(), {.validation_fraction = 1}), Error);
}

TEST_CASE("subfolders are read and hidden files passed over and other files told") {
  const TemporaryFolder folder;
  make_given_splits(folder, 1, 1);
  touch(folder / "train/covid/deep/er/X.JPEG");
  touch(folder / "train/covid/.hidden.png");
  touch(folder / "train/covid/.folder/a.png");
  touch(folder / "train/covid/notes.txt");
  touch(folder / "train/covid/it's a \"scan\" ü.Pgm");
  fs::create_symlink("nowhere", folder / "train/covid/broken.png");
  REQUIRE(::mkfifo((folder / "train/covid/pipe.png").c_str(), 0600) == 0);
  const Dataset dataset = read_image_folder(folder.path(), {.validation_fraction = 0});
  CHECK(paths_of(dataset.train) ==
        std::vector<std::string>{"train/covid/00.png", "train/covid/deep/er/X.JPEG",
                                 "train/covid/it's a \"scan\" ü.Pgm", "train/normal/00.png"});
  REQUIRE(dataset.skipped.size() == 3);
  CHECK(dataset.skipped[0].path == "train/covid/broken.png");
  CHECK(dataset.skipped[1].path == "train/covid/notes.txt");
  CHECK(dataset.skipped[0].kind == SkipKind::unreachable);
  CHECK(dataset.skipped[1].kind == SkipKind::not_an_image);
  CHECK(dataset.skipped[2].path == "train/covid/pipe.png");
}

TEST_CASE("tables that are read are not among the skipped files") {
  const TemporaryFolder folder;
  make_given_splits(folder, 2, 1);
  for (const char* name : {"notes.txt", "lists.csv", "labels.csv", "groups.csv"}) touch(folder / name);
  std::ofstream(folder / "labels.csv")
      << "file,label\ntrain/covid/00.png,a\ntrain/covid/01.png,b\ntest/covid/00.png,a\n"
         "test/normal/00.png,b\n";
  std::ofstream(folder / "groups.csv") << "file,patient\ntrain/covid/00.png,p\n";
  std::ofstream(folder / "lists.csv") << "file,split\ntrain/covid/00.png,train\ntrain/covid/01.png,train\n"
                                         "test/covid/00.png,test\ntest/normal/00.png,test\n";
  SplitSettings settings{.validation_fraction = 0};
  settings.groups.table = folder / "groups.csv";
  settings.labels.table = folder / "labels.csv";
  settings.labels.split_lists = {folder / "lists.csv"};
  const Dataset dataset = read_image_folder(folder.path(), settings);
  for (const SkippedFile& file : dataset.skipped)
    CHECK((file.path == "notes.txt" || file.kind == SkipKind::unlabelled));
  CHECK(std::ranges::count(dataset.skipped, "notes.txt", &SkippedFile::path) == 1);
}

TEST_CASE("the table of sources is not among the files that are passed over") {
  const TemporaryFolder folder;
  make_given_splits(folder, 1, 1);
  touch(folder / "notes.txt");
  std::ofstream(folder / "sources.csv") << "file,source\ntrain/covid/00.png,here\n";
  const Dataset dataset = read_image_folder(folder.path(), {.validation_fraction = 0});
  CHECK(dataset.sources == folder / "sources.csv");
  REQUIRE(dataset.skipped.size() == 1);
  CHECK(dataset.skipped[0].path == "notes.txt");
}

TEST_CASE("links are followed and link loops end") {
  const TemporaryFolder folder;
  make_given_splits(folder, 1, 1);
  touch(folder / "elsewhere/linked.png");
  fs::create_directory_symlink("../../elsewhere", folder / "train/covid/link");
  fs::create_directory_symlink("..", folder / "train/covid/up");
  fs::create_symlink("self", folder / "train/covid/self");
  fs::create_symlink("self.png", folder / "train/covid/self.png");
  const Dataset dataset = read_image_folder(folder.path(), {.validation_fraction = 0});
  const auto found = paths_of(dataset.train);
  CHECK(std::count(found.begin(), found.end(), "train/covid/link/linked.png") == 1);
  CHECK(std::any_of(dataset.skipped.begin(), dataset.skipped.end(), [](const SkippedFile& file) {
    return file.path == "train/covid/up" && file.reason.find("leads back") != std::string::npos;
  }));
}

TEST_CASE("links that double the ways with each folder end") {
  const TemporaryFolder folder;
  make_given_splits(folder, 1, 1);
  // 2^40 ways to the last image.
  for (int i = 0; i < 40; ++i) {
    const fs::path place = folder / fmt::format("links/{}", i);
    fs::create_directories(place);
    for (const char* name : {"left", "right"})
      fs::create_directory_symlink(fmt::format("../{}", i + 1), place / name);
  }
  touch(folder / "links/40/last.png");
  fs::create_directory_symlink("../../links/0", folder / "train/covid/ways");
  const Dataset dataset = read_image_folder(folder.path(), {.validation_fraction = 0});
  CHECK(dataset.train.size() < 200);
  CHECK(std::ranges::any_of(dataset.skipped, [](const SkippedFile& file) {
    return file.kind == SkipKind::unreachable && file.reason.find("more than 100 times") != std::string::npos;
  }));
}

TEST_CASE("class folders that differ by capital letters alone are told") {
  const TemporaryFolder folder;
  for (const char* name : {"COVID", "covid", "normal"}) touch_class(folder / name, 8);
  const Dataset dataset = read_image_folder(folder.path());
  CHECK(dataset.class_names.size() == 3);
  const auto found = std::ranges::find(dataset.notices, notice_id::classes_differ_by_case, &Notice::id);
  REQUIRE(found != dataset.notices.end());
  CHECK(found->names == std::vector<std::string>{"COVID", "covid"});
  fs::rename(folder / "covid", folder / "flu");
  CHECK(std::ranges::count(read_image_folder(folder.path()).notices, notice_id::classes_differ_by_case,
                           &Notice::id) == 0);
}

TEST_CASE("an evaluation folder may lack classes but not hold others") {
  const TemporaryFolder folder;
  touch_class(folder / "plain/covid", 2);
  const Dataset plain = read_evaluation_folder(folder / "plain", {"normal", "covid"});
  CHECK(plain.test.size() == 2);
  CHECK(plain.test[0].class_index == 1);
  CHECK_THAT(error_of([&] {
               read_evaluation_folder(folder / "plain", {"normal", "flu"});
             }),
             contains("is not a class of the model ('normal', 'flu')"));
  make_given_splits(folder, 1, 4);
  CHECK(read_evaluation_folder(folder.path(), {"covid", "normal"}).test.size() == 8);
  fs::create_directories(folder / "empty/covid");
  CHECK_THAT(error_of([&] { read_evaluation_folder(folder / "empty", {"covid"}); }), contains("no images"));
}

TEST_CASE("images to predict are found in files and folders") {
  const TemporaryFolder folder;
  touch(folder / "b.png");
  touch(folder / "a/c.jpg");
  touch(folder / "notes.txt");
  CHECK(find_images(folder.path()).images == std::vector<fs::path>{folder / "a/c.jpg", folder / "b.png"});
  CHECK(find_images(folder / "notes.txt").images == std::vector<fs::path>{folder / "notes.txt"});
  CHECK_THAT(error_of([&] { find_images(folder / "absent"); }), contains("no such file"));
  fs::create_directory(folder / "empty");
  CHECK_THAT(error_of([&] { find_images(folder / "empty"); }), contains("no images"));
}
