#include "tests/apps/html/sample_page.h"

#include <cmath>

#include "apps/html/chart.h"
#include "apps/html/picture.h"
#include "apps/html/table.h"

namespace xr::html {

namespace {

constexpr const char* nasty =
    R"(<script>alert("1")</script> & 'name' with a very long tail_without_any_space_)"
    "0123456789012345678901234567890123456789.png";

LineChart curves() {
  LineChart chart;
  chart.title = "Accuracy after each epoch";
  chart.x = {"epoch", {}, {}, true, false};
  chart.y = {"share of the images told apart rightly", {}, {}, false, true};
  Series train{"train", {}, {}, {}, {}, false, true, false},
      test{"test, with a rather long name for a legend", {}, {}, {}, {}, false, true, true};
  for (int i = 0; i < 20; ++i) {
    const double accuracy = 0.93 - 0.4 * std::exp(-0.3 * i) + 0.02 * std::sin(2.0 * i);
    train.x.push_back(i);
    train.y.push_back(accuracy + 0.04);
    test.x.push_back(i);
    test.y.push_back(i == 7 ? NAN : accuracy);
    test.low.push_back(accuracy - 0.06);
    test.high.push_back(std::min(1.0, accuracy + 0.04));
  }
  chart.series = {train, test};
  chart.lines = {{12.0, "chosen on validation data: epoch 12"}};
  chart.note = "Band: 95 % Wilson interval, of 86 images.";
  return chart;
}

Series roc() {
  Series series{"one against rest", {}, {}, {}, {}, false, true, false};
  for (int i = 0; i <= 40; ++i) {
    const double x = i / 40.0, y = std::pow(x, 0.2);
    series.x.push_back(x);
    series.y.push_back(y);
    series.low.push_back(std::max(0.0, y - 0.1 * (1 - x)));
    series.high.push_back(std::min(1.0, y + 0.07));
  }
  return series;
}

data::Image gradient(int size) {
  data::Image image{size, size, 1, {}};
  for (int i = 0; i < size * size; ++i)
    image.pixels.push_back(static_cast<std::uint8_t>((i % size + i / size) * 127 / size));
  return image;
}

Markup bars() {
  BarChart chart;
  chart.title = "How well the class can be told without the lungs";
  chart.axis = {"AUROC", 0.0, 1.0, false, false};
  chart.bars = {
      {"file properties alone", 0.5, 0.45, 0.56, ""},
      {"grey-level histogram alone, which is a name longer than the chart is wide", 0.78, 0.7, 0.84, ""},
      {"outer ring of the thumbnail", 0.85, 0.81, 0.89, "0.85 (0.81 to 0.89)"},
      {nasty, NAN, NAN, NAN, ""}};
  chart.lines = {{0.5, "chance"}};
  return html::chart(chart);
}

Markup histogram() {
  Histogram chart;
  chart.title = "Predicted probability of COVID";
  chart.x = {"probability", 0.0, 1.0, false, true};
  chart.y = {"images", {}, {}, true, false};
  for (int i = 0; i <= 10; ++i) chart.edges.push_back(i / 10.0);
  chart.series = {{"COVID", {1, 0, 2, 1, 3, 2, 4, 6, 9, 18}}, {"normal", {15, 8, 5, 4, 2, 3, 1, 1, 0, 1}}};
  return html::chart(chart);
}

}  // namespace

Page sample_page() {
  Page page(std::string("Sample ") + nasty, "Every part of a page, with names that hurt.");
  page.section("Verdicts");
  page.badge(Verdict::ok, "No duplicates", paragraph("0 of 59 340 pairs."));
  page.badge(Verdict::warning, "Sizes differ", paragraph(nasty));
  page.badge(Verdict::serious, "The border tells the class", paragraph("AUROC 0.85 (0.81 to 0.89)."));
  page.section("Charts");
  page.add(columns({chart(curves()), roc_chart("ROC on test", {roc()}, "Band: 95 %, 2000 resamples.")}));
  page.add(columns({bars(), histogram()}));
  const Series bins{"checkpoint 12",
                    {0.05, 0.2, 0.5, 0.7, 0.96},
                    {0.1, 0.18, 0.4, 0.8, 0.93},
                    {0.02, 0.05, 0.2, 0.5, 0.8},
                    {0.3, 0.45, 0.7, 0.95, 0.98},
                    true,
                    true,
                    true};
  page.add(columns({calibration_chart("Calibration", bins, {30, 4, 5, 9, 41}, "86 images in 5 bins."),
                    chart(LineChart{"Nothing", {}, {}, {}, {}, false, {}, false, ""})}));
  page.section("Tables");
  page.add(confusion_matrix({"COVID", "normal", "a class with a long name"},
                            std::vector<std::int64_t>{40, 6, 0, 4, 36, 1, 0, 0, 0}, "Test, 87 images"));
  Table table({{"file"}, {"class", Align::center}, {"probability", Align::right}}, "Certain errors");
  table.row({nasty, "normal", "0.9987 (0.9861 to 0.9999, an interval that is long)"});
  table.row({"a.png"});
  page.add(table.markup());
  page.add(facts({{"Seed", "7"}, {"Data", code("/data/chest")}, {nasty, nasty}}));
  page.section("Pictures");
  page.add(thumbnails({{{gradient(96), gradient(96)}, nasty, nasty},
                       {{gradient(96), gradient(96)}, "second", "normal taken for COVID, p = 0.98"},
                       {{gradient(96), gradient(96)}, "third", "COVID taken for normal, p = 0.91"}}));
  page.section("Text");
  page.add(code_block("xrtrain train --data '/data/a very long folder name/chest' --out runs/1 --epochs 20"));
  page.add(details("Open points", bullet_list({"one", nasty})));
  page.note("Small print.");
  return page;
}

}  // namespace xr::html
