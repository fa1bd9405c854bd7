#include "apps/xrtrain/serve/image_rows.h"

#include <atomic>
#include <cmath>
#include <thread>

#include "apps/xrtrain/serve/pages.h"
#include "apps/xrtrain/serve/work_queue.h"
#include "tests/apps/xrtrain/support.h"

using namespace xr::apps;
using namespace xr::apps::serve;

namespace {

RunPredictions predictions_of(std::vector<std::int64_t> labels, std::vector<double> probabilities) {
  RunPredictions all;
  all.class_names = {"covid", "normal"};
  auto images = std::make_shared<SplitImages>();
  for (std::size_t i = 0; i < labels.size(); ++i)
    images->paths.push_back("test/" + std::string(1, char('d' - i)));
  images->labels = std::move(labels);
  all.test.images = std::move(images);
  all.test.probabilities = std::move(probabilities);
  return all;
}

std::vector<std::size_t> numbers_of(const std::vector<const ImageRow*>& rows) {
  std::vector<std::size_t> numbers;
  for (const ImageRow* row : rows) numbers.push_back(row->number);
  return numbers;
}

using Numbers = std::vector<std::size_t>;

}  // namespace

TEST_CASE("evaluated images are filtered and sorted", "[serve]") {
  const auto rows =
      make_rows(predictions_of({0, 0, 1, 1}, {0.8, 0.2, 0.05, 0.95, 0.55, 0.45, 0.31, 0.69}), {{}, 0.4});
  CHECK(rows[1].wrong);
  CHECK(rows[1].predicted == "normal");
  CHECK(rows[1].error == Approx(0.95));
  CHECK(rows[3].margin == Approx(0.09));
  CHECK(numbers_of(select_rows(rows, Show::all, Sort::probability)) == Numbers{1, 0, 3, 2});
  CHECK(numbers_of(select_rows(rows, Show::all, Sort::error)) == Numbers{1, 2, 3, 0});
  CHECK(numbers_of(select_rows(rows, Show::all, Sort::name)) == Numbers{3, 2, 1, 0});
  CHECK(numbers_of(select_rows(rows, Show::errors, Sort::name)) == Numbers{2, 1});
  CHECK(numbers_of(select_rows(rows, Show::certain_errors, Sort::name)) == Numbers{1});
  CHECK(numbers_of(select_rows(rows, Show::near_threshold, Sort::name)) == Numbers{3});
}

TEST_CASE("an image with labels is wrong where one lies on the wrong side of its threshold", "[serve]") {
  auto all = predictions_of({0, 0, 0}, {0.62, 0.39, 0.2, 0.35, 0.95, 0.1});
  all.task = xr::data::Task::multi_label;
  auto images = std::make_shared<SplitImages>(*all.test.images);
  images->targets = {1, 0, 1, NAN, 0, 0};
  all.test.images = images;
  const auto rows = make_rows(all, {{0.5, 0.4}, 0.5});
  CHECK(!rows[0].wrong);
  CHECK(rows[0].truth == "covid");
  CHECK(rows[1].wrong);  // covid, which it has, is not called
  CHECK(rows[1].predicted == "no label");
  CHECK(rows[1].margin == Approx(0.05));
  CHECK(rows[2].wrong);
  CHECK(rows[2].error == Approx(0.95));
  CHECK(rows[2].worst == 0);
  CHECK(rows[0].worst == 1);  // 0.39 away from 0, farther than 0.62 from 1
  CHECK(numbers_of(select_rows(rows, Show::certain_errors, Sort::name)) == Numbers{2});
  CHECK(numbers_of(select_rows(rows, Show::near_threshold, Sort::name)) == Numbers{1, 0});
}

TEST_CASE("an image of which no label is known is not called right", "[serve]") {
  auto all = predictions_of({0}, {0.9, 0.2});
  all.task = xr::data::Task::multi_label;
  auto images = std::make_shared<SplitImages>(*all.test.images);
  images->targets = {NAN, NAN};
  all.test.images = images;
  const auto rows = make_rows(all, {{0.5, 0.5}, 0.5});
  CHECK(!rows[0].known);
  CHECK(rows[0].predicted == "covid");
  CHECK(!rows[0].wrong);
}

TEST_CASE("files outside of the data folder are not shown, whatever a run's predictions name", "[serve]") {
  test::TemporaryFolder folder;
  test::make_png(folder / "data/a/in.png");
  test::make_png(folder / "out.png");
  ServedRun run;
  run.data = folder / "data";
  const auto shows = [&](const std::string& path) {
    ImageRow row;
    row.path = path;
    return run.file_of(row).has_value();
  };
  CHECK(shows("a/in.png"));
  CHECK(shows("a/../a/in.png"));
  for (const std::string& path : {std::string("../out.png"), std::string("a/../../out.png"),
                                  (folder / "out.png").string(), std::string("a"), std::string()}) {
    INFO(path);
    CHECK(!shows(path));
  }
}

TEST_CASE("the address of a list reads back, and nonsense is the default", "[serve]") {
  const ListQuery query = parse_list_query({{"show", "near"}, {"sort", "name"}, {"page", "3"}});
  CHECK(query.show == Show::near_threshold);
  CHECK(query.sort == Sort::name);
  CHECK(query.page == 3);
  CHECK(query.text() == "show=near&sort=name");
  const ListQuery plain = parse_list_query({{"show", "../x"}, {"sort", ""}, {"page", "-2"}});
  CHECK(plain.text() == ListQuery{}.text());
  CHECK(plain.page == 1);
}

TEST_CASE("work is done in one thread, and refused where too much waits or all is over", "[serve]") {
  WorkQueue none(0);
  CHECK_THROWS_AS(none.run<int>([] { return 1; }), Busy);
  WorkQueue queue(4);
  std::atomic<bool> ended{false};
  std::thread::id worker;
  std::thread working([&] {
    worker = std::this_thread::get_id();
    queue.work_until([&] { return ended.load(); });
  });
  CHECK(queue.run<std::thread::id>([] { return std::this_thread::get_id(); }) == worker);
  CHECK_THROWS_AS(queue.run<int>([]() -> int { throw std::logic_error("wrong"); }), std::logic_error);
  ended = true;
  working.join();
  CHECK_THROWS_AS(queue.run<int>([] { return 1; }), Busy);
}
