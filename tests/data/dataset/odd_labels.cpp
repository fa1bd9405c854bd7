// Tables of labels as people leave them: missing values, lines of another length, one class in two spellings.
#include "data/dataset/image_folder.h"

#include "tests/data/support.h"

#include <algorithm>

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

namespace {

const Notice* find_notice(const Dataset& dataset, NoticeId id) {
  const auto found = std::ranges::find(dataset.notices, id, &Notice::id);
  return found == dataset.notices.end() ? nullptr : &*found;
}

const Notice& notice_of(const Dataset& dataset, NoticeId id) {
  REQUIRE(find_notice(dataset, id) != nullptr);
  return *find_notice(dataset, id);
}

/// With the table l.csv in the folder.
Dataset read_with_labels(const TemporaryFolder& folder, const std::string& column = {}) {
  SplitSettings settings;
  settings.validation_fraction = 0;
  settings.labels.table = folder / "l.csv";
  settings.labels.label_column = column;
  return read_image_folder(folder.path(), settings);
}

const Sample& sample_of(const Dataset& dataset, const std::string& path) {
  for (const std::vector<Sample>* part : {&dataset.train, &dataset.validation, &dataset.test})
    for (const Sample& sample : *part)
      if (sample.path == path) return sample;
  FAIL("no sample " << path);
  return dataset.train.front();
}

}  // namespace

TEST_CASE("labels: missing values, lines that do not fit the header, and classes that differ by case") {
  const TemporaryFolder folder;
  std::string by_class = "file,label\n", lists = "file,labels\n", marks = "file,a,b\n";
  const char* missing[] = {"NA", "N/A", "nan", "NULL", "#N/A"};
  for (int i = 0; i < 25; ++i) {
    write_bytes(folder / fmt::format("{:02}.png", i), bytes_of("x"));
    const bool with = i >= 5;
    by_class += fmt::format("{:02},{}\n", i, with ? (i % 2 ? "a" : "b") : missing[i]);
    lists += fmt::format("{:02},{}\n", i, with ? (i % 2 ? "a|b" : "b") : missing[i]);
    marks += fmt::format("{:02},{},{}\n", i, with ? "1" : missing[i], i % 2);
  }
  write_bytes(folder / "l.csv", bytes_of(by_class));
  const Dataset one = read_with_labels(folder);
  CHECK(one.class_names == std::vector<std::string>{"a", "b"});
  CHECK(notice_of(one, notice_id::labels_partly_matched).count == 5);
  CHECK(find_notice(one, notice_id::classes_differ_by_case) == nullptr);
  write_bytes(folder / "l.csv", bytes_of(lists));
  const Dataset many = read_with_labels(folder);
  CHECK(many.class_names == std::vector<std::string>{"a", "b"});
  CHECK_FALSE(is_known(sample_of(many, "03.png").targets[0]));
  write_bytes(folder / "l.csv", bytes_of(marks));
  const Dataset marked = read_with_labels(folder, "a,b");
  CHECK(sample_of(marked, "03.png").targets == std::vector<float>{0, 1});

  write_bytes(folder / "l.csv", bytes_of(by_class + "24,a,b\n24\n"));
  const Dataset uneven = read_with_labels(folder);
  CHECK(notice_of(uneven, notice_id::table_lines_unusable).count == 2);
  CHECK(uneven.train.size() + uneven.test.size() == 20);

  write_bytes(folder / "l.csv", bytes_of("file,label,Label\n06,a,a\n07,b,a\n"));
  CHECK_THAT(error_of([&] { (void)read_with_labels(folder); }), contains("two columns 'label'"));

  write_bytes(folder / "l.csv", bytes_of(by_class + "00,A\n01,A\n02,A\n03,A\n"));
  const Dataset similar = read_with_labels(folder);
  CHECK(notice_of(similar, notice_id::classes_differ_by_case).names == std::vector<std::string>{"A", "a"});
}
