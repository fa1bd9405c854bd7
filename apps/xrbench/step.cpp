#include "apps/xrbench/step.h"

#include <fmt/core.h>

#include <chrono>
#include <cmath>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "apps/xrbench/machine.h"
#include "engine/ops/cross_entropy.h"
#include "engine/optimizer.h"
#include "engine/safetensors.h"
#include "kernels/cpu/parallel.h"
#include "kernels/random.h"

namespace xr::bench {

namespace {

using engine::Tensor;
using nlohmann::json;

constexpr std::uint64_t image_stream = 100, label_stream = 101;

class TrainingStep {
 public:
  explicit TrainingStep(const StepSettings& settings)
      : model_(model::make_model(settings.model)),
        arena_(model_->parameters()),
        optimizer_(arena_, {.learning_rate = settings.learning_rate}) {
    const auto& m = settings.model;
    Philox images(m.seed, image_stream), labels(m.seed, label_stream);
    std::vector<float> pixels(
        static_cast<std::size_t>(settings.batch_size * m.channels * m.image_size * m.image_size));
    for (float& pixel : pixels) pixel = images.uniform();
    std::vector<std::int64_t> classes(static_cast<std::size_t>(settings.batch_size));
    for (std::int64_t& label : classes) label = labels.below(static_cast<std::uint32_t>(m.classes));
    input_ = Tensor::from_host(std::span<const float>(pixels),
                               {settings.batch_size, m.channels, m.image_size, m.image_size}, m.device);
    labels_ = Tensor::from_host(std::span<const std::int64_t>(classes), {settings.batch_size}, m.device);
  }

  /// One step; the loss before its update.
  float run() {
    model_->set_step(optimizer_.steps_done());
    const Tensor loss = engine::cross_entropy(model_->forward(input_), labels_);
    optimizer_.zero_grad();
    loss.backward();
    optimizer_.step();
    return loss.item();
  }

  void write_state(const std::string& path) const {
    std::vector<engine::NamedTensor> tensors = model_->state();
    tensors.push_back({"input", input_});
    tensors.push_back({"labels", labels_});
    engine::save_safetensors(path, tensors);
  }

  [[nodiscard]] std::int64_t parameter_count() const { return arena_.parameter_count(); }

 private:
  std::unique_ptr<model::Module> model_;
  engine::ParameterArena arena_;
  engine::Adam optimizer_;
  Tensor input_, labels_;
};

struct Measured {
  std::vector<double> seconds;
  std::vector<double> losses;
};

Measured measure(TrainingStep& step, int count) {
  Measured measured;
  for (int i = 0; i < count; ++i) {
    const auto start = std::chrono::steady_clock::now();
    measured.losses.push_back(step.run());
    measured.seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return measured;
}

json to_json(const Measured& measured) {
  json losses = json::array();
  for (const double loss : measured.losses)
    losses.push_back(std::isfinite(loss) ? json(loss) : json(nullptr));
  return {{"seconds", measured.seconds}, {"losses", losses}, {"peak_bytes", peak_resident_bytes()}};
}

void serve(TrainingStep& step, const StepSettings& settings) {
  const json ready = {{"ready", true},
                      {"program", "xrbench " + settings.model.name},
                      {"mode", settings.model.device.to_string()},
                      {"threads", kernels::cpu::thread_count()},
                      {"batch_size", settings.batch_size},
                      {"parameters", step.parameter_count()}};
  std::cout << ready.dump() << std::endl;
  for (std::string line; std::getline(std::cin, line) && line != "quit";) {
    int count = 0;
    char rest = 0;
    if (std::sscanf(line.c_str(), "step %d%c", &count, &rest) != 1 || count < 1) {
      std::cout << json{{"error", "expected 'step K' or 'quit', not '" + line + "'"}}.dump() << std::endl;
      throw Error(fmt::format("unknown request '{}': send 'step K' or 'quit'", line));
    }
    std::cout << to_json(measure(step, count)).dump() << std::endl;
  }
}

}  // namespace

void run_step(const StepSettings& settings) {
  XR_CHECK(settings.batch_size >= 1 && settings.steps >= 1 && settings.warm_up >= 0,
           "batch size and steps must be at least 1 and warm-up at least 0");
  if (settings.threads > 0) kernels::cpu::set_thread_count(settings.threads);
  TrainingStep step(settings);
  if (!settings.write_state.empty()) step.write_state(settings.write_state);
  if (settings.serve) return serve(step, settings);

  measure(step, settings.warm_up);
  const Measured measured = measure(step, settings.steps);
  const double median = quantile(measured.seconds, 0.5);
  if (settings.json) {
    json result = to_json(measured);
    result["median_seconds"] = median;
    result["parameters"] = step.parameter_count();
    result["threads"] = kernels::cpu::thread_count();
    std::cout << result.dump() << '\n';
    return;
  }
  fmt::print("{} on {}, batch {} x {} x {} x {}, {} parameters, {} threads\n", settings.model.name,
             settings.model.device.to_string(), settings.batch_size, settings.model.channels,
             settings.model.image_size, settings.model.image_size, step.parameter_count(),
             kernels::cpu::thread_count());
  fmt::print(
      "step: median {:.1f} ms, p20 {:.1f} ms, p80 {:.1f} ms over {} steps; peak memory {:.2f} GB; loss "
      "{:.4f}\n",
      median * 1e3, quantile(measured.seconds, 0.2) * 1e3, quantile(measured.seconds, 0.8) * 1e3,
      settings.steps, static_cast<double>(peak_resident_bytes()) / 1e9, measured.losses.back());
}

}  // namespace xr::bench
