// Control trainings: masks, and the networks that are trained on them.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "data/dataset/image_set.h"
#include "data/image/image.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

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
  TemporaryFolder folder;
  const fs::path data = make_phantoms(folder, 8, 3);
  const auto result = run(folder, {"audit", data.string(), "--out", (folder / "audit").string(), "--control",
                                   "--control-epochs", "1", "--image-size", "32"});
  CHECK(result.status == 0);
  const auto audit = nlohmann::json::parse(read_text(folder / "audit/audit.json"));
  REQUIRE(audit.contains("control"));
  CHECK(audit["control"]["whole"]["images"] == 6);
  CHECK(audit["control"]["middle_black"]["accuracy"].get<double>() <= 1.0);
  const std::string masked = (folder / "audit/control/middle-black").string();
  CHECK_THAT(read_text(masked + "/config.toml"), contains("mask = \"middle\""));
  CHECK_THAT(read_text(masked + "/checkpoints/00.safetensors"), contains("\"stored_mask\":\"middle\""));
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
  CHECK(run(folder, {"audit", data.string(), "--control"}).status == 2);
}

}  // namespace xr::apps::test
