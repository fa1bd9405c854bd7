#include "apps/xrtrain/training/trainer.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/interrupt.h"
#include "apps/xrtrain/run/event_file.h"
#include "apps/xrtrain/training/running_statistics.h"
#include "engine/io/atomic_file.h"
#include "engine/ops/sum.h"
#include "model/feature_extractor.h"

namespace xr::apps {

namespace {

/// A GPU takes some milliseconds for a step: losses are read often enough for the progress line, and seldom
/// enough that the device always has work.
constexpr int steps_between_readings = 8;

engine::Schedule make_schedule(const TrainOptions& options, std::int64_t batches) {
  engine::Schedule schedule;
  schedule.kind = options.schedule;
  schedule.base = options.lr;
  schedule.warmup_steps = options.warmup_epochs * batches;
  schedule.total_steps = options.epochs * batches;
  schedule.step_size = options.step_epochs * batches;
  schedule.gamma = options.step_factor;
  return schedule;
}

}  // namespace

Trainer::Trainer(TrainingSetup setup, const std::optional<ResumeState>& resume)
    : setup_(std::move(setup)),
      batches_(BatchSource::make(setup_.train, training_batches(setup_), setup_.device)),
      results_(setup_.device, setup_.options.batch_size,
               static_cast<std::int64_t>(setup_.info.class_names.size()),
               setup_.device.type == kernels::DeviceType::cpu ? 1 : steps_between_readings),
      schedule_(make_schedule(setup_.options, static_cast<std::int64_t>(batches_->batch_count()))) {
  timing_ = "phase,epoch,seconds\n";
  begin_phase(trains_head_alone(setup_.options, resume ? epoch_of_optimizer(resume->progress) : 0));
  if (resume) restore(*resume);
}

void Trainer::restore(const ResumeState& state) {
  const RunFolder& folder = setup_.folder;
  if (state.data != setup_.data_identity)
    throw DataError(fmt::format(
        "the images in {} are not those that the run {} began with ({} now, {} then): restore them, or start "
        "a new run",
        setup_.options.data, folder.path().string(), setup_.data_identity, state.data));
  progress_ = state.progress;
  history_ = state.history;
  resume_epoch_ = progress_.epoch - 1;
  const bool within_epoch = progress_.batch > 0;
  if (!within_epoch && progress_.epoch > 0)
    load_weights(folder.checkpoint(progress_.epoch - 1), setup_.network);
  load_resume_tensors(folder.resume_state(),
                      resume_tensors(*optimizer_, setup_.network.state(), within_epoch));
  const auto batches = static_cast<std::int64_t>(batches_->batch_count());
  optimizer_->set_steps_done(progress_.step - (head_alone_ ? 0 : setup_.options.freeze_epochs * batches));
  if (const std::string text = text::read_file(folder.file("timing.csv")); text.starts_with(timing_))
    timing_ = text;
}

void Trainer::run() {
  const std::int64_t epochs = setup_.options.epochs;
  while (progress_.epoch < epochs) {
    begin_epoch();
    setup_.console.line(fmt::format("Epoch {}/{}", progress_.epoch, epochs - 1));
    train_epoch();
    finish_epoch();
  }
  writer_.wait();
  // Once more, for a run that was killed between its last state and these.
  write_history(history_);
  prune_checkpoints(history_, resume_epoch_);
}

void Trainer::train_epoch() {
  epoch_started_ = now_seconds();
  setup_.network.set_training(true);
  const auto batches = static_cast<std::int64_t>(batches_->batch_count());
  epoch_steps_seconds_ = epoch_data_wait_seconds_ = 0;
  batches_->start_epoch(static_cast<std::uint64_t>(progress_.epoch),
                        static_cast<std::size_t>(progress_.batch));
  while (load_batch()) {
    step();
    ++progress_.batch;
    if (progress_.images > 0)
      setup_.console.progress(
          fmt::format("Epoch {}", progress_.epoch), static_cast<std::size_t>(progress_.batch),
          static_cast<std::size_t>(batches),
          fmt::format("loss {:.4f}", progress_.loss_sum / static_cast<double>(progress_.images)));
    if (interrupted()) save_within_epoch();
  }
  count(results_.finish());
  epoch_steps_seconds_ = now_seconds() - epoch_started_;
  steps_seconds_ += epoch_steps_seconds_;
}

/// The next batch; false at the end of the epoch. What it waits for is kept apart.
bool Trainer::load_batch() {
  const double started = now_seconds();
  const bool loaded = batches_->load_next();
  const double waited = now_seconds() - started;
  data_wait_seconds_ += waited;
  epoch_data_wait_seconds_ += waited;
  return loaded;
}

double Trainer::data_wait_share() const {
  return steps_seconds_ > 0 ? std::min(1.0, data_wait_seconds_ / steps_seconds_) : 0.0;
}

void Trainer::step() {
  const model::FromFeatures from(setup_.network, batches_->modules_done());
  const model::TrainingStep::Result& result = training_step_->run(
      progress_.step, batches_->images(), batches_->labels(), [this] { batches_->make_images(); });
  count(results_.add(progress_.step, result, batches_->truth()));
  optimizer_->set_learning_rate(static_cast<float>(schedule_.at(progress_.step)));
  if (weights_written_.valid()) weights_written_.get();  // of the epoch before
  optimizer_->step();
  ++progress_.step;
}

void Trainer::count(const std::vector<StepResult>& results) {
  const auto batches = static_cast<std::int64_t>(batches_->batch_count());
  for (const StepResult& result : results) {
    const std::int64_t batch = result.step % batches;
    XR_CHECK(
        std::isfinite(result.loss),
        "the loss is {} in epoch {}, step {}: training has diverged; use a smaller --lr than {}. {}",
        text::number_text(result.loss), progress_.epoch, batch, setup_.options.lr,
        progress_.epoch > 0 ? "The checkpoints of the epochs before are kept" : "No checkpoint was written");
    const Answers answers = answers_of(result.logits, result.truth());
    progress_.loss_sum += static_cast<double>(result.loss) * static_cast<double>(answers.count);
    progress_.images += answers.count;
    progress_.correct += answers.right;
    setup_.console.debug(fmt::format("epoch {} step {}: loss {:.6f}, learning rate {:.3g}", progress_.epoch,
                                     batch, result.loss, schedule_.at(result.step)));
  }
}

void Trainer::fail_diverged(const char* what) const {
  throw Error(fmt::format(
      "{} is no longer finite after epoch {}, step {}: training has diverged; use a smaller --lr than {}",
      what, progress_.epoch, progress_.batch - 1, setup_.options.lr));
}

void Trainer::recompute_statistics() {
  if (statistics_batches_ == nullptr) return;
  try {
    statistics_images_ = recompute_running_statistics(setup_.network, *statistics_batches_,
                                                      static_cast<std::uint64_t>(progress_.epoch));
  } catch (const Interrupted&) {
    save_within_epoch();  // the epoch's steps are done; resumed, it begins with this
  }
}

Evaluation Trainer::validate() {
  try {
    return setup_.validation->run(setup_.network, setup_.console);
  } catch (const Interrupted&) {
    save_within_epoch();  // the epoch's steps are done; resumed, it begins with the validation
  }
}

void Trainer::finish_epoch() {
  Console& console = setup_.console;
  // A last step can spoil the weights after a loss that was still finite.
  if (!std::isfinite(engine::sum(arena_->values()).item())) fail_diverged("the sum of the weights");
  recompute_statistics();
  EpochRecord record;
  record.epoch = progress_.epoch;
  record.learning_rate = schedule_.at(progress_.step - 1);
  record.train_loss = progress_.loss_sum / static_cast<double>(progress_.images);
  record.train_correct = progress_.correct;
  record.train_images = progress_.images;
  record.head_alone = head_alone_;
  console.line(fmt::format("Loss: {:.4f} Acc: {:.4f}", record.train_loss, record.train_accuracy()));
  nlohmann::json event = {{"epoch", record.epoch},
                          {"epochs", setup_.options.epochs},
                          {"loss", record.train_loss},
                          {"accuracy", record.train_accuracy()},
                          {"learning_rate", record.learning_rate}};
  if (setup_.validation != nullptr) {
    record.validation = validate();
    console.line(fmt::format("Validation Loss: {:.4f} Acc: {:.4f}{}", record.validation->loss(),
                             record.validation->accuracy(), mean_auroc_suffix(*record.validation)));
    event["validation_loss"] = record.validation->loss();
    event["validation_accuracy"] = record.validation->accuracy();
    if (record.validation->mean_auroc) event["validation_mean_auroc"] = *record.validation->mean_auroc;
  }
  if (record.validation && !std::isfinite(record.validation->loss())) fail_diverged("the validation loss");
  const double seconds = now_seconds() - epoch_started_;
  event["seconds"] = seconds;
  event["data_wait_seconds"] = epoch_data_wait_seconds_;
  console.event("epoch", event);
  console.debug(
      fmt::format("epoch {} took {:.2f} s: {:.2f} s of training steps, of which {:.2f} s waiting for batches",
                  record.epoch, seconds, epoch_steps_seconds_, epoch_data_wait_seconds_));
  timing_ += fmt::format("train,{},{:.3f}\ntrain_steps,{},{:.3f}\ndata_wait,{},{:.3f}\n", record.epoch,
                         seconds, record.epoch, epoch_steps_seconds_, record.epoch, epoch_data_wait_seconds_);
  history_.push_back(record);
  progress_ = {.epoch = record.epoch + 1, .step = progress_.step};
  save_epoch(record);
  if (interrupted() && progress_.epoch < setup_.options.epochs) {
    writer_.wait();
    throw Interrupted(fmt::format("interrupted after epoch {}", record.epoch));
  }
}

// The network's state, to be written while the next epoch begins: parameters as they are, for they do not
// change before that epoch's first optimizer step; copies of the buffers, which a forward pass changes.
std::vector<engine::NamedTensor> Trainer::snapshot() {
  std::vector<engine::NamedTensor> result = setup_.network.state();
  const auto parameters = arena_->values().state()->storage;
  for (engine::NamedTensor& entry : result)
    if (entry.tensor.state()->storage != parameters) entry.tensor = entry.tensor.clone();
  return result;
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

void Trainer::save_epoch(const EpochRecord& record) {
  writer_.wait();
  const bool with_resume = resume_state_due(progress_.epoch == setup_.options.epochs);
  CheckpointInfo info = setup_.info;
  info.epoch = record.epoch;
  info.statistics_images = statistics_images_;
  info.head_alone = record.head_alone;
  info.train_loss = record.train_loss;
  info.train_accuracy = record.train_accuracy();
  if (with_resume) {
    resume_epoch_ = record.epoch;
    resume_saved_at_ = now_seconds();
  }
  auto written = std::make_shared<std::promise<void>>();
  weights_written_ = written->get_future();
  writer_.submit([this, info = std::move(info), network = snapshot(), with_resume, state = resume_state(),
                  timing = timing_, resume_epoch = resume_epoch_, written = std::move(written)] {
    const RunFolder& folder = setup_.folder;
    const double started = now_seconds();
    std::unique_ptr<engine::AtomicFile> checkpoint, resume;
    try {
      checkpoint = engine::write_safetensors(folder.checkpoint(info.epoch), network, to_metadata(info));
      if (with_resume)
        resume = write_resume_state(folder.resume_state(), state, resume_tensors(*optimizer_, {}, false));
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
  const RunFolder& folder = setup_.folder;
  engine::write_file_atomically(folder.file("history.csv"), history_csv(history));
  if (setup_.options.tensorboard) engine::write_file_atomically(folder.events(), event_file(history));
}

void Trainer::prune_checkpoints(const History& history, std::int64_t resume_epoch) const {
  if (setup_.options.keep == 0) return;
  const auto epochs = static_cast<std::int64_t>(history.size());
  const std::optional<std::int64_t> best =
      best_on_validation(history, first_candidate(setup_.options.schedule, setup_.options.epochs));
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
  write_resume_state(setup_.folder.resume_state(), resume_state(),
                     resume_tensors(*optimizer_, setup_.network.state(), true))
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
  // For a while there are two more: the one that resuming starts from, and one not yet replaced.
  const std::int64_t limited = options.keep + (has_validation ? 1 : 0) + 2;
  need.checkpoints = options.keep > 0 ? std::min(options.epochs, limited) : options.epochs;
  need.total = static_cast<std::uint64_t>(need.checkpoints) * need.checkpoint + 2 * need.resume;
  return need;
}

}  // namespace xr::apps
