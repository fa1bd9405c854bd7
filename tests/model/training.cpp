// Whole training steps: repeatable, resumable, without new memory.
#include "engine/io/safetensors.h"
#include "engine/ops/cross_entropy.h"
#include "engine/train/optimizer.h"
#include "kernels/common/parallel.h"
#include "model/model.h"
#include "tests/engine/support.h"

using namespace xr;
using namespace xr::model;
using namespace xr::engine;
using namespace xr::engine::test;

namespace {

constexpr std::int64_t batch = 6, size = 32;

ModelSettings settings_of(const std::string& name) {
  ModelSettings settings;
  settings.name = name;
  settings.image_size = size;
  settings.seed = 11;
  return settings;
}

/// A network with what training it needs. Step t trains on the images of number t.
class Trainer {
 public:
  explicit Trainer(const ModelSettings& settings)
      : network_(make_model(settings)), arena_(network_->parameters()), optimizer_(arena_, {}) {}

  float step() {
    const std::int64_t step = optimizer_.steps_done();
    network_->set_step(step);
    const Tensor images = random_tensor({batch, 1, size, size}, 100 + static_cast<std::uint64_t>(step));
    const Tensor loss = cross_entropy((*network_)(images), labels({0, 1, 1, 0, 1, 0}));
    arena_.zero_grad();
    loss.backward();
    optimizer_.step();
    return loss.item();
  }

  std::vector<float> steps(int count) {
    std::vector<float> losses;
    for (int i = 0; i < count; ++i) losses.push_back(step());
    return losses;
  }

  void save(const fs::path& folder) {
    save_safetensors(folder / "state", network_->state());
    save_safetensors(folder / "optimizer", optimizer_.state(),
                     {{"steps", std::to_string(optimizer_.steps_done())}});
  }

  void load(const fs::path& folder) {
    load_state(SafetensorsFile(folder / "state"), network_->state(), "state");
    const SafetensorsFile moments(folder / "optimizer");
    load_state(moments, optimizer_.state(), "optimizer");
    optimizer_.set_steps_done(std::stoll(moments.metadata().at("steps")));
  }

  [[nodiscard]] Module& network() { return *network_; }

 private:
  std::unique_ptr<Module> network_;
  ParameterArena arena_;
  Adam optimizer_;
};

bool same_state(Module& a, Module& b) {
  const std::vector<NamedTensor> left = a.state(), right = b.state();
  for (std::size_t i = 0; i < left.size(); ++i)
    if (!same_bytes(left[i].tensor, right[i].tensor)) return false;
  return left.size() == right.size();
}

/// One of each kind: resnet34 and resnet50 have nothing that the others lack but their size.
std::vector<std::string> kinds_of_networks() {
  std::vector<std::string> names = model_names();
  std::erase_if(names, [](const std::string& name) { return name == "resnet34" || name == "resnet50"; });
  return names;
}

}  // namespace

TEST_CASE("a step in a steady state takes no memory from the device") {
  for (const std::string& name : model_names()) {
    Trainer trainer(settings_of(name));
    trainer.steps(3);  // the free list of the networks before is cut up
    const AllocatorStatistics warm = allocator({}).statistics();
    trainer.steps(3);
    const AllocatorStatistics later = allocator({}).statistics();
    CAPTURE(name);
    CHECK(later.device_allocations == warm.device_allocations);
    CHECK(later.bytes_reserved == warm.bytes_reserved);
    CHECK(later.bytes_in_use == warm.bytes_in_use);
  }
}

TEST_CASE("training twice with one seed gives the same bytes") {
  for (const std::string& name : kinds_of_networks()) {
    CAPTURE(name);
    Trainer first(settings_of(name)), second(settings_of(name));
    const std::vector<float> losses = first.steps(4);
    CHECK(second.steps(4) == losses);
    CHECK(same_state(first.network(), second.network()));
    ModelSettings settings = settings_of(name);
    settings.seed = 12;
    CHECK(Trainer(settings).steps(1).front() != losses.front());
  }
}

TEST_CASE("training goes on from a checkpoint to the same bytes") {
  for (const std::string& name : kinds_of_networks()) {
    CAPTURE(name);
    const TemporaryFolder folder;
    Trainer undisturbed(settings_of(name));
    const std::vector<float> all = undisturbed.steps(6);
    {
      Trainer interrupted(settings_of(name));
      interrupted.steps(3);
      interrupted.save(folder.path());
    }
    Trainer resumed(settings_of(name));
    resumed.step();  // whatever the network was before
    resumed.load(folder.path());
    CHECK(resumed.steps(3) == std::vector<float>(all.begin() + 3, all.end()));
    CHECK(same_state(undisturbed.network(), resumed.network()));
  }
}

TEST_CASE("dropout differs from step to step and is the same for one step") {
  for (const std::string& name : kinds_of_networks()) {
    ModelSettings settings = settings_of(name);
    settings.dropout = 0.5f;
    const auto network = make_model(settings);
    const Tensor images = random_tensor({batch, 1, size, size}, 1);
    const auto logits = [&](std::int64_t step) {
      network->set_step(step);
      return (*network)(images).to_host();
    };
    const std::vector<float> first = logits(0);
    CHECK(logits(0) == first);
    CHECK(logits(1) != first);
    settings.dropout = 0.0f;
    const auto plain = make_model(settings);
    const std::vector<float> without = (*plain)(images).to_host();
    plain->set_step(1);
    CHECK((*plain)(images).to_host() == without);
    CHECK(first != without);
  }
}

TEST_CASE("training learns a small batch by heart") {
  for (const std::string& name : kinds_of_networks()) {
    ModelSettings settings = settings_of(name);
    settings.dropout = 0.0f;
    const auto network = make_model(settings);
    ParameterArena arena(network->parameters());
    Adam adam(arena, {});
    const Tensor images = random_tensor({batch, 1, size, size}, 1), targets = labels({0, 1, 1, 0, 1, 0});
    float first = 0, last = 0;
    for (int i = 0; i < 20; ++i) {
      const Tensor loss = cross_entropy((*network)(images), targets);
      arena.zero_grad();
      loss.backward();
      adam.step();
      (i == 0 ? first : last) = loss.item();
    }
    CAPTURE(name, first, last);
    CHECK(first > 0.3f);
    CHECK(last < 0.1f);
  }
}
