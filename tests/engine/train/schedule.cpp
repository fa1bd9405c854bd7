#include "engine/train/schedule.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace xr::engine;

TEST_CASE("constant schedule with warm-up") {
  Schedule schedule;
  schedule.base = 0.4;
  CHECK(schedule.at(0) == 0.4);
  CHECK(schedule.at(1000000) == 0.4);
  schedule.warmup_steps = 4;
  CHECK(schedule.at(0) == Approx(0.1));
  CHECK(schedule.at(1) == Approx(0.2));
  CHECK(schedule.at(3) == Approx(0.4));
  CHECK(schedule.at(4) == Approx(0.4));
}

TEST_CASE("step schedule drops by gamma") {
  Schedule schedule{ScheduleKind::step, 1.0};
  schedule.step_size = 3;
  schedule.gamma = 0.5;
  const double expected[] = {1, 1, 1, 0.5, 0.5, 0.5, 0.25};
  for (int t = 0; t < 7; ++t) CHECK(schedule.at(t) == Approx(expected[t]));
  schedule.warmup_steps = 2;  // the drops are counted from the end of the warm-up
  CHECK(schedule.at(0) == Approx(0.5));
  CHECK(schedule.at(4) == Approx(1.0));
  CHECK(schedule.at(5) == Approx(0.5));
}

TEST_CASE("cosine schedule falls from base to minimum") {
  Schedule schedule{ScheduleKind::cosine, 1.0};
  schedule.warmup_steps = 10;
  schedule.total_steps = 110;
  schedule.minimum = 0.2;
  CHECK(schedule.at(0) == Approx(0.1));
  CHECK(schedule.at(9) == Approx(1.0));
  CHECK(schedule.at(10) == Approx(1.0));
  CHECK(schedule.at(35) == Approx(0.2 + 0.8 * (1 + std::sqrt(0.5)) / 2));
  CHECK(schedule.at(60) == Approx(0.6));
  CHECK(schedule.at(110) == Approx(0.2));
  CHECK(schedule.at(5000) == Approx(0.2));
  for (int t = 10; t < 110; ++t) CHECK(schedule.at(t + 1) < schedule.at(t));
}

TEST_CASE("schedules of senseless lengths stay finite") {
  for (const ScheduleKind kind : {ScheduleKind::constant, ScheduleKind::step, ScheduleKind::cosine}) {
    Schedule schedule{kind, 1.0};
    schedule.total_steps = 0;
    schedule.step_size = 0;
    for (const std::int64_t t : {0, 1, 100}) CHECK(std::isfinite(schedule.at(t)));
  }
}
