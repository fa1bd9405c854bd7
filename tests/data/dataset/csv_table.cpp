#include "data/dataset/csv_table.h"

#include "data/dataset/patient_table.h"
#include "kernels/common/error_codes.h"
#include "tests/data/cases.h"
#include "tests/data/support.h"

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

namespace {

using Row = std::vector<std::string>;
using namespace std::string_literals;

std::string utf16(const std::string& ascii, bool big_endian, bool mark) {
  std::string text = mark ? (big_endian ? "\xFE\xFF" : "\xFF\xFE") : "";
  for (const char letter : ascii) text += big_endian ? std::string{'\0', letter} : std::string{letter, '\0'};
  return text;
}

ErrorCode code_of_table(const fs::path& path) {
  try {
    (void)read_csv_table(path);
  } catch (const Error& error) {
    return error.code();
  }
  return {};
}

}  // namespace

TEST_CASE("tables: separators, line ends and encodings that spreadsheets save") {
  const TemporaryFolder folder;
  const std::string plain = "file,patient\na/1.png,p1\na/2.png,p2\n";
  const auto with = [&](const std::string& separator, const std::string& end) {
    std::string text;
    for (const char letter : plain)
      text += letter == ',' ? separator : letter == '\n' ? end : std::string(1, letter);
    return text;
  };
  for (const std::string& text :
       {plain, "\xEF\xBB\xBF" + plain, with(",", "\r\n"), with(",", "\r"), with(";", "\n"),
        with("\t", "\r\n"), "sep=;\r\n" + with(";", "\r\n"), utf16(plain, false, true),
        utf16(plain, true, true), utf16(plain, false, false), utf16(plain, true, false),
        plain.substr(0, plain.size() - 1)}) {
    write_bytes(folder / "t.csv", bytes_of(text));
    const CsvTable table = read_csv_table(folder / "t.csv");
    CHECK(table.header == Row{"file", "patient"});
    REQUIRE(table.rows.size() == 2);
    CHECK(table.rows[1] == Row{"a/2.png", "p2"});
    CHECK(table.unusable == 0);
  }
  write_bytes(folder / "t.csv", bytes_of(utf16("a\n", false, true) + "\xFC\x00\x2D\x4E\x3D\xD8\x00\xDE"s));
  CHECK(read_csv_table(folder / "t.csv").rows[0][0] == "\xC3\xBC\xE4\xB8\xAD\xF0\x9F\x98\x80");
  write_bytes(folder / "t.csv", bytes_of("a,b,c\n1,2\n1,2,3,4\n"));
  const CsvTable uneven = read_csv_table(folder / "t.csv");
  CHECK(uneven.unusable == 2);
  CHECK(uneven.rows.empty());
  write_bytes(folder / "t.csv",
              bytes_of("a,b,c\n1,2,3,,\n"));  // as spreadsheets save cells that were emptied
  CHECK(read_csv_table(folder / "t.csv").rows == std::vector<Row>{{"1", "2", "3"}});
  write_bytes(folder / "t.csv", bytes_of("\"a;b\";c;\"d,e\"\n1;2;3\n"));
  CHECK(read_csv_table(folder / "t.csv").header == Row{"a;b", "c", "d,e"});
  write_bytes(folder / "t.csv", bytes_of("\"a;b;c\",d\n\"1;2\", \t2\t \n"));
  CHECK(read_csv_table(folder / "t.csv").header == Row{"a;b;c", "d"});
  CHECK(read_csv_table(folder / "t.csv").rows[0] == Row{"1;2", "2"});
  // A quote within a field begins nothing.
  CHECK(parse_csv("5\" film,a\n6,\"b\"\"c\"\n", ',')[0].size() == 2);
  CHECK(parse_csv("5\" film,a\n6,\"b\"\"c\"\n", ',')[1] == Row{"6", "b\"c"});
}

