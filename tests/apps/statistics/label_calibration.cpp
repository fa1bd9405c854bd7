// One temperature for several labels.
#include "apps/statistics/label_calibration.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "kernels/common/random.h"
#include "tests/apps/statistics/near.h"

namespace xr::statistics::test {

namespace {

/// Labels that are true with the probability of logit / 2, while the table says that of the logit.
struct Overconfident {
  explicit Overconfident(std::size_t count) {
    Philox random(5, 6);
    for (std::size_t i = 0; i < count; ++i) {
      const double logit = 3.0 * random.normal();
      values.push_back(1 / (1 + std::exp(-logit)));
      const bool has = random.uniform() < 1 / (1 + std::exp(-logit / 2));
      targets.push_back(i % 7 == 0 ? std::nanf("") : has ? 1.0f : 0.0f);
    }
  }
  std::vector<double> values;
  std::vector<float> targets;
};

}  // namespace

TEST_CASE("One temperature takes back what all labels are too sure of") {
  const Overconfident drawn(9000);
  const LabelTable table{3, drawn.values, drawn.targets};
  const KnownAnswers answers = known_answers(table);
  CHECK(answers.labels.size() == 9000 - 1286);
  const std::optional<double> temperature = fit_temperature(answers.table());
  REQUIRE(temperature.has_value());
  CHECK(*temperature == Approx(2.0).margin(0.2));
  // Softmax of both sides over T is the sigmoid of logit over T.
  const std::vector<double> scaled = at_temperature(answers.table(), *temperature);
  for (std::size_t i = 0; i < 40; ++i) {
    const double p = answers.values[2 * i + 1], logit = std::log(p / (1 - p));
    CHECK(scaled[2 * i + 1] == Approx(1 / (1 + std::exp(-logit / *temperature))));
  }
  const KnownAnswers after{scaled, answers.labels};
  CHECK(*negative_log_likelihood(after.table()) < *negative_log_likelihood(answers.table()));
  CHECK(*expected_calibration_error(after.table()) < 0.4 * *expected_calibration_error(answers.table()));
}

TEST_CASE("A probability that was rounded to 1 leaves something to the other side") {
  const std::vector<double> values{1.0, 0.5};
  const std::vector<float> targets{0, 1};
  const KnownAnswers answers = known_answers({2, values, targets});
  CHECK(answers.values == std::vector<double>{0x1p-54, 1.0, 0.5, 0.5});
  CHECK(answers.labels == std::vector<std::int64_t>{0, 1});
}

}  // namespace xr::statistics::test
