// A step in shards: the same bytes on any number of ranks.
#include "model/sharded_training_step.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <thread>

#include "engine/core/autograd.h"
#include "engine/train/optimizer.h"
#include "model/layers/flatten.h"
#include "model/layers/linear.h"
#include "model/model.h"
#include "model/sequential.h"
#include "tests/engine/distributed/support.h"
#include "tests/engine/support.h"

using namespace xr;
using namespace xr::model;
using namespace xr::engine;
using namespace xr::engine::test;

namespace {

constexpr std::int64_t side = 16;

ModelSettings settings_of(const std::string& name, float dropout = 0.25f) {
  ModelSettings settings;
  settings.name = name;
  settings.image_size = side;
  settings.dropout = dropout;
  settings.seed = 5;
  return settings;
}

/// Stands in for NCCL: the memory of its "devices" is the host's.
class ThroughRanks final : public DeviceExchange {
 public:
  explicit ThroughRanks(Communicator& ranks) : DeviceExchange({}), ranks_(ranks) {}
  void exchange(std::span<const Outgoing> sent, std::span<const Incoming> received) override {
    ranks_.exchange(sent, received);
  }

 private:
  Communicator& ranks_;
};

struct ShardedRun {
  std::string name = "xray_resnet";
  std::int64_t shards = 4, rows = 8, batch_size = 8;
  float dropout = 0.25f;
  bool targets = false;
  std::vector<float> class_weights = {};

  [[nodiscard]] std::vector<std::int64_t> classes() const {
    std::vector<std::int64_t> result;
    for (std::int64_t i = 0; i < rows; ++i) result.push_back(i % 3 == 0 ? 1 : 0);
    return result;
  }
  [[nodiscard]] Tensor labels() const {
    if (!targets) return Tensor::from_host(std::span<const std::int64_t>(classes()), {rows});
    std::vector<float> values;
    for (std::int64_t i = 0; i < 2 * rows; ++i)
      values.push_back(i % 5 == 1 ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(i % 2));
    return Tensor::from_host(std::span<const float>(values), {rows, 2});
  }

