// Labels from tables, in small replicas of public sets.
#include "data/dataset/labelled_folder.h"

#include "kernels/common/error_codes.h"
#include "tests/data/cases.h"
#include "tests/data/support.h"

#include <functional>
#include <map>

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

namespace {

void touch_image(const fs::path& path) {
  write_bytes(path, bytes_of("x"));
}

const Notice* notice_in(const Dataset& dataset, NoticeId id) {
  const auto found = std::ranges::find(dataset.notices, id, &Notice::id);
  return found == dataset.notices.end() ? nullptr : &*found;
}

/// Fails the test if there is none.
const Notice& given_notice(const Dataset& dataset, NoticeId id) {
  REQUIRE(notice_in(dataset, id) != nullptr);
  return *notice_in(dataset, id);
}

Dataset read_labelled_set(const fs::path& folder, LabelSettings labels, double validation = 0) {
  SplitSettings settings;
  settings.validation_fraction = validation;
  settings.labels = std::move(labels);
  return read_image_folder(folder, settings);
}

ErrorCode code_of_labels(const fs::path& folder, const LabelSettings& labels) {
  try {
    (void)read_labelled_set(folder, labels);
  } catch (const Error& error) {
    return error.code();
  }
  return {};
}

/// Of all samples, by path.
std::map<std::string, Sample> samples_by_path(const Dataset& dataset) {
  std::map<std::string, Sample> samples;
  for (const std::vector<Sample>* part : {&dataset.train, &dataset.validation, &dataset.test})
    for (const Sample& sample : *part) samples[sample.path] = sample;
  return samples;
}

/// The images of NIH ChestX-ray14, two for each of 20 patients, and its table.
void make_nih(const fs::path& folder) {
  std::string table =
      "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View "
      "Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],\n";
  for (int patient = 1; patient <= 20; ++patient)
    for (int i = 0; i < 2; ++i) {
      const std::string name = fmt::format("{:08}_{:03}.png", patient, i);
      touch_image(folder / fmt::format("images_{:03}/images", patient % 2 + 1) / name);
      const char* labels = patient % 4 == 0   ? "No Finding"
                           : patient % 4 == 1 ? "Cardiomegaly|Emphysema"
                                              : "Mass";
      table += fmt::format("{},{},{},{},058Y,M,PA,2682,2749,0.143,0.143,\n", name, labels, i, patient);
    }
  write_bytes(folder / "Data_Entry_2017.csv", bytes_of(table));
}

}  // namespace

TEST_CASE("labels: NIH ChestX-ray14 as it is downloaded") {
  const TemporaryFolder folder;
  make_nih(folder.path());
  CHECK_THAT(error_of([&] { (void)read_image_folder(folder.path()); }), contains("Data_Entry_2017.csv"));
  const Dataset dataset = read_labelled_set(folder.path(), {folder / "Data_Entry_2017.csv"});
  CHECK(dataset.task == Task::multi_label);
  CHECK(dataset.class_names == std::vector<std::string>{"Cardiomegaly", "Emphysema", "Mass"});
  CHECK(dataset.train.size() + dataset.test.size() == 40);
  CHECK(dataset.test_split_by_program);
  const auto samples = samples_by_path(dataset);
  CHECK(samples.at("images_001/images/00000004_000.png").targets == std::vector<float>{0, 0, 0});
  CHECK(samples.at("images_002/images/00000001_001.png").targets == std::vector<float>{1, 1, 0});
  CHECK(samples.at("images_002/images/00000001_001.png").group == "1");
  for (const Sample& sample : dataset.test)
    for (const Sample& other : dataset.train) CHECK(sample.group != other.group);
}

TEST_CASE("labels: official lists of splits") {
  const TemporaryFolder folder;
  make_nih(folder.path());
  std::string train, test;
  for (int patient = 1; patient <= 18; ++patient)
    for (int i = 0; i < 2; ++i)
      (patient <= 14 ? train : test) += fmt::format("{:08}_{:03}.png\n", patient, i);
  write_bytes(folder / "train_val_list.txt", bytes_of(train));
  write_bytes(folder / "test_list.txt", bytes_of(test));
  LabelSettings labels{folder / "Data_Entry_2017.csv"};
  labels.split_lists = {folder / "train_val_list.txt", folder / "test_list.txt"};
  const Dataset dataset = read_labelled_set(folder.path(), labels, 0.2);
  CHECK(dataset.test.size() == 8);
  CHECK(dataset.train.size() + dataset.validation.size() == 28);
  CHECK_FALSE(dataset.test_split_by_program);
  CHECK(dataset.validation_split_by_program);
  REQUIRE(notice_in(dataset, notice_id::split_list_partly_matched) != nullptr);
  CHECK(given_notice(dataset, notice_id::split_list_partly_matched).count == 4);
  write_bytes(folder / "list.txt", bytes_of(train));
  labels.split_lists = {folder / "list.txt"};
  CHECK(code_of_labels(folder.path(), labels) == error_code::table_unusable);
  write_bytes(folder / "split.csv",
              bytes_of("dicom_id,split\n00000001_000,train\n00000002_000,validate\n00000003_000,test\n"));
  labels.split_lists = {folder / "split.csv"};
  const Dataset listed = read_labelled_set(folder.path(), labels);
  CHECK(listed.train.size() == 1);
  CHECK(listed.validation.size() == 1);
  CHECK(listed.test.size() == 1);
}

