#include "apps/xrtrain/run/resume_state.h"

#include <nlohmann/json.hpp>

#include "apps/xrtrain/errors.h"

namespace xr::apps {

using nlohmann::json;

std::vector<engine::NamedTensor> resume_tensors(engine::Optimizer& optimizer,
                                                const std::vector<engine::NamedTensor>& network,
                                                const std::vector<engine::NamedTensor>& averages) {
  std::vector<engine::NamedTensor> tensors;
  for (const engine::NamedTensor& entry : optimizer.state())
    tensors.push_back({"optimizer." + entry.name, entry.tensor});
  for (const engine::NamedTensor& entry : network) tensors.push_back({"model." + entry.name, entry.tensor});
  for (const engine::NamedTensor& entry : averages) tensors.push_back({"ema." + entry.name, entry.tensor});
  return tensors;
}

namespace {

std::string progress_json(const ResumeState& state) {
  const Progress& progress = state.progress;
  return json{{"epoch", progress.epoch},     {"batch", progress.batch},
              {"step", progress.step},       {"loss_sum", progress.loss_sum},
              {"correct", progress.correct}, {"images", progress.images},
              {"data", state.data},          {"threads", state.threads}}
      .dump();
}

ResumeState state_of(const std::string& progress, const std::string& history, const std::string& name) {
  ResumeState state;
  try {
    const json text = json::parse(progress);
    state.progress.epoch = text.at("epoch").get<std::int64_t>();
    state.progress.batch = text.at("batch").get<std::int64_t>();
    state.progress.step = text.at("step").get<std::int64_t>();
    state.progress.loss_sum = text.at("loss_sum").get<double>();
    state.progress.correct = text.at("correct").get<std::int64_t>();
    state.progress.images = text.at("images").get<std::int64_t>();
    state.data = text.at("data").get<std::string>();
    state.threads = text.at("threads").get<int>();
  } catch (const json::exception& error) {
    throw Error(fmt::format("{} is damaged: {}", name, error.what()));
  }
  state.history = history_from_json(history);
  XR_CHECK(state.progress.epoch >= 0 && state.progress.batch >= 0 && state.progress.step >= 0 &&
               state.threads >= 1 && static_cast<std::int64_t>(state.history.size()) == state.progress.epoch,
           "{} is damaged: it is at epoch {} with {} epochs of history", name, state.progress.epoch,
           state.history.size());
  return state;
}

}  // namespace

std::unique_ptr<engine::AtomicFile> write_resume_state(const std::filesystem::path& path,
                                                       const ResumeState& state,
                                                       const std::vector<engine::NamedTensor>& tensors) {
  return engine::write_safetensors(
      path, tensors, {{"progress", progress_json(state)}, {"history", history_to_json(state.history)}});
}

ResumeState read_resume_state(const std::filesystem::path& path) {
  return errors_as<DataError>([&] {
    const engine::SafetensorsFile file(path);
    const auto progress = file.metadata().find("progress"), history = file.metadata().find("history");
    XR_CHECK(progress != file.metadata().end() && history != file.metadata().end(),
             "{} is not the state of a run", path.string());
    return state_of(progress->second, history->second, path.string());
  });
}

// Neither part has a line break: JSON writes it as \n.
std::string resume_state_text(const ResumeState& state) {
  return progress_json(state) + '\n' + history_to_json(state.history);
}

ResumeState resume_state_of_text(const std::string& text, const std::string& name) {
  const std::size_t end = text.find('\n');
  XR_CHECK(end != std::string::npos, "{} is not the state of a run", name);
  return state_of(text.substr(0, end), text.substr(end + 1), name);
}

void load_resume_tensors(const std::filesystem::path& path, const std::vector<engine::NamedTensor>& tensors) {
  errors_as<DataError>([&] { engine::load_state(engine::SafetensorsFile(path), tensors, path.string()); });
}

}  // namespace xr::apps
