// Learning rates of backbone and head, and running statistics that are computed anew.
#include <cmath>

#include "apps/xrtrain/training/running_statistics.h"
#include "engine/core/autograd.h"
#include "engine/io/safetensors.h"
#include "model/layers/batch_norm2d.h"
#include "model/model.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

/// Batches of given numbers of images.
class FixedBatches final : public BatchSource {
 public:
  explicit FixedBatches(std::vector<std::vector<float>> batches) : batches_(std::move(batches)) {}
  void start_epoch(std::uint64_t, std::size_t) override { next_ = 0; }
  bool load_next() override {
    if (next_ == batches_.size()) return false;
    const std::vector<float>& pixels = batches_[next_++];
    images_ = engine::Tensor::from_host(std::span<const float>(pixels),
                                        {static_cast<std::int64_t>(pixels.size()) / 4, 1, 2, 2});
    labels_.assign(pixels.size() / 4, 0);
    return true;
  }
  void make_images() override {}
  [[nodiscard]] const engine::Tensor& images() const override { return images_; }
  [[nodiscard]] const engine::Tensor& labels() const override { return images_; }
  [[nodiscard]] data::Truth truth() const override { return {labels_, {}}; }
  [[nodiscard]] std::size_t batch_count() const override { return batches_.size(); }

 private:
  std::vector<std::vector<float>> batches_;
  std::size_t next_ = 0;
  engine::Tensor images_;
  std::vector<std::int64_t> labels_;
};

std::map<std::string, std::vector<float>> tensors_of(const fs::path& checkpoint) {
  const engine::SafetensorsFile file(checkpoint);
  std::map<std::string, std::vector<float>> result;
  for (const auto& entry : file.entries())
    if (entry.dtype == engine::DType::f32) result[entry.name] = file.load(entry.name).to_host();
  return result;
}

}  // namespace

TEST_CASE("Running statistics are the averages over the batches by their images") {
  model::BatchNorm2d norm({}, 1, {});
  // Two images, then one: means 1 and 4, unbiased variances of 8 and 4 values.
  FixedBatches batches({{0, 0, 0, 0, 2, 2, 2, 2}, {3, 3, 5, 5}});
  const engine::Tensor mean = norm.state()[2].tensor, variance = norm.state()[3].tensor;
  REQUIRE(recompute_running_statistics(norm, batches, 0) == 3);
  CHECK(std::abs(mean.to_host()[0] - 2.0f) < 1e-6f);  // (2 1 + 1 4) / 3
  CHECK(std::abs(variance.to_host()[0] - (2.0f * 8.0f / 7.0f + 4.0f / 3.0f) / 3.0f) <
        1e-6f);                                         // by images, too
  CHECK(norm.state()[4].tensor.to_host_i64()[0] == 0);  // no training step
  CHECK_FALSE(norm.context().batch_norm_momentum);
}

TEST_CASE("A momentum is too small for few steps") {
  const model::BatchNorm2d usual({}, 1, {}), small({}, 1, {.params = {.momentum = 0.01f}});
  struct Network : model::Module {
    explicit Network(model::BatchNorm2d& norm) { register_module("norm", norm); }
    [[nodiscard]] model::Shape output_shape(const model::Shape& x) const override { return x; }
    [[nodiscard]] model::Tensor forward(const model::Tensor& x) override { return x; }
  };
  const Network of_usual(const_cast<model::BatchNorm2d&>(usual)),
      of_small(const_cast<model::BatchNorm2d&>(small));
  CHECK(momentum_is_too_small(of_usual, 13));
  CHECK_FALSE(momentum_is_too_small(of_usual, 14));
  CHECK(momentum_is_too_small(of_small, 100));
  CHECK_FALSE(momentum_is_too_small(of_small, 200));
  CHECK(has_small_momentum(of_small));
  CHECK_FALSE(has_small_momentum(of_usual));
}

TEST_CASE("A network of small momentum gets its running statistics anew, and the checkpoint says so") {
  TemporaryFolder folder;
  make_phantoms(folder);
  const Arguments more = {"--model", "efficientnet_lite0", "--image-size", "32", "--epochs", "1"};
  const auto train = [&](const std::string& out, const std::string& recompute) {
    Arguments arguments = more;
    if (!recompute.empty()) arguments.insert(arguments.end(), {"--recompute-statistics", recompute});
    REQUIRE(run(folder, tiny(folder, out, arguments)).status == 0);
    return folder / out / "checkpoints/00.safetensors";
  };
  const fs::path automatic = train("auto", ""), yes = train("yes", "yes"), no = train("no", "no");
  CHECK(read_text(automatic) == read_text(yes));
  CHECK(engine::SafetensorsFile(yes).metadata().at("statistics_images") != "0");
  CHECK_FALSE(engine::SafetensorsFile(no).metadata().contains("statistics_images"));
  const auto left = tensors_of(yes), right = tensors_of(no);
  CHECK(left.at("_fc.weight") == right.at("_fc.weight"));
  CHECK(left.at("_bn0.running_var") != right.at("_bn0.running_var"));
}

TEST_CASE("The backbone learns at its own rate") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "first", {"--epochs", "1"})).status == 0);
  const std::string weights = (folder / "first/checkpoints/00.safetensors").string();
  const auto trained = [&](const std::string& out, const Arguments& rates) {
    Arguments arguments = {"--init", weights, "--epochs", "1", "--optimizer", "sgd", "--momentum", "0"};
    arguments.insert(arguments.end(), rates.begin(), rates.end());
    REQUIRE(run(folder, tiny(folder, out, arguments)).status == 0);
    return tensors_of(folder / out / "checkpoints/00.safetensors");
  };
  const auto whole = trained("whole", {"--lr", "0.01"}),
             slow = trained("slow", {"--lr", "0.01", "--lr-backbone", "1e-30"}), before = tensors_of(weights);
  CHECK(whole.at("layer1.0.weight") != before.at("layer1.0.weight"));
  CHECK(slow.at("layer1.0.weight") == before.at("layer1.0.weight"));
  CHECK(slow.at("fc3.weight") != before.at("fc3.weight"));
  CHECK(run(folder, tiny(folder, "none", {"--init", weights, "--freeze", "backbone", "--lr-backbone", "0.1"}))
            .status == 2);
}

}  // namespace xr::apps::test