TEST_CASE("labels: CheXpert's columns and what -1 means") {
  const TemporaryFolder folder;
  std::string table =
      "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Cardiomegaly,Edema,Consolidation,Pneumonia,Fracture\n";
  const char* marks[] = {"1.0,,,,,", ",1.0,-1.0,0.0,,", ",,1.0,,-1.0,1.0"};
  for (int i = 0; i < 12; ++i) {
    const std::string path =
        fmt::format("{}/patient{:05}/study1/view1_frontal.jpg", i < 9 ? "train" : "valid", i + 1);
    touch_image(folder / "CheXpert-v1.0-small" / path);
    table += fmt::format("CheXpert-v1.0-small/{},Male,60,Frontal,AP,{}\n", path, marks[i % 3]);
  }
  write_bytes(folder / "train.csv", bytes_of(table));
  for (const fs::path& data : {folder.path(), folder / "CheXpert-v1.0-small"}) {
    const Dataset dataset = read_labelled_set(data, {folder / "train.csv"});
    CHECK(dataset.task == Task::multi_label);
    REQUIRE(dataset.class_names.size() == 6);
    CHECK(dataset.class_names[1] == "Cardiomegaly");
    CHECK(dataset.validation.size() == 3);
    CHECK(dataset.train.size() + dataset.test.size() == 9);
    CHECK(given_notice(dataset, notice_id::labels_uncertain).count == 8);
    CHECK(dataset.validation[0].group == "patient00010");
    CHECK(dataset.validation[1].targets[1] == 1);
    CHECK_FALSE(is_known(dataset.validation[1].targets[2]));
    CHECK(dataset.validation[1].targets[3] == 0);
    CHECK(dataset.validation[1].targets[4] == 0);
  }
  for (const Uncertain uncertain : {Uncertain::zero, Uncertain::one}) {
    const Dataset dataset = read_labelled_set(folder.path(), {folder / "train.csv", {}, {}, uncertain});
    CHECK(dataset.validation[1].targets[2] == (uncertain == Uncertain::one ? 1 : 0));
  }
  // One of its columns: two classes, and images of which it is not known are skipped.
  const Dataset edema = read_labelled_set(folder.path(), {folder / "train.csv", {}, "Edema"});
  CHECK(edema.task == Task::multi_class);
  CHECK(edema.class_names == std::vector<std::string>{"0", "1"});
  CHECK(edema.validation.size() == 2);
  CHECK(given_notice(edema, notice_id::labels_partly_matched).count == 4);
  const Dataset two = read_labelled_set(folder.path(), {folder / "train.csv", "path", "Edema, Fracture"});
  CHECK(two.class_names == std::vector<std::string>{"Edema", "Fracture"});
}

TEST_CASE("labels: MIMIC-CXR's tables name studies") {
  const TemporaryFolder folder;
  std::string table = "subject_id,study_id,Atelectasis,Cardiomegaly,Edema,No Finding,Pneumonia\n";
  for (int i = 0; i < 12; ++i) {
    const int subject = 10000032 + i / 2, study = 50414267 + i;
    touch_image(folder / fmt::format("files/p10/p{}/s{}/02aa804e-{:08}.jpg", subject, study, i));
    table += fmt::format("{},{},{},,,{},\n", subject, study, i % 2 ? "1.0" : "", i % 2 ? "" : "1.0");
  }
  write_bytes(folder / "mimic.csv", bytes_of(table));
  const Dataset dataset = read_labelled_set(folder.path(), {folder / "mimic.csv"});
  CHECK(dataset.class_names.size() == 5);
  CHECK(dataset.train.size() + dataset.test.size() == 12);
  CHECK(samples_by_path(dataset).at("files/p10/p10000032/s50414268/02aa804e-00000001.jpg").targets[0] == 1);
  CHECK(dataset.train[0].group.starts_with("100000"));
}

