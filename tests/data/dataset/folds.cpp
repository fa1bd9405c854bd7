#include "data/dataset/folds.h"

#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "kernels/common/error.h"

using namespace xr;
using namespace xr::data;
using Catch::Matchers::Contains;

namespace {

/// `covid` and `normal` images; patients of two images each where `paired`.
Dataset make_dataset(int covid, int normal, bool paired) {
  Dataset dataset;
  dataset.class_names = {"covid", "normal"};
  for (int c = 0; c < 2; ++c)
    for (int i = 0; i < (c == 0 ? covid : normal); ++i) {
      Sample sample{
          fmt::format("train/{}/{:03}.png", dataset.class_names[static_cast<std::size_t>(c)], i), c, {}};
      if (paired) sample.group = fmt::format("{}-{}", c, i / 2);
      dataset.train.push_back(sample);
    }
  dataset.test = {{"test/covid/0.png", 0, {}}, {"test/normal/0.png", 1, {}}};
  return dataset;
}

std::set<std::string> set_of_paths(const std::vector<Sample>& samples) {
  std::set<std::string> result;
  for (const Sample& sample : samples) result.insert(sample.path);
  return result;
}

std::map<int, int> count(const std::vector<Sample>& samples) {
  std::map<int, int> result;
  for (const Sample& sample : samples) ++result[sample.class_index];
  return result;
}

}  // namespace

TEST_CASE("folds test each image once and have equal shares of the classes") {
  for (const bool paired : {false, true}) {
    const Dataset dataset = make_dataset(50, 30, paired);
    std::set<std::string> tested;
    for (int fold = 1; fold <= 5; ++fold) {
      const Dataset part = take_fold(dataset, {.fold = fold, .folds = 5, .seed = 3});
      CHECK(count(part.test) == std::map<int, int>{{0, 10}, {1, 6}});
      CHECK(part.train.size() == 64);
      CHECK(part.validation.empty());
      std::set<std::string> patients;
      for (const Sample& sample : part.test) {
        CHECK(tested.insert(sample.path).second);
        patients.insert(sample.group);
      }
      for (const Sample& sample : part.train) {
        CHECK_FALSE(set_of_paths(part.test).contains(sample.path));
        if (paired) CHECK_FALSE(patients.contains(sample.group));
      }
    }
    CHECK(tested == set_of_paths(dataset.train));  // the images of test/ take no part
  }
}

TEST_CASE("folds depend on the seed alone and leave test images out unless asked") {
  const Dataset dataset = make_dataset(20, 20, false);
  const auto test = [&](std::uint64_t seed, bool with_test) {
    std::vector<std::set<std::string>> folds;
    for (int fold = 1; fold <= 4; ++fold)
      folds.push_back(set_of_paths(
          take_fold(dataset, {.fold = fold, .folds = 4, .seed = seed, .with_test = with_test}).test));
    return folds;
  };
  CHECK(test(1, false) == test(1, false));
  CHECK(test(1, false) != test(2, false));
  std::size_t images = 0;
  for (const auto& fold : test(1, true)) images += fold.size();
  CHECK(images == 42);
}

TEST_CASE("folds split validation images off the other folds") {
  const Dataset dataset = make_dataset(40, 40, true);
  const Dataset part = take_fold(dataset, {.fold = 2, .folds = 4, .validation_fraction = 0.2});
  CHECK(part.test.size() == 20);
  CHECK(count(part.validation) == std::map<int, int>{{0, 6}, {1, 6}});
  CHECK(part.train.size() == 48);
  CHECK(part.validation_split_by_program);
}

TEST_CASE("folds that cannot be made are refused") {
  const Dataset dataset = make_dataset(10, 3, false);
  const auto message = [&](int fold, int folds) {
    try {
      (void)take_fold(dataset, {.fold = fold, .folds = folds});
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  CHECK(message(1, 3) == "no error");
  CHECK_THAT(message(5, 5), Contains("class 'normal' has too few patients for 5 folds"));
  CHECK_THAT(message(0, 3), Contains("fold 0 of 3 does not exist"));
  CHECK_THAT(message(1, 1), Contains("at least 2 folds"));
}
