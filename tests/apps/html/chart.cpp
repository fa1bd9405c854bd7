#include "apps/html/chart.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <regex>

#include "kernels/common/error.h"
#include "tests/apps/html/well_formed.h"

using namespace xr::html;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

std::vector<std::string> texts(const Scale& scale) {
  std::vector<std::string> result;
  for (const Tick& tick : scale.ticks) result.push_back(tick.text);
  return result;
}

struct Label {
  double x, y;
  std::string anchor, text;
};

// Every <text> of a chart.
std::vector<Label> labels(const std::string& svg) {
  static const std::regex pattern(
      R"re(<text x="([-\d.]+)" y="([-\d.]+)" text-anchor="(\w+)"[^>]*>([^<]*)</text>)re");
  std::vector<Label> result;
  for (std::sregex_iterator it(svg.begin(), svg.end(), pattern), end; it != end; ++it)
    result.push_back({std::stod((*it)[1]), std::stod((*it)[2]), (*it)[3], (*it)[4]});
  return result;
}

// No label leaves the picture or covers another, by the estimated widths.
void check_labels(const Markup& chart) {
  const std::vector<Label> all = labels(chart.str());
  CHECK_FALSE(all.empty());
  const auto left = [](const Label& label) {
    const double width = text_width(label.text);
    return label.x - (label.anchor == "end" ? width : label.anchor == "middle" ? width / 2 : 0.0);
  };
  for (std::size_t i = 0; i < all.size(); ++i) {
    CAPTURE(all[i].text);
    CHECK(left(all[i]) >= -0.1);
    CHECK(left(all[i]) + text_width(all[i].text) <= 380.1);
    for (std::size_t j = i + 1; j < all.size(); ++j) {
      if (std::abs(all[i].y - all[j].y) >= 11.0) continue;
      CAPTURE(all[j].text);
      const bool apart = left(all[i]) + text_width(all[i].text) <= left(all[j]) ||
                         left(all[j]) + text_width(all[j].text) <= left(all[i]);
      CHECK(apart);
    }
  }
}

}  // namespace

TEST_CASE("an axis of powers of ten reads as the numbers") {
  Axis axis;
  axis.integers = axis.powers_of_ten = true;
  CHECK(texts(make_scale(axis, {-6.7, 0.9}, 9)) ==
        std::vector<std::string>{"1e-7", "1e-6", "1e-5", "1e-4", "1e-3", "1e-2", "1e-1", "1e0", "1e1"});
}

TEST_CASE("ticks are round and within the axis", "[html]") {
  CHECK(texts(make_scale({"", 0.0, 1.0}, {}, 6)) ==
        std::vector<std::string>{"0.0", "0.2", "0.4", "0.6", "0.8", "1.0"});
  CHECK(texts(make_scale({"", 0.0, 1.0, false, true}, {}, 3)) ==
        std::vector<std::string>{"0%", "50%", "100%"});
  CHECK(texts(make_scale({"", {}, {}, true}, {0, 19}, 6)) ==
        std::vector<std::string>{"0", "5", "10", "15", "20"});
  CHECK(texts(make_scale({"", {}, {}, true}, {0, 1}, 7)) == std::vector<std::string>{"0", "1"});
  CHECK(texts(make_scale({}, {-0.013, 0.021}, 6)) ==
        std::vector<std::string>{"-0.02", "-0.01", "0.00", "0.01", "0.02", "0.03"});
  for (const std::vector<double>& values : {std::vector<double>{},
                                            {5.0},
                                            {0.0},
                                            {-3.0, -3.0},
                                            {NAN},
                                            {infinity, 2.0},
                                            {1e-9, 2e-9},
                                            {1e12, 3e12},
                                            {1e308, -1e308},
                                            {0.3, 0.3000000001}}) {
    for (const bool integers : {false, true}) {
      const Scale scale = make_scale({"", {}, {}, integers, false}, values, 6);
      CHECK(scale.low < scale.high);
      CHECK(scale.ticks.size() <= 7);
      for (const Tick& tick : scale.ticks) CHECK(std::isfinite(scale.fraction(tick.value)));
    }
  }
}