TEST_CASE("labels: a class in a column, and what does not fit is told") {
  const TemporaryFolder folder;
  std::string table = "file,label\n";
  for (int i = 0; i < 30; ++i) {
    touch_image(folder / "scans" / fmt::format("{}.png", i));
    if (i < 24) table += fmt::format("{},{}\n", i, i % 2 ? "covid" : "normal");
  }
  table += "24,\n25,covid\n25,normal\nnope.png,covid\n";
  write_bytes(folder / "labels.csv", bytes_of(table));
  const Dataset dataset = read_labelled_set(folder.path(), {folder / "labels.csv"});
  CHECK(dataset.task == Task::multi_class);
  CHECK(dataset.class_names == std::vector<std::string>{"covid", "normal"});
  CHECK(dataset.train.size() + dataset.test.size() == 24);
  CHECK(samples_by_path(dataset).at("scans/3.png").class_index == 0);
  CHECK(given_notice(dataset, notice_id::labels_contradict).count == 1);
  CHECK(given_notice(dataset, notice_id::label_lines_unmatched).count == 1);
  CHECK(std::ranges::count(dataset.notices, notice_id::labels_partly_matched, &Notice::id) == 2);
  CHECK(std::ranges::count(dataset.skipped, SkipKind::unlabelled, &SkippedFile::kind) == 6);

  CHECK(code_of_labels(folder.path(), {folder / "labels.csv", "name"}) == label_columns_missing);
  CHECK(code_of_labels(folder.path(), {folder / "labels.csv", {}, "finding"}) == label_columns_missing);
  write_bytes(folder / "other.csv", bytes_of("file,label\nx.png,a\ny.png,b\n"));
  CHECK(code_of_labels(folder.path(), {folder / "other.csv"}) == error_code::table_unmatched);
  write_bytes(folder / "other.csv", bytes_of("file,label\n"));
  CHECK(code_of_labels(folder.path(), {folder / "other.csv"}) == error_code::table_unusable);
  write_bytes(folder / "other.csv", bytes_of("file,a,b\n1,1,0\n2,2,1\n"));
  CHECK(code_of_labels(folder.path(), {folder / "other.csv", {}, "a,b"}) == error_code::table_unusable);
}

TEST_CASE("labels: which column holds them, and what counts as a mark") {
  const TemporaryFolder folder;
  for (int i = 0; i < 12; ++i) touch_image(folder / fmt::format("{}.png", i));
  const auto read = [&](const std::string& header, const std::function<std::string(int)>& row,
                        const LabelSettings& others = {}) {
    std::string table = header + '\n';
    for (int i = 0; i < 12; ++i) table += row(i) + '\n';
    write_bytes(folder / "l.csv", bytes_of(table));
    LabelSettings settings = others;
    settings.table = folder / "l.csv";
    return read_labelled_set(folder.path(), settings);
  };
  // One column of CheXpert's names does not make it CheXpert's table.
  const Dataset one =
      read("file,label,Pneumonia", [](int i) { return fmt::format("{},{},1", i, i % 2 ? "b" : "a"); });
  CHECK(one.class_names == std::vector<std::string>{"a", "b"});
  // Numbers of classes are no marks: what is empty is no class.
  const Dataset numbers = read("file,label", [](int i) {
    return fmt::format("{},{}", i, i == 5 ? "" : i % 2 ? "1" : "0");
  });
  CHECK(samples_by_path(numbers).size() == 11);
  const Dataset lists =
      read("file,labels", [](int i) { return fmt::format("{},{}", i, i % 2 ? "b | a " : " a|c"); });
  CHECK(lists.class_names == std::vector<std::string>{"a", "b", "c"});
  CHECK(samples_by_path(lists).at("1.png").targets == std::vector<float>{1, 1, 0});
  // The column of the images is that of nothing else.
  LabelSettings patient;
  patient.image_column = "patient";
  const Dataset named = read(
      "patient,label", [](int i) { return fmt::format("{},{}", i, i % 2 ? "b" : "a"); }, patient);
  for (const auto& [path, sample] : samples_by_path(named)) CHECK(sample.group.empty());
  write_bytes(folder / "l.csv", bytes_of("label,x\n1,a\n2,b\n"));
  CHECK(code_of_labels(folder.path(), {folder / "l.csv", "label"}) == label_columns_missing);
  write_bytes(folder / "l.csv", bytes_of("file,a,b\n1,1x,0\n2,0,1\n"));
  CHECK(code_of_labels(folder.path(), {folder / "l.csv", {}, "a,b"}) == error_code::table_unusable);
}

