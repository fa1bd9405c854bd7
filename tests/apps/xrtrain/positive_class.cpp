#include "apps/xrtrain/evaluation/positive_class.h"

#include "apps/xrtrain/evaluation/small_validation.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

struct TwoClasses {
  const char *negative, *positive;
};

constexpr TwoClasses known_pairs[] = {
    {"normal", "covid"},
    {"Normal", "pneumonia"},
    {"HEALTHY", "sick"},
    {"negative", "positive"},
    {"No Finding", "nodule"},
    {"no", "yes"},
    {"0", "1"},
    {"0_NORMAL", "1_COVID"},
    {"1_normal", "0_covid"},
    {"NonCOVID", "COVID"},
    {"Non-COVID", "COVID-19"},
    {"No_Covid", "Covid"},
    {"neg", "pos"},
    {"control", "case"},
    {"controls", "tb"},
    {"noncovid", "covid"},
    {"nocovid19", "covid19"},
    {"uninfected", "infected"},
    {"without pneumonia", "pneumonia"},
    {"False", "True"},
    {"benign", "malignant"},
    {"COVID negative", "COVID positive"},
    {"normal", "abnormal"},
    {"Normal", "not normal"},
    {"NoFinding", "Finding"},
    {"class_0", "class_1"},
    {"00 Healthy lungs", "01 TB"},
};

}  // namespace

TEST_CASE("The class that is not called negative is positive") {
  for (const TwoClasses& pair : known_pairs) {
    INFO(pair.negative << " and " << pair.positive);
    const PositiveClass first = find_positive_class({pair.positive, pair.negative}, ""),
                        second = find_positive_class({pair.negative, pair.positive}, "");
    CHECK(first.index == 0);
    CHECK(second.index == 1);
    CHECK_FALSE(first.guessed);
    CHECK_FALSE(second.guessed);
  }
}

TEST_CASE("Without one negative name the positive class is a guess that --positive settles") {
  CHECK(find_positive_class({"HEALTHY", "negative"}, "").guessed);
  CHECK(find_positive_class({"HEALTHY", "negative"}, "").index == 0);
  CHECK(find_positive_class({"covid", "viral"}, "").guessed);
  CHECK(find_positive_class({"nodule", "mass"}, "").guessed);
  CHECK_FALSE(find_positive_class({"covid", "viral"}, "viral").guessed);
  CHECK(find_positive_class({"covid", "viral"}, "viral").index == 1);
  CHECK_FALSE(find_positive_class({"covid", "viral", "bacterial"}, "").guessed);
  CHECK(find_positive_class({"normal", "viral", "bacterial"}, "").index == 1);
}

TEST_CASE("A guessed positive class and a small validation split are told once") {
  TemporaryFolder folder;
  for (const char* split : {"train", "test"})
    for (const char* name : {"left", "right"})
      for (int i = 0; i < (split == std::string("train") ? 12 : 2); ++i)
        make_png(folder / "data" / split / name / (std::to_string(i) + ".png"),
                 static_cast<std::uint64_t>(i) + 100 * static_cast<std::uint64_t>(name[0] + split[1]), 32);
  const Result guess = run(folder, tiny(folder, "guess", {"--epochs", "1", "--json"}));
  CHECK(guess.status == 0);
  CHECK_THAT(guess.output,
             contains(R"("id":"positive-class-guessed")") && contains(R"("id":"small-validation")"));
  CHECK(guess.output.find("positive-class-guessed") == guess.output.rfind("positive-class-guessed"));
  const Result given = run(folder, tiny(folder, "given", {"--epochs", "1", "--json", "--positive", "right"}));
  CHECK_THAT(given.output, !contains("positive-class-guessed"));
}

TEST_CASE("The interval of a small validation split") {
  const std::vector<std::int64_t> eight = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1};
  const ValidationSize size = validation_size(eight, 2);
  CHECK(size.is_small());
  CHECK(size.right == 14);
  CHECK(size.interval.low == Approx(0.640).margin(0.001));
  CHECK(size.interval.high == Approx(0.965).margin(0.001));
  std::vector<std::int64_t> labels(39, 0);
  std::fill(labels.begin(), labels.begin() + 16, 1);
  CHECK_FALSE(validation_size(labels, 2).is_small());
  CHECK(validation_size(labels, 3).is_small());
  CHECK_FALSE(validation_size({}, 2).is_small());
}

}  // namespace xr::apps::test
