// `xrtrain predict --explain`.
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "apps/xrtrain/explain/explanation.h"
#include "apps/xrtrain/warning_id.h"
#include "data/image/image.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

TEST_CASE("predict draws where the network finds its evidence", "[explain]") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "run")).status == 0);
  const std::string checkpoint = (folder / "run/checkpoints/02.safetensors").string(),
                    test = (folder / "data/test").string(), out = (folder / "a/b").string();

  const Result json = run(
      folder, {"predict", checkpoint, test, "--json", "--explain", out, "--class", "covid", "--occlusion"});
  CHECK(json.status == 0);
  std::istringstream lines(json.output);
  std::set<std::string> pictures;
  int rows = 0;
  for (std::string line; std::getline(lines, line); ++rows) {
    const auto explanation = nlohmann::json::parse(line)["explanation"];
    CHECK(explanation["class"] == "covid");
    CHECK(explanation["central_share"].is_null());  // 4 x 4 cells
    CHECK(explanation.contains("occlusion_agreement"));
    CHECK(explanation.contains("warning"));
    CHECK(explanation["warning_ids"].empty() == explanation["warning"].is_null());
    const std::string picture = explanation["picture"];
    pictures.insert(picture);
    const data::Image image = data::read_image(picture, 3);
    CHECK(image.height >= 224);
    CHECK(image.width > 3 * image.height);
  }
  CHECK(rows == 4);
  CHECK(pictures.size() == 4);  // though both classes have an image of each name

  const Result fine =
      run(folder, {"predict", checkpoint, test, "--json", "--explain", out, "--layer", "layer1.0"});
  CHECK(fine.status == 0);
  CHECK_THAT(fine.output, contains("\"central_share\":0."));

  const Result table = run(folder, {"predict", checkpoint, test, "--explain", out});
  CHECK(table.status == 0);
  CHECK_THAT(table.output, !contains("centre"));  // a column of nothing
  CHECK_THAT(table.error, contains("no share of the map's centre"));
  const Result with_centre =
      run(folder, {"predict", checkpoint, test, "--explain", out, "--layer", "layer1.0"});
  CHECK_THAT(with_centre.output,
             contains("  centre  picture\n") && contains("centre: share of the Grad-CAM map of layer"));
  const Result csv = run(folder, {"predict", checkpoint, test, "--explain", out, "--csv"});
  CHECK(csv.output.substr(0, csv.output.find('\n')).ends_with(",explained,central_share,picture,warning"));

  const Result plain = run(folder, {"predict", checkpoint, test, "--csv"});
  CHECK(plain.output.substr(0, plain.output.find('\n')) == "file,class,p(covid),p(normal)");

  const auto usage = [&](const Arguments& more) {
    Arguments arguments{"predict", checkpoint, test};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Result result = run(folder, arguments);
    CHECK(result.status == 2);
    return result.error_line();
  };
  CHECK_THAT(usage({"--explain", out, "--class", "flu"}), contains("use covid or normal"));
  CHECK_THAT(usage({"--explain", out, "--layer", "flu"}), contains("use one of"));
  CHECK_THAT(usage({"--occlusion"}), contains("--explain"));
  write_text(folder / "file", "");
  CHECK(run(folder, {"predict", checkpoint, test, "--explain", (folder / "file").string()}).status != 0);
}

TEST_CASE("a map is warned about where it is empty or lies on the border", "[explain]") {
  using Ids = std::vector<std::string>;
  explain::Explanation explanation;
  const auto ids = [&] {
    Ids found;
    for (const explain::MapWarning& warning : explain::warnings_about(explanation))
      found.emplace_back(warning.id);
    return found;
  };
  CHECK(ids().empty());  // a coarse map
  explanation.central_share = 0.6;
  CHECK(ids().empty());
  explanation.central_share = 0.3;
  CHECK(ids() == Ids{warning_id::map_on_border});
  CHECK_THAT(text_of(explain::warnings_about(explanation)), contains("70% "));
  explanation.agreement = 0.1;
  CHECK(ids() == Ids{warning_id::map_on_border, warning_id::maps_differ});
  CHECK_THAT(text_of(explain::warnings_about(explanation)), contains("70% ") && contains("0.10"));
  explanation.central_share.reset();
  explanation.agreement = 0.3;
  CHECK(ids().empty());
  explanation.empty = true;
  CHECK(ids() == Ids{warning_id::map_empty});
}

}  // namespace xr::apps::test