TEST_CASE("labels: several lines about an image") {
  const TemporaryFolder folder;
  for (int i = 0; i < 12; ++i) touch_image(folder / fmt::format("{}.png", i));
  std::string rows, lists;
  for (int i = 2; i < 12; ++i) {
    rows += fmt::format("{},{}\n", i, i % 2 ? "c" : "b");
    lists += fmt::format("{},{}\n", i, i % 2 ? "c" : "b|c");
  }
  // A line without a class takes nothing away; a class that no image has is none.
  write_bytes(folder / "l.csv", bytes_of("file,label\n0,\n0,b\nabsent,a\n1,c\n" + rows));
  const Dataset dataset = read_labelled_set(folder.path(), {folder / "l.csv"});
  CHECK(dataset.class_names == std::vector<std::string>{"b", "c"});
  CHECK(samples_by_path(dataset).at("0.png").class_index == 0);
  CHECK(samples_by_path(dataset).at("1.png").class_index == 1);
  CHECK(notice_in(dataset, notice_id::labels_contradict) == nullptr);
  write_bytes(folder / "l.csv", bytes_of("file,labels\n0,b|c\n0,b\n1,\n1,c\n" + lists));
  const Dataset many = read_labelled_set(folder.path(), {folder / "l.csv"});
  CHECK(given_notice(many, notice_id::labels_contradict).count == 2);
  CHECK(samples_by_path(many).size() == 10);
}

TEST_CASE("labels: patients that were asked for go before those of the table") {
  const TemporaryFolder folder;
  std::string labels = "file,label,patient\n", patients = "file,patient\n";
  for (int i = 0; i < 24; ++i) {
    touch_image(folder / fmt::format("{:02}.png", i));
    labels += fmt::format("{:02},{},t{}\n", i, i % 4 < 2 ? "a" : "b", i);
    patients += fmt::format("{:02},p{}\n", i, i / 2);
  }
  write_bytes(folder / "l.csv", bytes_of(labels));
  write_bytes(folder / "p.csv", bytes_of(patients));
  SplitSettings settings;
  settings.labels = {folder / "l.csv"};
  CHECK(samples_by_path(read_image_folder(folder.path(), settings)).at("03.png").group == "t3");
  settings.groups.table = folder / "p.csv";
  CHECK(samples_by_path(read_image_folder(folder.path(), settings)).at("03.png").group == "p1");
}

TEST_CASE("labels: the table's own column of splits") {
  const TemporaryFolder folder;
  std::string table = "file,label,split\n";
  const char* splits[] = {"Train", "train", "val", "test", ""};
  for (int i = 0; i < 20; ++i) {
    touch_image(folder / fmt::format("{}.png", i));
    table += fmt::format("{},{},{}\n", i, i < 10 ? "a" : "b", splits[i % 5]);
  }
  write_bytes(folder / "l.csv", bytes_of(table));
  const Dataset dataset = read_labelled_set(folder.path(), {folder / "l.csv"});
  CHECK(dataset.train.size() == 8);
  CHECK(dataset.validation.size() == 4);
  CHECK(dataset.test.size() == 4);
  CHECK(given_notice(dataset, notice_id::split_list_partly_matched).count == 4);
  // It goes before the folders, and a split is in the order of the paths.
  const TemporaryFolder moved;
  std::string list = "file,label,split\n";
  for (int i = 0; i < 8; ++i) {
    const std::string path = fmt::format("{}/{}.png", i % 2 ? "test" : "train", i);
    touch_image(moved / path);
    list += fmt::format("{},{},{}\n", path, i < 4 ? "a" : "b", i == 0 || i == 7 ? "test" : "train");
  }
  write_bytes(moved / "l.csv", bytes_of(list));
  const Dataset sorted = read_labelled_set(moved.path(), {moved / "l.csv"});
  REQUIRE(sorted.train.size() == 6);
  CHECK(sorted.train.front().path == "test/1.png");
  CHECK(std::ranges::is_sorted(sorted.train, {}, &Sample::path));
}