  /// Loss, logits, gradients, and the network after two steps of SGD, one after another.
  [[nodiscard]] std::vector<float> numbers(Communicator* ranks, bool whole_batch = false,
                                           DeviceExchange* exchange = nullptr) const {
    const std::unique_ptr<Module> network = make_model(settings_of(name, dropout));
    ParameterArena arena(network->parameters());
    Sgd optimizer(arena, {.learning_rate = 0.01f});
    TrainingStepSettings settings;
    if (!class_weights.empty())
      settings.class_weights = Tensor::from_host(std::span<const float>(class_weights), {2});
    // One process adds all gradients as one vector, ranks as many buckets.
    const BucketSize buckets = ranks == nullptr ? BucketSize{} : BucketSize{1000, 3000};
    ShardedTrainingStep sharded(*network, arena, settings,
                                {shards, batch_size, 2, 1, ranks, buckets, exchange});
    TrainingStep whole(*network, arena, settings);
    std::vector<float> result;
    const auto keep = [&](const std::vector<float>& values) {
      result.insert(result.end(), values.begin(), values.end());
    };
    for (std::int64_t number = 0; number < 2; ++number) {
      const Tensor images = random_tensor({rows, 1, side, side}, static_cast<std::uint64_t>(number) + 1);
      const TrainingStep::Result& step =
          whole_batch ? whole.run(number, images, labels()) : sharded.run(number, images, labels());
      keep(step.loss.to_host());
      keep(step.logits.to_host());
      keep(arena.gradients().to_host());
      optimizer.step();
    }
    for (const NamedTensor& entry : network->state()) {
      if (entry.tensor.dtype() == DType::f32) {
        keep(entry.tensor.to_host());
      } else {
        for (const std::int64_t count : entry.tensor.to_host_i64())
          result.push_back(static_cast<float>(count));
      }
    }
    return result;
  }
};

bool are_same_bytes(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void check_ranks(const ShardedRun& run, const std::vector<int>& counts) {
  const std::vector<float> alone = run.numbers(nullptr);
  for (const int count : counts) {
    std::vector<std::vector<float>> results(static_cast<std::size_t>(count));
    on_ranks(count, [&](Communicator& ranks) {
      results[static_cast<std::size_t>(ranks.rank())] = run.numbers(&ranks);
    });
    for (int rank = 0; rank < count; ++rank) {
      INFO(run.name << ", " << run.rows << " rows in " << run.shards << " shards, rank " << rank << " of "
                    << count);
      CHECK(are_same_bytes(results[static_cast<std::size_t>(rank)], alone));
    }
  }
}

/// Passes on what it gets; its backward waits until the rank has sent something.
class WaitsForSending final : public Module {
 public:
  WaitsForSending(const Communicator& ranks, std::atomic<int>& sent) : ranks_(ranks), sent_(sent) {}
  [[nodiscard]] Shape output_shape(const Shape& x) const override { return x; }

 private:
  [[nodiscard]] Tensor forward(const Tensor& x) override {
    Tensor y = x.clone();
    record(y, "waits_for_sending", {x}, [this](GradientContext& context) {
      const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
      while (ranks_.sent_bytes() == 0 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
      if (ranks_.sent_bytes() > 0) ++sent_;
      context.give(0, context.output());
    });
    return y;
  }

  const Communicator& ranks_;
  std::atomic<int>& sent_;
};

double relative_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += std::pow(static_cast<double>(a[i]) - b[i], 2);
    norm += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(difference / norm);
}

}  // namespace

TEST_CASE("a step in shards has the same bytes on 1 to 6 ranks, for both networks") {
  check_ranks({.name = "xray_resnet"}, {1, 2, 4});
  check_ranks({.name = "report_cnn", .shards = 6, .class_weights = {0.7f, 1.9f}}, {1, 2, 3, 6});
  check_ranks({.name = "report_cnn", .targets = true}, {2, 4});
}

TEST_CASE("a step in shards has the same bytes where sums stay in the devices' memory") {
  const ShardedRun run{.name = "report_cnn", .rows = 3};  // one shard is empty
  const std::vector<float> alone = run.numbers(nullptr);
  std::atomic<int> wrong{0};
  on_ranks(2, [&](Communicator& ranks) {
    ThroughRanks exchange(ranks);
    if (!are_same_bytes(run.numbers(&ranks, false, &exchange), alone)) ++wrong;
  });
  CHECK(wrong == 0);
}

TEST_CASE("a batch smaller than the shards leaves ranks without work, and the same bytes") {
  check_ranks({.name = "report_cnn", .shards = 4, .rows = 3}, {1, 2, 4});
}

TEST_CASE("one shard is the step of the whole batch, but for rounding") {
  for (const bool targets : {false, true}) {
    ShardedRun run{.name = "report_cnn", .shards = 1, .targets = targets};
    if (!targets) run.class_weights = {0.7f, 1.9f};
    CHECK(relative_difference(run.numbers(nullptr), run.numbers(nullptr, true)) < 1e-5);
  }
}

TEST_CASE("running statistics move by the mean of the shards' changes, and count steps") {
  const std::unique_ptr<Module> network = make_model(settings_of("xray_resnet"));
  ParameterArena arena(network->parameters());
  ShardedTrainingStep step(*network, arena, {}, {2, 4, 2, 1, nullptr});
  const Tensor images = random_tensor({4, 1, side, side}, 1);
  const std::vector<std::int64_t> classes{0, 1, 1, 0};
  (void)step.run(0, images, Tensor::from_host(std::span<const std::int64_t>(classes), {4}));
  std::vector<NamedTensor> after;
  for (const NamedTensor& entry : network->state())
    if (entry.name.find("running_mean") != std::string::npos ||
        entry.name.find("num_batches") != std::string::npos)
      after.push_back({entry.name, entry.tensor.clone()});
  REQUIRE(after.size() > 2);

  // The first batch norm alone, on each half: momentum 0.1 of the mean of the halves' means.
  std::vector<float> changes;
  for (int half = 0; half < 2; ++half) {
    const std::unique_ptr<Module> fresh = make_model(settings_of("xray_resnet"));
    const std::vector<float> pixels = images.to_host();
    const auto part =
        std::span(pixels).subspan(static_cast<std::size_t>(half) * pixels.size() / 2, pixels.size() / 2);
    (void)(*fresh)(Tensor::from_host(part, {2, 1, side, side}));
    for (const NamedTensor& entry : fresh->state())
      if (entry.name == after[0].name) {
        const std::vector<float> mean = entry.tensor.to_host();
        changes.resize(mean.size());
        for (std::size_t i = 0; i < mean.size(); ++i) changes[i] += 0.5f * mean[i];
      }
  }
  CHECK(relative_difference(after[0].tensor.to_host(), changes) < 1e-6);
  for (const NamedTensor& entry : after)
    if (entry.tensor.dtype() == DType::i64) CHECK(entry.tensor.to_host_i64() == std::vector<std::int64_t>{1});
}

TEST_CASE("gradients of the last layers are sent while backward of the first ones is to come") {
  std::atomic<int> sent{0};
  on_ranks(2, [&](Communicator& ranks) {
    Initializer initializer{.seed = 3};
    Sequential network;
    network.add<Flatten>("flatten");
    network.add<Linear>("first", initializer, 4, 8);
    network.add<WaitsForSending>("waits", ranks, sent);
    network.add<Linear>("last", initializer, 8, 2);
    ParameterArena arena(network.parameters());
    ShardedTrainingStep step(network, arena, {}, {2, 2, 2, 1, &ranks, {1, 1000}});
    const std::vector<std::int64_t> classes{0, 1};
    (void)step.run(0, random_tensor({2, 1, 2, 2}, 1),
                   Tensor::from_host(std::span<const std::int64_t>(classes), {2}));
  });
  CHECK(sent == 2);
}

TEST_CASE("errors of a step in shards") {
  const std::unique_ptr<Module> network = make_model(settings_of("report_cnn"));
  ParameterArena arena(network->parameters());
  const auto ranks = make_local_ranks(3);
  CHECK_THROWS_WITH(ShardedTrainingStep(*network, arena, {}, {4, 8, 2, 1, ranks[0].get()}),
                    "3 ranks do not divide 4 shards");
  ShardedTrainingStep step(*network, arena, {}, {2, 2, 2, 1, nullptr});
  const std::vector<std::int64_t> classes{0, 1, 1};
  CHECK_THROWS_WITH(step.run(0, random_tensor({3, 1, side, side}, 1),
                             Tensor::from_host(std::span<const std::int64_t>(classes), {3})),
                    "a batch of 3 images is larger than the 2 of this step");
}
