// `xrtrain serve` through its socket.
#include <fmt/core.h>

#include <array>
#include <nlohmann/json.hpp>
#include <span>
#include <sstream>

#include "data/image/image.h"
#include "tests/apps/html/well_formed.h"
#include "tests/apps/http/raw_client.h"
#include "tests/apps/xrtrain/serve/served.h"

namespace xr::apps::test {

namespace {

using http::test::Answer;
using http::test::get;
using http::test::post;

std::string trained_run(const TemporaryFolder& folder, const std::string& model = "report_cnn") {
  make_phantoms(folder);
  Arguments arguments = tiny(folder, "run");
  replace_value(arguments, "--model", model);
  replace_value(arguments, "--image-size", "32");
  REQUIRE(run(folder, arguments).status == 0);
  return (folder / "run").string();
}

std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

data::Image png_in(const Answer& answer) {
  CHECK(answer.status == 200);
  CHECK(answer.headers.at("content-type") == "image/png");
  return data::decode_image(std::as_bytes(std::span(answer.body)), 3);
}

/// Of an answer that says what is wrong, in one line.
std::string failure_in(const Answer& answer) {
  CHECK(answer.status / 100 == 4);
  const auto json = nlohmann::json::parse(answer.body);
  std::string text = json.at("error");
  CHECK(text.size() > 10);
  CHECK(text.find('\n') == std::string::npos);
  return text;
}

std::vector<std::string> files_below(const fs::path& folder) {
  std::vector<std::string> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder))
    files.push_back(entry.path().string());
  std::ranges::sort(files);
  return files;
}

}  // namespace

TEST_CASE("serve shows the report and the images, with filters and maps", "[serve]") {
  if (!can_serve()) return;
  TemporaryFolder folder;
  const std::string trained = trained_run(folder);
  Served served(folder, {trained});
  const int port = served.port();

  const Answer home = get(port, "/");
  CHECK(home.status == 200);
  CHECK_THAT(home.body,
             contains("Not a medical device.") && contains("4 test images") && contains("64.0 MB"));
  CHECK_THAT(home.headers.at("content-security-policy"),
             contains("default-src 'none'") && contains("script-src 'self'") && !contains("unsafe"));
  for (const char* page : {"/", "/images", "/images/0", "/images/0?class=1", "/nowhere"}) {
    const Answer answer = get(port, page);
    CHECK(answer.status == (std::string(page) == "/nowhere" ? 404 : 200));
    CHECK(html::markup_fault(answer.body).empty());
    CHECK(answer.body.find("http://") == std::string::npos);  // nothing from elsewhere
    CHECK(answer.body.find("https://") == std::string::npos);
  }
  const Answer report = get(port, "/report");
  CHECK(report.status == 200);
  CHECK_THAT(report.body, contains("How to repeat it") && contains("<a href=\"/images\">"));
  CHECK(get(port, "/style.css").headers.at("content-type") == "text/css; charset=utf-8");
  CHECK(get(port, "/script.js").status == 200);

  const std::string all = get(port, "/images?sort=name").body, item = "<li><a href=\"/images/";
  CHECK(occurrences(all, item) == 4);
  CHECK(all.find("test/covid/") < all.find("test/normal/"));
  const std::size_t errors = occurrences(get(port, "/images?show=errors").body, item),
                    wrong = occurrences(all, "class=\"wrong\"");
  CHECK(errors == wrong);
  CHECK(get(port, "/images?show=%3Cscript%3E&sort=x&page=99999999999999999999").status == 200);

  CHECK(png_in(get(port, "/images/0/thumbnail.png")).width == 64);
  CHECK(png_in(get(port, "/images/3/picture.png")).width == 64);
  const data::Image map = png_in(get(port, "/images/0/map.png?class=1"));
  CHECK(map.width > 2 * 224);
  CHECK(png_in(get(port, "/images/0/map.png?class=0")).pixels != map.pixels);

  for (const char* trick :
       {"/images/4", "/images/-1", "/images/0x1", "/images/99999999999999999999/map.png", "/images/0/../0",
        "/images/0/thumbnail.png/..", "/images/..%2f..%2f..%2fetc%2fpasswd", "/../../etc/passwd",
        "/%2e%2e/config.toml", "/images/0/map.png?class=2", "/images/0/map.png?class=-1", "/images/%00",
        "/images/", "//etc/passwd", "/config.toml", "/images/0/map.png%00.png"}) {
    INFO(trick);
    CHECK(get(port, trick).status / 100 == 4);
  }
  CHECK(post(port, "/images", "x").status == 404);
  CHECK(served.end() == 0);
  CHECK(occurrences(served.output(), "\n") <= 3);  // the warning on a small validation set, the address
}

