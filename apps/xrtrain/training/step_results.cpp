#include "apps/xrtrain/training/step_results.h"

#include <cstring>
#include <utility>

namespace xr::apps {

StepResults::StepResults(const kernels::Device& device, std::int64_t batch_size, std::int64_t classes,
                         int interval)
    : floats_per_step_(1 + batch_size * classes), classes_(classes), interval_(interval) {
  for (Group& group : groups_) {
    group.values =
        engine::Tensor::empty({interval * floats_per_step_}, {engine::DType::f32, device, engine::Layout{}});
    group.copy = group.values.backend().make_host_copy(group.values.view().bytes());
  }
}

std::vector<StepResult> StepResults::add(std::int64_t step, const model::TrainingStep::Result& result,
                                         const data::Truth& truth) {
  Group& group = groups_[filling_];
  const auto slot = static_cast<std::int64_t>(group.steps.size());
  float* const place = group.values.mutable_view().as<float>() + slot * floats_per_step_;
  kernels::Backend& backend = group.values.backend();
  backend.copy(place, result.loss.view().data, sizeof(float));
  backend.copy(place + 1, result.logits.view().data, result.logits.view().bytes());
  group.steps.push_back({.step = step,
                         .labels = {truth.classes.begin(), truth.classes.end()},
                         .targets = {truth.targets.begin(), truth.targets.end()}});

  std::vector<StepResult> arrived;
  if (static_cast<int>(group.steps.size()) == interval_) {
    start_copy(group);
    filling_ = 1 - filling_;
    arrive(groups_[filling_], arrived);  // the copy before
    if (interval_ == 1) arrive(group, arrived);
  }
  return arrived;
}

std::vector<StepResult> StepResults::finish() {
  std::vector<StepResult> arrived;
  arrive(groups_[1 - filling_], arrived);
  if (Group& group = groups_[filling_]; !group.steps.empty()) {
    start_copy(group);
    arrive(group, arrived);
  }
  return arrived;
}

void StepResults::start_copy(Group& group) {
  const auto floats = static_cast<std::int64_t>(group.steps.size()) * floats_per_step_;
  group.copy->start(group.values.view().data, static_cast<std::size_t>(floats) * sizeof(float));
  group.copying = true;
}

void StepResults::arrive(Group& group, std::vector<StepResult>& results) {
  if (!std::exchange(group.copying, false)) return;
  const std::span<const std::byte> bytes = group.copy->wait();
  const auto* values = reinterpret_cast<const float*>(bytes.data());
  for (StepResult& step : group.steps) {
    step.loss = values[0];
    step.logits.assign(values + 1, values + 1 + static_cast<std::int64_t>(step.labels.size()) * classes_);
    values += floats_per_step_;
    results.push_back(std::move(step));
  }
  group.steps.clear();
}

}  // namespace xr::apps
