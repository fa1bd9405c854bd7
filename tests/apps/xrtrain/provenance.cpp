// What a run says of its images and its machine.
#include "apps/xrtrain/run/provenance.h"

#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

/// One image for each patient; "" is one whose patient is not known.
data::ImageSet images_of(const std::vector<std::string>& patients, std::int64_t label) {
  data::ImageSet images;
  for (const std::string& patient : patients) {
    images.labels.push_back(label);
    images.samples.push_back({"image.png", static_cast<int>(label), patient});
  }
  return images;
}

data::Dataset dataset_of(const data::ImageSet& train, const data::ImageSet& validation,
                         const data::ImageSet& test) {
  data::Dataset dataset;
  dataset.class_names = {"covid", "normal"};
  dataset.train = train.samples;
  dataset.validation = validation.samples;
  dataset.test = test.samples;
  return dataset;
}

}  // namespace

TEST_CASE("the facts of a run count images and patients of each split") {
  data::ImageSet train = images_of({"p1", "p1", "p2"}, 0), validation = images_of({"p3"}, 1),
                 test = images_of({"p2", ""}, 1);
  train.skipped = {{"a.png", "no image"}};
  data::Dataset dataset = dataset_of(train, validation, test);
  dataset.group_origin = "sources.csv";
  dataset.validation_split_by_program = true;
  TrainOptions options;
  options.seed = 7;
  const DataFacts facts = data_facts(options, dataset, train, validation, test);
  REQUIRE(facts.splits.size() == 3);
  CHECK(facts.splits[0].images == std::vector<std::int64_t>{3, 0});
  CHECK(facts.splits[2].images == std::vector<std::int64_t>{0, 2});
  CHECK(facts.splits[0].unreadable == 1);
  CHECK(facts.splits[0].patients == 2);
  CHECK(facts.splits[2].patients == 1);
  CHECK(facts.with_patient == 5);
  CHECK(facts.shared_patients == 1);
  CHECK(facts.kept_together);
  CHECK(facts.splits[1].rule == "15% of each class's other images, split off with seed 7");
  CHECK(facts.splits[2].rule == "the folder test/");
}

TEST_CASE("the facts of a run name the rule of each way of splitting") {
  const data::ImageSet train = images_of({""}, 0), validation = images_of({""}, 1), test = images_of({""}, 1);
  data::Dataset dataset = dataset_of(train, validation, test);
  TrainOptions options;
  const auto rules = [&] {
    const DataFacts facts = data_facts(options, dataset, train, validation, test);
    return facts.splits[1].rule + " | " + facts.splits[2].rule;
  };
  CHECK(rules() == "the folder val/ | the folder test/");
  dataset.test_split_by_program = true;
  CHECK(rules() == "the folder val/ | 20% of each class's images, split off with seed 0");
  options.split_by_group = true;
  CHECK_THAT(rules(), contains("split again by patient with seed 0"));
  options.fold = "2/5";
  options.fold_seed = 3;
  CHECK(rules() ==
        "15% of each class's other images, split off with seed 0 | fold 2 of 5 of the images outside "
        "test/, cut with seed 3");
  dataset.validation.clear();
  CHECK_THAT(rules(), Catch::Matchers::StartsWith("none | "));
}

TEST_CASE("the facts of a run are read back as they were written") {
  TemporaryFolder folder;
  const data::ImageSet images = images_of({"p1"}, 0);
  const data::Dataset dataset = dataset_of(images, images, images);
  Provenance provenance{machine_facts({}, 3), data_facts({}, dataset, images, images, images)};
  write_text(folder / "provenance.json", provenance_json(provenance));
  const auto again = read_provenance(folder / "provenance.json");
  REQUIRE(again.has_value());
  CHECK(provenance_json(*again) == provenance_json(provenance));
  CHECK(again->machine.threads == 3);
  CHECK_THAT(again->machine.device_description, contains("oneDNN"));
  provenance.data.splits[1].images.pop_back();
  write_text(folder / "provenance.json", provenance_json(provenance));
  CHECK_FALSE(read_provenance(folder / "provenance.json").has_value());
  CHECK_FALSE(read_provenance(folder / "absent.json").has_value());
}

}  // namespace xr::apps::test
