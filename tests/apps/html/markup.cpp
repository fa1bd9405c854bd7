#include "apps/html/markup.h"

#include <fmt/core.h>

#include <catch2/catch.hpp>

#include "apps/html/chart.h"
#include "apps/html/picture.h"
#include "apps/html/table.h"
#include "kernels/common/error.h"
#include "tests/apps/html/sample_page.h"
#include "tests/apps/html/well_formed.h"

using namespace xr::html;

TEST_CASE("text is escaped for elements and attributes", "[html]") {
  CHECK(escape("a<b>&\"c'") == "a&lt;b&gt;&amp;&quot;c&#39;");
  CHECK(escape("Lunge \xC3\xA4 \xE2\x82\xAC \xF0\x9F\xA9\xBB") ==
        "Lunge \xC3\xA4 \xE2\x82\xAC \xF0\x9F\xA9\xBB");
  const std::string u_fffd = "\xEF\xBF\xBD";
  CHECK(escape(std::string("a\0b", 3)) == "a" + u_fffd + "b");
  CHECK(escape("\x1B[31m\r") == u_fffd + "[31m" + u_fffd);
  CHECK(escape("\xFFz") == u_fffd + "z");
  CHECK(escape("\xC3") == u_fffd);                            // ends too early
  CHECK(escape("\xC0\xAF") == u_fffd + u_fffd);               // a slash, two bytes long
  CHECK(escape("\xED\xA0\x80") == u_fffd + u_fffd + u_fffd);  // half of a surrogate pair
  CHECK(escape("\xEF\xBF\xBE") == u_fffd + u_fffd + u_fffd);  // U+FFFE
  CHECK(Markup("<b>").str() == "&lt;b&gt;");
  CHECK((Markup("<") + Markup::raw("<br/>")).str() == "&lt;<br/>");
}

TEST_CASE("base64 gives the test vectors of RFC 4648", "[html]") {
  const auto encode = [](std::string_view text) { return base64(std::as_bytes(std::span(text))); };
  CHECK(encode("").empty());
  CHECK(encode("f") == "Zg==");
  CHECK(encode("fo") == "Zm8=");
  CHECK(encode("foo") == "Zm9v");
  CHECK(encode("foob") == "Zm9vYg==");
  CHECK(encode("fooba") == "Zm9vYmE=");
  CHECK(encode("foobar") == "Zm9vYmFy");
  CHECK(base64(std::vector<std::byte>{std::byte{0xFF}, std::byte{0xFE}, std::byte{0xFD}}) == "//79");
}

TEST_CASE("the check of markup finds what is not well-formed", "[html]") {
  CHECK(markup_fault("<p class=\"a\">x<br/>&amp;</p>").empty());
  for (const char* bad : {"<p>", "</p>", "<p><b></p></b>", "<p a=b></p>", "a & b", "a > b", "<p a=\"<\"></p>",
                          "<br", "<p a=\"b></p>", "\x01"})
    CHECK_FALSE(markup_fault(bad).empty());
}

TEST_CASE("a page is well-formed and loads nothing", "[html]") {
  const std::string page = sample_page().str();
  CHECK(markup_fault(page).empty());
  CHECK(page.find("<script") == std::string::npos);
  CHECK(page.find("http:") == std::string::npos);
  CHECK(page.find("https:") == std::string::npos);
  CHECK(page.find("src=\"data:image/png;base64,iVBORw0KGgo") != std::string::npos);
  CHECK(page.find("nan") == std::string::npos);
  CHECK(page.find("inf\"") == std::string::npos);
  CHECK(page.find("default-src 'none'") != std::string::npos);
}

TEST_CASE("a verdict is told by a word and a shape", "[html]") {
  for (const Verdict verdict : {Verdict::ok, Verdict::warning, Verdict::serious}) {
    const std::string text = badge(verdict).str();
    CHECK(markup_fault(text).empty());
    CHECK(text.ends_with(fmt::format("</svg>{}</span>", verdict_name(verdict))));
    CHECK(text.find("<svg") != std::string::npos);
  }
}

TEST_CASE("tables keep their shape", "[html]") {
  Table table({{"a"}, {"b", Align::right}});
  CHECK(table.empty());
  table.row({"<x>"});
  CHECK_THROWS_AS(table.row({"1", "2", "3"}), xr::Error);
  CHECK(table.markup().str().find(
            "<th scope=\"row\" class=\"l\">&lt;x&gt;</th><td class=\"r\" data-name=\"b\"></td>") !=
        std::string::npos);
  const Markup name = Markup("a\"<b") + Markup::raw("<br/>") + element("small", "c", "class=\"d\"");
  CHECK(attribute_text(name) == "a&quot;&lt;bc");
  CHECK_THROWS_AS(confusion_matrix({"a", "b"}, std::vector<std::int64_t>{1, 2, 3}), xr::Error);
  const std::string matrix = confusion_matrix({"a", "b"}, std::vector<std::int64_t>{3, 1, 0, 0}).str();
  CHECK(matrix.find("<strong>3</strong><br/><small>75.0%</small>") != std::string::npos);
  CHECK(matrix.find("<small>-</small>") != std::string::npos);  // no image of class b
  CHECK(facts({}).empty());
  CHECK(thumbnails({}).empty());
}