TEST_CASE("an image that is dropped on the page gets the prediction of predict, and is not kept", "[serve]") {
  if (!can_serve()) return;
  TemporaryFolder folder;
  // A network with batch norms, which predict folds into its convolutions.
  const std::string trained = trained_run(folder, "xray_resnet"), images = (folder / "data/test").string();
  const Result predicted = run(folder, {"predict", trained, images, "--json", "--batch-size", "1"});
  const auto results = results_of(trained);
  Served served(folder, {trained});
  const std::vector<std::string> files = files_below(folder.path());
  std::istringstream lines(predicted.output);
  int rows = 0;
  for (std::string line; std::getline(lines, line); ++rows) {
    const auto wanted = nlohmann::json::parse(line);
    const Answer answer = post(served.port(), "/predict", read_text(wanted["file"].get<std::string>()));
    CHECK(answer.status == 200);
    const auto row = nlohmann::json::parse(answer.body);
    CHECK(row["probabilities"] == wanted["probabilities"]);  // to the last digit
    CHECK(row["class"] == wanted["class"]);
    const std::string markup = row["html"];
    CHECK(html::markup_fault("<div>" + markup + "</div>").empty());
    CHECK_THAT(markup, contains("Not a medical device.") && contains("Calibration") &&
                           contains("data:image/png;base64,") &&
                           contains(fmt::format("{:.4f}", row["probabilities"]["covid"].get<double>())));
  }
  CHECK(rows == 4);
  CHECK(files_below(folder.path()) == files);
  CHECK(results_of(trained) == results);
  CHECK(served.end() == 0);
  CHECK(files_below(folder.path()) == files);
}

TEST_CASE("serve shows a run of several labels", "[serve]") {
  if (!can_serve()) return;
  TemporaryFolder folder;
  const fs::path data = make_phantoms(folder);
  std::string table = "file,labels\n";
  int number = 0;
  for (const std::string& file : files_below(data))
    if (fs::is_regular_file(file))
      table += fmt::format("{},{}\n", fs::relative(file, data).string(),
                           std::array{"covid|<b>", "covid", "<b>", "No Finding"}[number++ % 4]);
  write_text(folder / "labels.csv", table);
  REQUIRE(run(folder, tiny(folder, "run", {"--labels", (folder / "labels.csv").string()})).status == 0);
  const std::string trained = (folder / "run").string();
  Served served(folder, {trained});
  const std::string list = get(served.port(), "/images").body, page = get(served.port(), "/images/0").body;
  for (const std::string& body : {get(served.port(), "/").body, list, page}) {
    CHECK(html::markup_fault(body).empty());
    CHECK(body.find("<b>") == std::string::npos);
  }
  CHECK_THAT(list, contains("Largest error: ") && contains("no label"));
  CHECK_THAT(page, contains(">threshold<") && contains(">predicted<") && contains(">true<"));
  CHECK(png_in(get(served.port(), "/images/0/map.png?class=1")).width > 2 * 224);
  const std::string image = files_below(data / "test").back();
  const auto wanted = nlohmann::json::parse(run(folder, {"predict", trained, image, "--json"}).output);
  const auto row = nlohmann::json::parse(post(served.port(), "/predict", read_text(image)).body);
  CHECK(row["labels"] == wanted["labels"]);
  CHECK(row["probabilities"] == wanted["probabilities"]);
  CHECK_THAT(row["html"].get<std::string>(), contains("threshold") && contains("Not a medical device."));
}

