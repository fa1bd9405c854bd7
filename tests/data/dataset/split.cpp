#include "data/dataset/split.h"

#include "data/dataset/patient_table.h"
#include "tests/data/support.h"

#include <algorithm>
#include <map>
#include <set>

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

namespace {

const std::vector<std::string> names = {"a", "b"};

std::vector<Sample> numbered(int class_a, int class_b, int images_per_patient = 0) {
  std::vector<Sample> samples;
  for (int c = 0; c < 2; ++c)
    for (int i = 0; i < (c == 0 ? class_a : class_b); ++i)
      samples.push_back({fmt::format("{}/{:04}.png", names[c], i), c,
                         images_per_patient == 0 ? "" : fmt::format("{}{}", c, i / images_per_patient)});
  return samples;
}

int count_class(const std::vector<Sample>& samples, int index) {
  return static_cast<int>(std::count_if(samples.begin(), samples.end(),
                                        [&](const Sample& sample) { return sample.class_index == index; }));
}

}  // namespace

TEST_CASE("a split is stratified complete and in path order") {
  std::vector<Sample> kept = numbered(149, 110);
  const std::vector<Sample> moved = split_off(kept, names, 0.15, 1, 0, "validation");
  CHECK(count_class(moved, 0) == 22);  // 22.35
  CHECK(count_class(moved, 1) == 17);  // 16.5
  CHECK(kept.size() + moved.size() == 259);
  const auto moved_paths = paths_of(moved), kept_paths = paths_of(kept);
  CHECK(std::is_sorted(moved_paths.begin(), moved_paths.end()));
  CHECK(std::is_sorted(kept_paths.begin(), kept_paths.end()));
  std::set<std::string> all(moved_paths.begin(), moved_paths.end());
  all.insert(kept_paths.begin(), kept_paths.end());
  CHECK(all.size() == 259);
}

TEST_CASE("a split depends on the seed and the sub-stream alone") {
  const auto split = [](std::uint64_t seed, std::uint64_t sub_stream) {
    std::vector<Sample> samples = numbered(50, 40);
    return paths_of(split_off(samples, names, 0.2, seed, sub_stream, "test"));
  };
  CHECK(split(1, 0) == split(1, 0));
  CHECK(split(1, 0) != split(2, 0));
  CHECK(split(1, 0) != split(1, 1));
}

TEST_CASE("no patient is on both sides of a split") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    std::vector<Sample> kept = numbered(60, 45, 4);
    kept.front().group = kept.back().group;  // a patient with images of both classes
    const std::vector<Sample> moved = split_off(kept, names, 0.2, seed, 0, "test");
    std::set<std::string> kept_groups;
    for (const Sample& sample : kept) kept_groups.insert(sample.group);
    for (const Sample& sample : moved) CHECK_FALSE(kept_groups.contains(sample.group));
    CHECK(count_class(moved, 0) >= 8);
    CHECK(count_class(moved, 0) <= 12);
    CHECK(count_class(moved, 1) >= 5);
    CHECK(count_class(moved, 1) <= 9);
  }
}

TEST_CASE("a class of large patients gives its smallest and a class of one patient is an error") {
  std::vector<Sample> samples = numbered(10, 40);
  for (int i = 0; i < 10; ++i) samples[i].group = i < 7 ? "large" : "small";
  const std::vector<Sample> moved = split_off(samples, names, 0.1, 0, 0, "test");
  CHECK(count_class(moved, 0) == 3);
  std::vector<Sample> one_patient = numbered(10, 40, 10);
  CHECK_THAT(error_of([&] { split_off(one_patient, names, 0.1, 0, 0, "test"); }),
             contains("class 'a' has 10 image(s) of too few patients"));
  std::vector<Sample> one_image = numbered(1, 40);
  CHECK_THROWS_AS(split_off(one_image, names, 0.1, 0, 0, "test"), Error);
  CHECK_THROWS_AS(split_off(samples, names, 1.5, 0, 0, "test"), Error);
}

TEST_CASE("CSV fields may hold commas quotes and line ends") {
  const auto records = parse_csv(
      "\xEF\xBB\xBF"
      "file,patient\r\n\"a, b.png\",\"say \"\"x\"\"\"\n\n\"two\nlines\",7");
  REQUIRE(records.size() == 3);
  CHECK(records[0][0] == "file");
  CHECK(records[1] == std::vector<std::string>{"a, b.png", "say \"x\""});
  CHECK(records[2] == std::vector<std::string>{"two\nlines", "7"});
}

TEST_CASE("the patient table tells what it cannot use") {
  const TemporaryFolder folder;
  std::vector<Notice> warnings;
  CHECK(PatientTable({}, {}, warnings).patient_of("a/1.png").empty());
  CHECK(warnings.empty());
  write_bytes(folder / "sources.csv", bytes_of("file,source,patient\na/1.png,x,p1\nshort\na/2.png,x,\n"));
  const PatientTable patients(folder / "sources.csv", {}, warnings);
  CHECK(patients.patient_of("a/1.png") == "p1");
  CHECK(patients.patient_of("a/2.png").empty());
  CHECK(patients.patient_of("b/1.png").empty());
  CHECK(patients.origin() == "sources.csv");
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].id == notice_id::table_lines_unusable);
  CHECK(warnings[0].count == 1);
  write_bytes(folder / "sources.csv", bytes_of("name,who\na,b\n"));
  CHECK(PatientTable(folder / "sources.csv", {}, warnings).patient_of("a").empty());
  REQUIRE(warnings.size() == 2);
  CHECK(warnings[1].id == notice_id::patients_unknown);
}

