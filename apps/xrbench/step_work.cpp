#include "apps/xrbench/step_work.h"

#include <span>

#include "engine/core/autograd.h"
#include "engine/io/safetensors.h"
#include "engine/ops/cross_entropy.h"
#include "engine/train/optimizer.h"
#include "kernels/common/random.h"
#include "model/fold_batch_norms.h"
#include "model/training_step.h"

namespace xr::bench {

namespace {

using engine::Tensor;

constexpr std::uint64_t image_stream = 100, label_stream = 101;

struct Batch {
  explicit Batch(const StepSettings& settings) {
    const auto& m = settings.model;
    Philox random_images(m.seed, image_stream), random_labels(m.seed, label_stream);
    std::vector<float> pixels(
        static_cast<std::size_t>(settings.batch_size * m.channels * m.image_size * m.image_size));
    for (float& pixel : pixels) pixel = random_images.uniform();
    std::vector<std::int64_t> classes(static_cast<std::size_t>(settings.batch_size));
    for (std::int64_t& label : classes) label = random_labels.below(static_cast<std::uint32_t>(m.classes));
    images = Tensor::from_host(std::span<const float>(pixels),
                               {settings.batch_size, m.channels, m.image_size, m.image_size}, m.device);
    labels = Tensor::from_host(std::span<const std::int64_t>(classes), {settings.batch_size}, m.device);
  }
  Tensor images, labels;
};

/// The losses of a block of steps, on the device until the last is done.
class Losses {
 public:
  explicit Losses(const engine::Device& device) : device_(device) {}

  void begin(int count) {
    if (!values_.defined() || values_.numel() < count)
      values_ = Tensor::empty({count}, {engine::DType::f32, device_, engine::Layout{}});
    count_ = 0;
  }
  void add(const Tensor& loss) {
    values_.backend().copy(values_.mutable_view().as<float>() + count_++, loss.view().data, sizeof(float));
  }
  /// Waits.
  [[nodiscard]] std::vector<float> to_host() const {
    std::vector<float> values(count_);
    values_.backend().copy_to_host(values.data(), values_.view().data, values.size() * sizeof(float));
    return values;
  }

 private:
  engine::Device device_;
  Tensor values_;
  std::size_t count_ = 0;
};

void write(const std::string& path, const model::Module& network, const Batch& batch) {
  std::vector<engine::NamedTensor> tensors = network.state();
  tensors.push_back({"input", batch.images});
  tensors.push_back({"labels", batch.labels});
  engine::save_safetensors(path, tensors);
}

class Training final : public StepWork {
 public:
  explicit Training(const StepSettings& settings)
      : model_(model::make_model(settings.model)),
        arena_(model_->parameters()),
        optimizer_(arena_, {.learning_rate = settings.learning_rate}),
        step_(*model_, arena_, {.capture = settings.cuda_graph}),
        batch_(settings),
        losses_(settings.model.device) {}

  std::vector<float> run(int count) override {
    losses_.begin(count);
    for (int i = 0; i < count; ++i) {
      const model::TrainingStep::Result& result =
          step_.run(optimizer_.steps_done(), batch_.images, batch_.labels);
      optimizer_.step();
      losses_.add(result.loss);
    }
    return losses_.to_host();
  }
  void write_state(const std::string& path) const override { write(path, *model_, batch_); }
  [[nodiscard]] std::int64_t parameter_count() const override { return arena_.parameter_count(); }
  [[nodiscard]] bool replayed() const override { return step_.replayed(); }

 private:
  std::unique_ptr<model::Module> model_;
  engine::ParameterArena arena_;
  engine::Adam optimizer_;
  model::TrainingStep step_;
  Batch batch_;
  Losses losses_;
};

class Inference final : public StepWork {
 public:
  explicit Inference(const StepSettings& settings)
      : model_(model::make_model(settings.model)), batch_(settings), losses_(settings.model.device) {
    const auto& m = settings.model;
    model::fold_batch_norms(*model_, {m.channels, m.image_size, m.image_size});
  }

  std::vector<float> run(int count) override {
    const engine::NoGradGuard no_grad;
    losses_.begin(count);
    for (int i = 0; i < count; ++i)
      losses_.add(engine::cross_entropy((*model_)(batch_.images), batch_.labels));
    return losses_.to_host();
  }
  void write_state(const std::string& path) const override { write(path, *model_, batch_); }
  [[nodiscard]] std::int64_t parameter_count() const override { return model_->parameter_count(); }

 private:
  std::unique_ptr<model::Module> model_;
  Batch batch_;
  Losses losses_;
};

}  // namespace

std::unique_ptr<StepWork> make_step_work(const StepSettings& settings) {
  if (settings.inference) return std::make_unique<Inference>(settings);
  return std::make_unique<Training>(settings);
}

}  // namespace xr::bench