TEST_CASE("what is no image, or a damaged one, gets one line and ends nothing", "[serve]") {
  if (!can_serve()) return;
  TemporaryFolder folder;
  const std::string trained = trained_run(folder);
  Served served(folder, {trained});
  const int port = served.port();
  const std::string image = read_text(folder / "data/test/covid/000.png");
  CHECK(post(port, "/predict", "<!DOCTYPE html><html></html>").status == 415);
  CHECK_THAT(failure_in(post(port, "/predict", "<!DOCTYPE html><html></html>")), contains("HTML"));
  CHECK(failure_in(post(port, "/predict", "")).size() > 10);
  CHECK(post(port, "/predict", image.substr(0, image.size() / 2)).status == 422);
  for (std::size_t i = 0; i < 24; ++i) {
    std::string damaged = image;
    for (std::size_t k = 8 + i; k < damaged.size(); k += 37 + i)
      damaged[k] = static_cast<char>(damaged[k] ^ (1 << (i % 8)));
    const Answer answer = post(port, "/predict", damaged);
    CHECK((answer.status == 200 || answer.status == 415 || answer.status == 422));
  }
  std::string huge_claim = "P5 60000 60000 255\n";
  CHECK(post(port, "/predict", huge_claim).status / 100 == 4);
  CHECK(post(port, "/predict", image, {{"Sec-Fetch-Site", "cross-site"}}).status == 403);
  CHECK(post(port, "/predict", image, {{"Host", "rebound.example"}}).status == 421);
  CHECK(post(port, "/predict", image, {{"Content-Type", "text/plain"}}).status == 415);
  CHECK(post(port, "/predict", "", {{"Content-Length", "64000001"}}).status == 413);
  CHECK(post(port, "/predict", image).status == 200);
}

TEST_CASE("serve says what is wrong with a run, a folder of images and a port", "[serve]") {
  if (!can_serve()) return;
  TemporaryFolder folder;
  const std::string trained = trained_run(folder);
  const auto error_of_run = [&](const fs::path& path) {
    const Result result = run(folder, {"serve", path.string(), "--port", "0"});
    CHECK(result.status == 3);
    return result.error_line();
  };
  CHECK_THAT(error_of_run(folder / "absent"), contains("absent"));
  CHECK_THAT(error_of_run(folder / "data"), contains("not the folder of a run"));
  CHECK_THAT(error_of_run(folder / "run/checkpoints/02.safetensors"), contains("folder of a run"));

  const Result absent =
      run(folder, {"serve", trained, "--port", "0", "--data", (folder / "absent").string()});
  CHECK(absent.status == 2);
  CHECK_THAT(absent.error_line(), contains("--data") && contains("absent"));
  fs::rename(folder / "data", folder / "moved");
  {
    Served served(folder, {trained});
    CHECK(get(served.port(), "/images/0/thumbnail.png").status == 404);
    CHECK_THAT(get(served.port(), "/images/0").body, contains("--data"));
    const Result taken = run(folder, {"serve", trained, "--port", std::to_string(served.port())});
    CHECK(taken.status == 2);
    CHECK_THAT(taken.error_line(), contains(std::to_string(served.port())) && contains("--port"));
  }
  {
    Served served(folder, {trained, "--data", (folder / "moved").string(), "--host", "0.0.0.0"});
    CHECK(get(served.port(), "/images/0/thumbnail.png").status == 200);
    CHECK_THAT(served.output(), contains("xrtrain: warning: ") && contains("no password and no encryption"));
  }
  fs::remove(folder / "run/metrics.json");
  CHECK_THAT(error_of_run(trained), contains("xrtrain eval"));
}

}  // namespace xr::apps::test
