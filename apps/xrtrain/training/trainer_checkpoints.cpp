// What a trainer writes: checkpoints in the background, the state for resuming, the history.
#include <algorithm>
#include <filesystem>

#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/interrupt.h"
#include "apps/xrtrain/run/event_file.h"
#include "apps/xrtrain/training/trainer.h"
#include "engine/io/atomic_file.h"

namespace xr::apps {

// The network's state, to be written while the next epoch begins: parameters (and their averages) as they are, for
// they do not change before that epoch's first optimizer step; copies of the buffers, which a forward pass changes.
std::vector<engine::NamedTensor> Trainer::snapshot() {
  std::vector<engine::NamedTensor> result = setup_.network.state();
  const auto parameters = arena_->values().state()->storage;
  for (engine::NamedTensor& entry : result)
    if (entry.tensor.state()->storage != parameters) entry.tensor = entry.tensor.clone();
  return result;
}

std::vector<engine::NamedTensor> Trainer::state_tensors(const std::vector<engine::NamedTensor>& network) {
  return resume_tensors(*optimizer_, network,
                        average_ ? average_->state() : std::vector<engine::NamedTensor>{});
}

ResumeState Trainer::resume_state() const {
  return {progress_, history_, setup_.data_identity, setup_.threads};
}

// The state for resuming may be twice as large as a checkpoint. Where epochs are short and the disk is slow
// it is written less often, so that at most a quarter of the time goes to it: a killed run then repeats the
// epochs since, with the same results.
bool Trainer::resume_state_due(bool last) const {
  return last || interrupted() || resume_epoch_ < 0 ||
         now_seconds() - resume_saved_at_ >= 4.0 * resume_seconds_.load();
}

void Trainer::save_epoch(const EpochRecord& record, std::vector<engine::NamedTensor> evaluated) {
  if (!writes()) return;
  writer_.wait();
  const bool with_resume = resume_state_due(finished());
  CheckpointInfo info = setup_.info;
  info.epoch = record.epoch;
  info.statistics_images = statistics_images_;
  info.ema_decay = setup_.options.ema;
  info.head_alone = record.head_alone;
  info.train_loss = record.train_loss;
  info.train_accuracy = record.train_accuracy();
  if (with_resume) {
    resume_epoch_ = record.epoch;
    resume_saved_at_ = now_seconds();
  }
  auto written = std::make_shared<std::promise<void>>();
  weights_written_ = written->get_future();
  std::vector<engine::NamedTensor> trained;  // where the checkpoint has other weights
  if (average_ && with_resume) trained = snapshot();
  writer_.submit([this, info = std::move(info), network = std::move(evaluated), trained = std::move(trained),
                  with_resume, state = resume_state(), timing = timing_, resume_epoch = resume_epoch_,
                  written = std::move(written)] {
    const RunFolder& folder = setup_.folder;
    const double started = now_seconds();
    std::unique_ptr<engine::AtomicFile> checkpoint, resume;
    try {
      checkpoint = engine::write_safetensors(folder.checkpoint(info.epoch), network, to_metadata(info));
      if (with_resume) resume = write_resume_state(folder.resume_state(), state, state_tensors(trained));
    } catch (...) {
      written->set_exception(std::current_exception());
      throw;
    }
    written->set_value();
    checkpoint->commit();  // first: the state for resuming refers to it
    if (with_resume) {
      resume->commit();
      resume_seconds_ = now_seconds() - started;
    }
    write_history(state.history);
    engine::write_file_atomically(folder.file("timing.csv"), timing);
    prune_checkpoints(state.history, resume_epoch);
  });
}

void Trainer::write_history(const History& history) const {
  if (!writes()) return;
  const RunFolder& folder = setup_.folder;
  engine::write_file_atomically(folder.file("history.csv"), history_csv(history));
  if (setup_.options.tensorboard) engine::write_file_atomically(folder.events(), event_file(history));
}

void Trainer::prune_checkpoints(const History& history, std::int64_t resume_epoch) const {
  if (setup_.options.keep == 0 || !writes()) return;
  const auto epochs = static_cast<std::int64_t>(history.size());
  const std::optional<std::int64_t> best = best_on_validation(history, first_candidate_);
  for (const std::int64_t epoch : list_checkpoints(setup_.folder.path())) {
    if (epoch >= epochs - setup_.options.keep || epoch == resume_epoch || epoch == best) continue;
    std::error_code code;
    std::filesystem::remove(setup_.folder.checkpoint(epoch), code);
    XR_CHECK(!code, "cannot remove {}: {}", setup_.folder.checkpoint(epoch).string(), code.message());
  }
}

void Trainer::save_within_epoch() {
  count(results_.finish());
  setup_.console.line("Interrupted: saving the state of the run; press Ctrl-C again to end at once");
  writer_.wait();
  write_resume_state(setup_.folder.resume_state(), resume_state(), state_tensors(setup_.network.state()))
      ->commit();
  throw Interrupted(fmt::format("interrupted in epoch {} after step {} of {}", progress_.epoch,
                                progress_.batch, batches_->batch_count()));
}

DiskNeed disk_need(const TrainOptions& options, const model::Module& network, bool has_validation) {
  DiskNeed need;
  need.checkpoint = engine::safetensors_bytes(network.state());
  const std::uint64_t parameters = engine::safetensors_bytes(
      options.freeze_epochs > 0 ? network.parameters() : network.trainable_parameters());
  need.resume = options.optimizer != Optimizer::sgd ? 2 * parameters : options.momentum > 0 ? parameters : 0;
  if (options.ema > 0) need.resume += need.checkpoint + parameters;  // weights, and their averages
  // For a while there are two more: the one that resuming starts from, and one not yet replaced.
  const std::int64_t limited = options.keep + (has_validation ? 1 : 0) + 2;
  need.checkpoints = options.keep > 0 ? std::min(options.epochs, limited) : options.epochs;
  need.total = static_cast<std::uint64_t>(need.checkpoints) * need.checkpoint + 2 * need.resume;
  return need;
}

}  // namespace xr::apps