TEST_CASE("tables: a quote that is never closed is named by its line") {
  const TemporaryFolder folder;
  for (const char* end : {"\n", "\r\n", "\r"}) {
    std::string text = "file,label,note";
    for (const char* line :
         {"1.png,covid,\"two", "lines\"", "2.png,normal,\"open", "3.png,covid,", "4.png,normal,"})
      text += std::string(end) + line;
    write_bytes(folder / "t.csv", bytes_of(text));
    CHECK(code_of_table(folder / "t.csv") == error_code::table_unusable);
    CHECK_THAT(error_of([&] { (void)read_csv_table(folder / "t.csv"); }), contains("line 4 of "));
  }
}

TEST_CASE("tables: bytes that are not UTF-8 are read as Windows-1252") {
  const TemporaryFolder folder;
  const auto field = [&](const std::string& bytes) {
    write_bytes(folder / "t.csv", bytes_of("a\n" + bytes + "\n"));
    return read_csv_table(folder / "t.csv").rows.at(0).at(0);
  };
  CHECK(field("Lungenentz\xFCndung \x80") == "Lungenentz\xC3\xBCndung \xE2\x82\xAC");
  for (const char* utf8 : {"\xC3\xBC", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"}) CHECK(field(utf8) == utf8);
  CHECK(field("\xC3") == "\xC3\x83");
  CHECK(field("\x9Fx") == "\xC5\xB8x");
}

TEST_CASE("tables: a line of ten million letters") {
  const TemporaryFolder folder;
  std::string text = "file,label,note\n1.png,covid,";
  text.resize(text.size() + 10'000'000, 'x');
  text += "\n2.png,normal,\n";
  write_bytes(folder / "t.csv", bytes_of(text));
  const CsvTable table = read_csv_table(folder / "t.csv");
  REQUIRE(table.rows.size() == 2);
  CHECK(table.rows[0][2].size() == 10'000'000);
  CHECK(table.rows[1][0] == "2.png");
}

TEST_CASE("tables: what is not a text table is named") {
  const TemporaryFolder folder;
  const auto message = [&](const std::string& text) {
    write_bytes(folder / "t.csv", bytes_of(text));
    CHECK(code_of_table(folder / "t.csv") == error_code::table_unusable);
    return error_of([&] { (void)read_csv_table(folder / "t.csv"); });
  };
  CHECK_THAT(message("PK\x03\x04..."), contains("workbook"));
  CHECK_THAT(message("\xD0\xCF\x11\xE0..."), contains("old Excel"));
  CHECK_THAT(message("%PDF-1.7"), contains("PDF"));
  CHECK_THAT(message("a,b\n\0\0"s), contains("binary"));
  CHECK(code_of_table(folder / "absent.csv") == error_code::table_unusable);
}

TEST_CASE("tables: the same table as people save it") {
  if (!has_cases()) return;
  // Each names 64 images; the first are test/covid/img_000.png (P000) and img_001.png (P000), img_002.png (P001).
  for (const char* name : {"std.csv", "bom.csv", "crlf.csv", "cr.csv", "utf16.csv", "semi.csv", "tab.csv",
                           "abs.csv", "noext.csv", "basename.csv"}) {
    INFO(name);
    std::vector<Notice> notices;
    const PatientTable table({}, {cases_folder() / "tables" / name, {}}, notices);
    CHECK(notices.empty());
    CHECK(table.patient_of("test/covid/img_000.png") == "P000");
    CHECK(table.patient_of("test/covid/img_002.png") == "P001");
    const bool bare = name == "basename.csv"s;
    CHECK(table.patient_of("test/normal/img_000.png") == (bare ? "P000" : "P004"));
    CHECK(PatientTable({}, {cases_folder() / "tables" / name, {}}, notices, "outer")
              .patient_of("outer/test/covid/img_002.png") == "P001");
    const std::string misfit = table.misfit({"test/covid/img_000.png", "test/normal/img_000.png"});
    if (bare) CHECK_THAT(misfit, contains("'img_000.png' is the name of several images"));
  }
  CHECK(code_of_table(cases_folder() / "tables/empty.csv") == error_code::table_unusable);
}
