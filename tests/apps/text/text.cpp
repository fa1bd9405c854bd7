#include "apps/text/text.h"

#include <catch2/catch.hpp>

namespace xr::text {

TEST_CASE("Any text becomes one line") {
  CHECK(one_line("plain größe €") == "plain größe €");
  CHECK(one_line("a\nb\tc\x1b[31m\x7f") == "a\\nb\\tc\\x1b[31m\\x7f");
  CHECK(one_line("\xff\xc3") == "\\xff\\xc3");
  CHECK(one_line(std::string("\0", 1)) == "\\x00");
  // A control sequence introducer in C1, a line separator, a right-to-left override; and what stands beside them.
  CHECK(one_line("\xc2\x9b"
                 "31m\xc2\x85") == "\\u009b31m\\u0085");
  CHECK(one_line("a\xe2\x80\xa8\xe2\x80\xae"
                 "b\xe2\x81\xa6") == "a\\u2028\\u202eb\\u2066");
  CHECK(one_line("\xc2\xa0\xe2\x80\xa7\xf0\x9f\x98\x80") == "\xc2\xa0\xe2\x80\xa7\xf0\x9f\x98\x80");
}

TEST_CASE("JSON for a terminal reads back as the same") {
  CHECK(printable_json("{\"a\":\"gr\xc3\xb6\xc3\x9f e\"}") == "{\"a\":\"gr\xc3\xb6\xc3\x9f e\"}");
  CHECK(printable_json("\"\x7f\xc2\x9b"
                       "1m\xe2\x80\xae\"\n") == "\"\\u007f\\u009b1m\\u202e\"\n");
  CHECK(printable_json("").empty());
}

TEST_CASE("UTF-8 is told from what is not") {
  for (const char* good : {"", "a", "ü", "€", "😀", "\xef\xbf\xbd"}) CHECK(is_utf8(good));
  // Overlong, surrogate, too large, cut off, stray.
  for (const char* bad :
       {"\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80", "a\xff"})
    CHECK(!is_utf8(bad));
}

TEST_CASE("Fields and words are quoted where they must") {
  CHECK(csv_field("plain") == "plain");
  CHECK(csv_field("a,b") == "\"a,b\"");
  CHECK(csv_field("say \"x\"") == "\"say \"\"x\"\"\"");
  CHECK(shell_word("runs/a-1") == "runs/a-1");
  CHECK(shell_word("my run") == "'my run'");
  CHECK(shell_word("it's") == "'it'\\''s'");
  CHECK(shell_word("") == "''");
}

TEST_CASE("Sizes and times and numbers read well") {
  CHECK(size_text(465'009'768) == "465.0 MB");
  CHECK(size_text(9'300'000'000) == "9.3 GB");
  CHECK(size_text(1500) == "1.5 kB");
  CHECK(duration_text(197.9) == "3m 17s");
  CHECK(number_text(0.1) == "0.1");
  CHECK(number_text(-INFINITY) == "-inf");
  CHECK(number_text(NAN) == "nan");
}

TEST_CASE("A misspelling finds its word") {
  const std::vector<std::string> words = {"epochs", "batch-size", "lr", "seed"};
  CHECK(nearest_word("epoch", words) == "epochs");
  CHECK(nearest_word("batchsize", words) == "batch-size");
  CHECK(nearest_word("sede", words) == "seed");
  CHECK(nearest_word("completely", words).empty());
  CHECK(nearest_words("abc", {"abd", "xyz", "abe", "abcde"}) == std::vector<std::string>{"abd", "abe"});
}

}  // namespace xr::text
