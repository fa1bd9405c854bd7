// What is made of the results of control trainings.
#include "apps/audit/control.h"

#include <nlohmann/json.hpp>

#include "tests/data/support.h"

namespace xr::audit {

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
  CHECK(nothing.id == FindingId::control_needs_middle);
  CHECK(nothing.figures["middle_black"]["high"].get<double>() == Approx(0.64));
  CHECK(judge_control(summary(90), summary(68), summary(88)).verdict == Verdict::warning);
  const Check serious = judge_control(summary(90), summary(84), summary(88));
  CHECK(serious.verdict == Verdict::serious);
  CHECK(serious.id == FindingId::control_keeps_most);
  CHECK(serious.figures["middle_black"]["right"] == 84);
  CHECK(serious.figures["whole"]["right"] == 90);
  CHECK(serious.figures["guessing"] == 0.55);
}

TEST_CASE("that most is kept takes an interval that says so") {
  // 0.75 of 100 is above 0.55 + 0.35 / 2 = 0.725, but its interval begins at 0.66.
  const Check check = judge_control(summary(90), summary(75), summary(88));
  CHECK(check.verdict == Verdict::warning);
  CHECK(check.id == FindingId::control_keeps_a_part_or_most);
  CHECK(judge_control(summary(90), summary(65), summary(88)).id == FindingId::control_keeps_a_part);
}

TEST_CASE("control trainings that show too little are no reassurance") {
  const Check wide = judge_control(summary(70), summary(60), summary(88));  // 0.51 to 0.67, half is 0.625
  CHECK(wide.verdict == Verdict::warning);
  CHECK(wide.id == FindingId::control_undecided);
  const Check weak = judge_control(summary(60), summary(56), summary(50));
  CHECK(weak.verdict == Verdict::warning);
  CHECK(weak.id == FindingId::control_uninformative);
}

TEST_CASE("control trainings of several labels are judged by the mean AUROC") {
  const auto metrics = [](double value, double low, double high) {
    const nlohmann::json mean = {{"value", value}, {"interval_95", {low, high}}};
    const auto entry = [](const char* checkpoint, const char* split, const nlohmann::json& figures) {
      return nlohmann::json{{"checkpoint", checkpoint}, {"split", split}, {"metrics", figures}};
    };
    return nlohmann::json{{"chosen", {{"checkpoint", "01"}}},
                          {"checkpoints",
                           {entry("00", "test", nullptr), entry("01", "validation", nullptr),
                            entry("01", "test", {{"mean_auroc", mean}})}}};
  };
  const nlohmann::json whole = metrics(0.9, 0.85, 0.94), other = metrics(0.88, 0.8, 0.9);
  const Check serious = judge_label_control(whole, metrics(0.8, 0.75, 0.85), other);
  CHECK(serious.id == FindingId::control_keeps_most);
  CHECK(serious.figures["middle_black"]["mean_auroc"] == 0.8);
  CHECK(serious.figures["middle_black"]["low"] == 0.75);
  CHECK(serious.figures["guessing"] == 0.5);
  CHECK(judge_label_control(whole, metrics(0.52, 0.45, 0.6), other).id == FindingId::control_needs_middle);
  CHECK(judge_label_control(metrics(0.55, 0.48, 0.62), metrics(0.5, 0.4, 0.6), other).id ==
        FindingId::control_uninformative);
  nlohmann::json unknown = whole;
  unknown["checkpoints"][2]["metrics"]["mean_auroc"] = {{"value", nullptr}, {"interval_95", nullptr}};
  CHECK(judge_label_control(unknown, other, other).id == FindingId::control_uninformative);
}

}  // namespace xr::audit
