// Control trainings: masks, and what is made of the results.
#include "apps/xrtrain/audit/control.h"

#include <nlohmann/json.hpp>

#include "data/dataset/image_set.h"
#include "tests/apps/support.h"

namespace xr::apps::audit {

namespace {

nlohmann::json summary(int right) {
  const nlohmann::json test = {{"correct", right},
                               {"images", 100},
                               {"interval_95", {right / 100.0 - 0.09, right / 100.0 + 0.07}},
                               {"classes", {{{"images", 55}}, {{"images", 45}}}}};
  return {{"chosen_on_validation", {{"test", test}}}, {"last", nullptr}};
}

}  // namespace

TEST_CASE("a network that is as good without the middle is a serious finding") {
  const Check nothing = judge_control(summary(90), summary(57), summary(88));
  CHECK(nothing.verdict == Verdict::ok);
  CHECK_THAT(nothing.text, test::contains("above 0.640 can be excluded"));
  CHECK(judge_control(summary(90), summary(68), summary(88)).verdict == Verdict::warning);
  const Check serious = judge_control(summary(90), summary(84), summary(88));
  CHECK(serious.verdict == Verdict::serious);
  CHECK_THAT(serious.text, test::contains("84 of 100") && test::contains("90"));
  CHECK_THAT(serious.text, test::contains("outer parts of the lungs remain visible"));
  CHECK(serious.figures["guessing"] == 0.55);
}

TEST_CASE("that most is kept takes an interval that says so") {
  // 0.75 of 100 is above 0.55 + 0.35 / 2 = 0.725, but its interval begins at 0.66.
  const Check check = judge_control(summary(90), summary(75), summary(88));
  CHECK(check.verdict == Verdict::warning);
  CHECK_THAT(check.text,
             test::contains("a part") && test::contains("too few test images to tell whether it is most"));
  CHECK(judge_control(summary(90), summary(65), summary(88)).text.find("whether it is most") ==
        std::string::npos);
}

TEST_CASE("control trainings that show too little are no reassurance") {
  const Check wide = judge_control(summary(70), summary(60), summary(88));  // 0.51 to 0.67, half is 0.625
  CHECK(wide.verdict == Verdict::warning);
  CHECK_THAT(wide.text, test::contains("too few test images"));
  const Check weak = judge_control(summary(60), summary(56), summary(50));
  CHECK(weak.verdict == Verdict::warning);
  CHECK_THAT(weak.text, test::contains("even with whole images"));
}

TEST_CASE("a mask blackens the middle or all but the middle of every channel") {
  data::StoredFormat format{data::StoredShape::square, 16, 3, data::Mask::middle};
  std::vector<std::uint8_t> image(3 * 16 * 16, 9), other = image;
  data::apply_mask(image, format);
  format.mask = data::Mask::border;
  data::apply_mask(other, format);
  for (std::size_t i = 0; i < image.size(); ++i) CHECK(image[i] + other[i] == 9);
  CHECK(image[0] == 9);
  CHECK(image[2 * 256 + 8 * 16 + 8] == 0);
  CHECK(std::count(image.begin(), image.end(), 0) == 3 * 10 * 10);
}

TEST_CASE("audit trains control networks and a masked checkpoint keeps its mask") {
  test::TemporaryFolder folder;
  const test::fs::path data = test::make_phantoms(folder, 8, 3);
  const auto result = test::run(folder, {"audit", data.string(), "--out", (folder / "audit").string(),
                                         "--control", "--control-epochs", "1", "--image-size", "32"});
  CHECK(result.status == 0);
  const auto audit = nlohmann::json::parse(test::read_text(folder / "audit/audit.json"));
  REQUIRE(audit.contains("control"));
  CHECK(audit["control"]["whole"]["images"] == 6);
  CHECK(audit["control"]["middle_black"]["accuracy"].get<double>() <= 1.0);
  const std::string masked = (folder / "audit/control/middle-black").string();
  CHECK_THAT(test::read_text(masked + "/config.toml"), test::contains("mask = \"middle\""));
  CHECK_THAT(test::read_text(masked + "/checkpoints/00.safetensors"),
             test::contains("\"stored_mask\":\"middle\""));
  // The checkpoint sees the same whatever the middle of an image shows.
  data::Image image = data::read_image(data / "test/covid/000.png", 1);
  const auto predict = [&](const std::string& run) {
    data::write_png(folder / "image.png", image);
    return test::run(folder,
                     {"predict", (folder / ("audit/control/" + run) / "checkpoints/00.safetensors").string(),
                      (folder / "image.png").string()})
        .output;
  };
  const std::string before = predict("middle-black"), whole = predict("whole");
  for (int y = 20; y < 44; ++y)
    for (int x = 20; x < 44; ++x) image.pixels[static_cast<std::size_t>(y) * 64 + x] = 255;
  CHECK(predict("middle-black") == before);
  CHECK(predict("whole") != whole);
  CHECK(test::run(folder, {"audit", data.string(), "--control"}).status == 2);
}

}  // namespace xr::apps::audit