TEST_CASE("a table of patients may be separated by semicolons or tabs and have backslashes") {
  const TemporaryFolder folder;
  for (const std::string separator : {";", "\t"}) {
    write_bytes(folder / "sources.csv",
                bytes_of(fmt::format("file{0}patient\na\\1.png{0}\"p{0}1\"\n./a/2.png{0}p2\n", separator)));
    std::vector<Notice> warnings;
    const PatientTable patients(folder / "sources.csv", {}, warnings);
    CHECK(warnings.empty());
    CHECK(patients.patient_of("a/1.png") == "p" + separator + "1");
    CHECK(patients.patient_of("a/2.png") == "p2");
  }
  CHECK(listed_path("a/b\\c.png") == "a/b\\c.png");
}

TEST_CASE("a table or pattern that does not fit the images is told") {
  const TemporaryFolder folder;
  std::vector<std::string> paths;
  std::vector<Notice> warnings;
  const fs::path sources = folder / "sources.csv";
  const auto own = [&] { return fs::exists(sources) ? sources : fs::path(); };
  std::string text = "file,patient\n";
  for (int i = 0; i < 40; ++i) {
    paths.push_back("a/" + std::to_string(i) + ".png");
    if (i < 39) text += paths.back() + "," + std::to_string(i) + "\n";
  }
  const auto misfit = [&](const GroupSettings& settings) {
    return PatientTable(own(), settings, warnings).misfit(paths);
  };
  CHECK(misfit({}).empty());
  CHECK_THAT(misfit({{}, "p([0-9]{3})"}), contains("the pattern p([0-9]{3}) matches the path of no image"));
  CHECK_THAT(misfit({{}, "/(1.)"}), contains("patients of 11 of 40 images"));
  CHECK(misfit({{}, "/(.)"}).empty());
  write_bytes(folder / "sources.csv", bytes_of(text));
  CHECK(misfit({}).empty());
  write_bytes(folder / "g.csv", bytes_of(text + "nope.png,5\n39.png,6\n"));
  const std::string given = misfit({folder / "g.csv", {}});
  CHECK_THAT(given, contains("40 of 40 images"));
  CHECK_THAT(given, contains("1 of its 41 lines fit no image, the first names 'nope.png'"));
  write_bytes(folder / "sources.csv", bytes_of("file,patient\n3.png,5\na/4.png,6\n"));
  CHECK_THAT(misfit({}), contains("2 of 40 images"));
  write_bytes(folder / "sources.csv", bytes_of("file,patient\nb/3.png,5\na/4.png,6\n"));
  CHECK_THAT(misfit({}), contains("1 of 40 images") && contains("'b/3.png'"));

  paths.emplace_back("b/7.png");
  write_bytes(folder / "g.csv", bytes_of(text + "39.png,6\n"));
  CHECK(misfit({folder / "g.csv", {}}).empty());
  write_bytes(folder / "g.csv", bytes_of(text + "7.png,5\na/3.png,77\n"));
  const std::string doubtful = misfit({folder / "g.csv", {}});
  CHECK_THAT(doubtful, contains("1 of its lines name another patient") && contains("'a/3.png'"));
  CHECK_THAT(doubtful, !contains("several images"));  // a/7.png stands with its folder
  write_bytes(folder / "g.csv", bytes_of("file,patient\n3.png,5\n7.png,6\n"));
  CHECK_THAT(misfit({folder / "g.csv", {}}), contains("'7.png' is the name of several images"));
}

TEST_CASE("patients come from a given table or pattern or from NIH names") {
  const TemporaryFolder folder;
  std::vector<Notice> warnings;
  const PatientTable nih({}, {}, warnings);
  CHECK(nih.patient_of("train/a/00001234_005.png") == "00001234");
  CHECK(nih.origin() == "names of files and folders");
  CHECK(nih.patient_of("train/a/0001234_005.png").empty());
  CHECK(nih.patient_of("train/a/x00001234_005.png").empty());
  const PatientTable pattern({}, {{}, "/(p[0-9]+)-"}, warnings);
  CHECK(pattern.patient_of("train/a/p17-2.png") == "p17");
  CHECK(pattern.patient_of("train/a/00001234_005.png").empty());
  CHECK(PatientTable({}, {{}, "^[^/]+/[^/]+/..."}, warnings).patient_of("a/b/xyz1") == "a/b/xyz");
  write_bytes(folder / "g.csv", bytes_of("Image Index,Patient ID\none.png,7\ntest/b/two.png,8\n"));
  const PatientTable table({}, {folder / "g.csv", {}}, warnings);
  CHECK(table.patient_of("train/a/one.png") == "7");
  CHECK(table.patient_of("test/b/two.png") == "8");
  CHECK(warnings.empty());
  CHECK_THAT(error_of([&] { PatientTable({}, {{}, "(["}, warnings); }), contains("not a regular expression"));
  CHECK_THAT(error_of([&] {
               PatientTable({}, {folder / "absent.csv", {}}, warnings);
             }),
             contains("absent.csv"));
}