TEST_CASE("labels: an evaluation has the classes of the model") {
  const TemporaryFolder folder;
  for (int i = 0; i < 4; ++i) touch_image(folder / "x" / fmt::format("{}.png", i));
  write_bytes(folder / "l.csv", bytes_of("file,label\n0,normal\n1,covid\n2,normal\n3,normal\n"));
  const LabelSettings labels{folder / "l.csv"};
  const Dataset dataset =
      read_evaluation_folder(folder / "x", {"other", "normal", "covid"}, Task::multi_class, {}, labels);
  REQUIRE(dataset.test.size() == 4);
  CHECK(dataset.test[1].class_index == 2);
  CHECK(dataset.train.empty());
  const Dataset part = read_evaluation_folder(folder / "x", {"normal", "flu"}, Task::multi_class, {}, labels);
  CHECK(part.test.size() == 3);
  CHECK(given_notice(part, notice_id::unknown_classes).names == std::vector<std::string>{"covid"});
  CHECK(given_notice(part, notice_id::unknown_classes).count == 1);
  CHECK_THAT(error_of([&] {
               (void)read_evaluation_folder(folder / "x", {"flu", "cold"}, Task::multi_class, {}, labels);
             }),
             contains("'covid', 'normal'"));
  CHECK_THROWS_AS(read_evaluation_folder(folder / "x", {"a", "b"}, Task::multi_label, {}, labels), Error);
  write_bytes(folder / "l.csv", bytes_of("file,labels\n0,a|b\n1,\n2,b\n3,No Finding\n"));
  const Dataset many = read_evaluation_folder(folder / "x", {"b", "c", "a"}, Task::multi_label, {}, labels);
  REQUIRE(many.test.size() == 4);
  CHECK(many.test[0].targets[0] == 1);
  CHECK_FALSE(is_known(many.test[0].targets[1]));
  CHECK(many.test[3].targets[0] == 0);
  CHECK_FALSE(is_known(many.test[1].targets[0]));
}

TEST_CASE("labels: classes of too few patients to be split are skipped") {
  const TemporaryFolder folder;
  // As the COVID chest X-ray collection has it: findings of hundreds of patients beside those of one.
  std::string table = "patientid,finding,filename\n";
  const auto add = [&](const char* finding, int images, int of_each) {
    static int patient = 0, image = 0;
    for (int i = 0; i < images; ++i, ++image) {
      touch_image(folder / "images" / fmt::format("{:03}.png", image));
      table += fmt::format("{},{},{:03}.png\n", patient + i / of_each, finding, image);
    }
    patient += images;
  };
  add("Pneumonia/Viral/COVID-19", 20, 2);
  add("Pneumonia", 8, 1);
  add("Tuberculosis", 6, 3);  // two patients
  add("Pneumonia/Viral/SARS", 1, 1);
  write_bytes(folder / "metadata.csv", bytes_of(table));
  const LabelSettings labels{folder / "metadata.csv"};
  const Dataset two = read_labelled_set(folder.path(), labels);  // training and test images
  CHECK(two.class_names == std::vector<std::string>{"Pneumonia", "Pneumonia/Viral/COVID-19", "Tuberculosis"});
  CHECK(given_notice(two, notice_id::rare_classes).names == std::vector<std::string>{"Pneumonia/Viral/SARS"});
  const Dataset three = read_labelled_set(folder.path(), labels, 0.2);  // and validation images
  CHECK(three.class_names == std::vector<std::string>{"Pneumonia", "Pneumonia/Viral/COVID-19"});
  CHECK(given_notice(three, notice_id::rare_classes).count == 7);
  CHECK(std::ranges::count(three.skipped, SkipKind::unlabelled, &SkippedFile::kind) == 7);
  const auto samples = samples_by_path(three);
  CHECK(samples.size() == 28);
  CHECK(samples.at("images/000.png").class_index == 1);
  CHECK(samples.at("images/020.png").class_index == 0);
  SplitSettings folds;
  folds.labels = labels;
  folds.min_patients_of_class = 9;
  CHECK_THAT(error_of([&] { (void)read_image_folder(folder.path(), folds); }), contains("at least two"));
}

TEST_CASE("labels: tables of public sets") {
  if (!has_cases()) return;
  const TemporaryFolder folder;
  for (int i = 0; i < 24; ++i) touch_image(folder / "images" / fmt::format("img_{:03}.png", i));
  const Dataset nih = read_labelled_set(folder.path(), {cases_folder() / "tables/nih.csv"});
  CHECK(nih.task == Task::multi_label);
  CHECK(nih.class_names == std::vector<std::string>{"Cardiomegaly", "Emphysema"});
  CHECK_THAT(
      error_of([&] { (void)read_labelled_set(folder.path(), {cases_folder() / "tables/covidmeta.csv"}); }),
      contains("only one class ('Pneumonia/Viral/COVID-19')"));
  CHECK(code_of_labels(folder.path(), {cases_folder() / "tables/std.csv"}) == label_columns_missing);
}