TEST_CASE("long text is cut to fit at a whole character", "[html]") {
  CHECK(fitted("short", 100.0) == "short");
  CHECK(text_width(fitted(std::string(200, 'x'), 100.0)) <= 100.0);
  std::string umlauts;
  for (int i = 0; i < 60; ++i) umlauts += "\xC3\xA4";
  CHECK(escape(fitted(umlauts, 101.0)).find("\xEF\xBF\xBD") == std::string::npos);
}

TEST_CASE("a chart without values says so", "[html]") {
  const Series nothing{"nothing", {1.0, 2.0}, {NAN, infinity}, {}, {}, false, true, false};
  for (const Markup& empty :
       {chart(LineChart{}), chart(LineChart{"t", {}, {}, {nothing}, {}, false, {}, false, ""}),
        chart(BarChart{}), chart(Histogram{}), roc_chart("ROC", {}), calibration_chart("c", {}, {})}) {
    CHECK(markup_fault(empty.str()).empty());
    CHECK(empty.str().find("no values to show") != std::string::npos);
  }
}

TEST_CASE("gaps split a line and its band", "[html]") {
  LineChart line;
  line.series = {{"a",
                  {0, 1, 2, 3, 4},
                  {0.1, 0.2, NAN, 0.3, 0.4},
                  {0, 0.1, NAN, 0.2, 0.3},
                  {0.2, 0.3, NAN, 0.4, 0.5},
                  false,
                  true,
                  false}};
  const std::string svg = chart(line).str();
  CHECK(markup_fault(svg).empty());
  CHECK(svg.find("nan") == std::string::npos);
  const std::regex curve("class=\"s c0 d0\" d=\"M[^M\"]*M[^M\"]*\"/></svg>");
  CHECK(std::regex_search(svg, curve));
  const std::regex band("class=\"band f0\" d=\"M[0-9.]+ [0-9.]+L");
  CHECK(std::distance(std::sregex_iterator(svg.begin(), svg.end(), band), std::sregex_iterator()) == 2);
}

TEST_CASE("series of unlike lengths are refused", "[html]") {
  LineChart line;
  line.series = {{"a", {0, 1}, {0.1}, {}, {}, false, true, false}};
  CHECK_THROWS_AS(chart(line), xr::Error);
  line.series = {{"a", {0, 1}, {0.1, 0.2}, {0.0}, {0.2}, false, true, false}};
  CHECK_THROWS_AS(chart(line), xr::Error);
  Histogram histogram;
  histogram.edges = {0, 1};
  histogram.series = {{"a", {1, 2}}};
  CHECK_THROWS_AS(chart(histogram), xr::Error);
  CHECK_THROWS_AS(calibration_chart("c", {}, {1}), xr::Error);
}

TEST_CASE("labels stay within a chart and apart from each other", "[html]") {
  for (const double size : {1e-7, 0.02, 1.0, 86.0, 12345.0, 4.5e8, 1e15}) {
    CAPTURE(size);
    LineChart line;
    line.x.label = "a label of the x axis that is longer than the axis could ever be on any phone at all";
    line.y.label = line.x.label;
    line.series = {{"a", {0, size / 3, size}, {-size, size / 7, size * 1.1}, {}, {}, false, true, true}};
    check_labels(chart(line));
    BarChart bars;
    bars.axis.label = line.x.label;
    bars.bars = {{line.x.label, size, size * 0.9, size * 1.2, ""}, {"b", -size / 2, 0, 0, line.x.label}};
    check_labels(chart(bars));
    Histogram histogram;
    histogram.x.label = "x";
    histogram.y = {"images", {}, {}, true, false};
    histogram.edges = {0, size / 2, size};
    histogram.series = {{"a", {size, 3}}};
    check_labels(chart(histogram));
  }
  check_labels(roc_chart("ROC", {{"a", {0, 1}, {0, 1}, {}, {}, false, true, false}}));
  check_labels(
      calibration_chart("c", {"a", {0.1, 0.9}, {0, 1}, {0, 0.5}, {0.4, 1}, true, true, true}, {3, 9}));
}
