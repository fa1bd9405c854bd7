// What resuming needs besides a checkpoint. One file, replaced whole, so that a kill at any moment leaves
// either the state before or the state after.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "apps/xrtrain/run/history.h"
#include "engine/io/safetensors.h"
#include "engine/train/optimizer.h"

namespace xr::apps {

/// How far a run has come. The next batch to train on is number `batch` of epoch `epoch`.
struct Progress {
  std::int64_t epoch = 0, batch = 0;
  std::int64_t step = 0;  ///< optimizer steps done
  // Of the epoch begun:
  double loss_sum = 0.0;
  std::int64_t correct = 0, images = 0;
};

struct ResumeState {
  Progress progress;
  History history;   ///< of the complete epochs
  std::string data;  ///< identity of the images
  int threads = 0;   ///< computing threads: results may depend on their number in the last bit
};

/// Tensors to be saved with a state: the optimizer's, the network's (empty at the end of an epoch whose checkpoint has
/// them), and the moving averages of its parameters (empty without).
[[nodiscard]] std::vector<engine::NamedTensor> resume_tensors(
    engine::Optimizer& optimizer, const std::vector<engine::NamedTensor>& network,
    const std::vector<engine::NamedTensor>& averages);

/// Writes the state; it is there with commit() only.
[[nodiscard]] std::unique_ptr<engine::AtomicFile> write_resume_state(
    const std::filesystem::path& path, const ResumeState& state,
    const std::vector<engine::NamedTensor>& tensors);

/// The state as a text, for another rank.
[[nodiscard]] std::string resume_state_text(const ResumeState& state);
/// Throws Error for a text that is none; `name` is for messages.
[[nodiscard]] ResumeState resume_state_of_text(const std::string& text, const std::string& name);

/// Reads the state of a run, not yet its tensors. Throws DataError.
[[nodiscard]] ResumeState read_resume_state(const std::filesystem::path& path);
/// Overwrites `tensors` (from resume_tensors) with the file's. Throws DataError.
void load_resume_tensors(const std::filesystem::path& path, const std::vector<engine::NamedTensor>& tensors);

}  // namespace xr::apps
