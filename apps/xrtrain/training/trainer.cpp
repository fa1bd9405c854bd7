#include "apps/xrtrain/training/trainer.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/interrupt.h"
#include "apps/xrtrain/training/averaged_weights.h"
#include "apps/xrtrain/training/progress_note.h"
#include "apps/xrtrain/training/running_statistics.h"
#include "engine/ops/sum.h"
#include "kernels/backend.h"
#include "model/features.h"

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
      exchange_(connect_devices(setup_.communicator, setup_.device, setup_.console)),
      batches_(BatchSource::make(setup_.train, own_training_batches(setup_), setup_.device)),
      results_(setup_.device, setup_.options.batch_size,
               static_cast<std::int64_t>(setup_.info.class_names.size()),
               setup_.device.type == kernels::DeviceType::cpu ? 1 : steps_between_readings),
      schedule_(make_schedule(setup_.options, static_cast<std::int64_t>(batches_->batch_count()))),
      first_candidate_(first_candidate(setup_.options.schedule, setup_.options.epochs)) {
  timing_ = is_simulated() ? "phase,epoch,seconds_simulated\n" : "phase,epoch,seconds\n";
  begin_phase(trains_head_alone(setup_.options, resume ? epoch_of_optimizer(resume->progress) : 0));
  if (resume) restore(*resume);
  share_state();
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
  // A checkpoint has the weights that training goes on with, unless they are averages.
  const bool with_network = progress_.batch > 0 || average_;
  if (writes() && !with_network && progress_.epoch > 0)
    load_weights(folder.checkpoint(progress_.epoch - 1), setup_.network);
  if (writes())
    load_resume_tensors(
        folder.resume_state(),
        state_tensors(with_network ? setup_.network.state() : std::vector<engine::NamedTensor>{}));
  const auto batches = static_cast<std::int64_t>(batches_->batch_count());
  optimizer_->set_steps_done(progress_.step - (head_alone_ ? 0 : setup_.options.freeze_epochs * batches));
  if (!writes()) return;
  if (const std::string text = text::read_file(folder.file("timing.csv")); text.starts_with(timing_))
    timing_ = text;
}

void Trainer::run() {
  const std::int64_t epochs = setup_.options.epochs;
  started_ = now_seconds();
  first_step_ = progress_.step;
  if (!finished())
    setup_.console.line(fmt::format(
        "Epochs count from 0, and checkpoint {0:02d} holds the weights after epoch {0}", progress_.epoch));
  while (!finished()) {
    begin_epoch();
    setup_.console.line(fmt::format("Epoch {}/{}", progress_.epoch, epochs - 1));
    train_epoch();
    finish_epoch();
  }
  print_early_stopping();
  writer_.wait();
  // Once more, for a run that was killed between its last state and these.
  write_history(history_);
  prune_checkpoints(history_, resume_epoch_);
}

bool Trainer::finished() const {
  if (progress_.batch > 0) return false;
  return progress_.epoch >= setup_.options.epochs ||
         is_out_of_patience(history_, setup_.options.patience, first_candidate_);
}

void Trainer::print_early_stopping() const {
  const std::int64_t epochs = setup_.options.epochs, patience = setup_.options.patience;
  if (progress_.epoch >= epochs || !is_out_of_patience(history_, patience, first_candidate_)) return;
  const std::int64_t best = best_on_validation(history_, first_candidate_).value_or(0);
  setup_.console.line(fmt::format(
      "Early stopping: no better validation in {} epoch{} after epoch {} (--patience); {} of {} epochs run",
      patience, patience == 1 ? "" : "s", best, progress_.epoch, epochs));
  setup_.console.event(
      "early_stopping",
      {{"patience", patience}, {"epochs", epochs}, {"epochs_run", progress_.epoch}, {"best_epoch", best}});
}

std::string Trainer::progress_text() const {
  const double now = now_seconds();
  const std::int64_t all = setup_.options.epochs * static_cast<std::int64_t>(batches_->batch_count());
  return progress_note(progress_.loss_sum / static_cast<double>(progress_.images),
                       {progress_.batch - epoch_first_batch_, now - epoch_started_},
                       {progress_.step - first_step_, now - started_}, all - progress_.step,
                       setup_.options.batch_size, !is_simulated());
}

bool Trainer::is_simulated() const {
  return kernels::backend(setup_.device).is_simulated();
}

void Trainer::train_epoch() {
  epoch_started_ = now_seconds();
  epoch_first_batch_ = progress_.batch;
  setup_.network.set_training(true);
  const auto batches = static_cast<std::int64_t>(batches_->batch_count());
  epoch_steps_seconds_ = epoch_data_wait_seconds_ = 0;
  const RankSeconds ranks_before = rank_seconds();
  batches_->start_epoch(static_cast<std::uint64_t>(progress_.epoch),
                        static_cast<std::size_t>(progress_.batch));
  while (load_batch()) {
    step();
    ++progress_.batch;
    if (progress_.images > 0)
      setup_.console.progress(fmt::format("Epoch {}", progress_.epoch),
                              static_cast<std::size_t>(progress_.batch), static_cast<std::size_t>(batches),
                              progress_text());
    if (interrupted()) save_within_epoch();
  }
  count(results_.finish());
  epoch_steps_seconds_ = now_seconds() - epoch_started_;
  steps_seconds_ += epoch_steps_seconds_;
  const RankSeconds ranks_after = rank_seconds();
  epoch_rank_seconds_ = {ranks_after.waited - ranks_before.waited, ranks_after.summed - ranks_before.summed};
  rank_wait_seconds_ += epoch_rank_seconds_.waited;
}

Trainer::RankSeconds Trainer::rank_seconds() const {
  if (!sharded_step_) return {};
  return {sharded_step_->waited_seconds(), sharded_step_->summed_seconds()};
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

double Trainer::rank_wait_share() const {
  return steps_seconds_ > 0 ? std::min(1.0, rank_wait_seconds_ / steps_seconds_) : 0.0;
}

void Trainer::step() {
  const model::FromFeatures from(setup_.network, batches_->modules_done());
  const auto run = [this](auto& step) -> const model::TrainingStep::Result& {
    return step.run(progress_.step, batches_->images(), batches_->labels(),
                    [this] { batches_->make_images(); });
  };
  const model::TrainingStep::Result& result = sharded_step_ ? run(*sharded_step_) : run(*training_step_);
  count(results_.add(progress_.step, result, batches_->truth()));
  optimizer_->set_learning_rate(static_cast<float>(schedule_.at(progress_.step)));
  if (weights_written_.valid()) weights_written_.get();  // of the epoch before
  optimizer_->step();
  if (average_) average_->update(optimizer_->steps_done());
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

void Trainer::evaluate_weights(EvaluatedWeights& result) {
  if (statistics_batches_ != nullptr)
    statistics_images_ = recompute_running_statistics(setup_.network, *statistics_batches_,
                                                      static_cast<std::uint64_t>(progress_.epoch));
  if (setup_.validation != nullptr)
    result.validation = setup_.validation->run(setup_.network, setup_.console);
  result.network = snapshot();
}

Trainer::EvaluatedWeights Trainer::evaluate_epoch() {
  EvaluatedWeights result;
  try {
    if (average_)
      with_average(*average_, setup_.network, [&] { evaluate_weights(result); });
    else
      evaluate_weights(result);
  } catch (const Interrupted&) {
    save_within_epoch();  // the epoch's steps are done; resumed, it begins with this
  }
  if (average_) result.network = average_->in_place_of_parameters(std::move(result.network));
  return result;
}

void Trainer::log_times(std::int64_t epoch, double seconds) {
  std::string line =
      fmt::format("epoch {} took {:.2f} s: {:.2f} s of training steps, of which {:.2f} s waiting for batches",
                  epoch, seconds, epoch_steps_seconds_, epoch_data_wait_seconds_);
  timing_ += fmt::format("train,{0},{1:.3f}\ntrain_steps,{0},{2:.3f}\ndata_wait,{0},{3:.3f}\n", epoch,
                         seconds, epoch_steps_seconds_, epoch_data_wait_seconds_);
  if (setup_.communicator != nullptr) {
    const auto [waited, summed] = epoch_rank_seconds_;
    line +=
        fmt::format(" and {:.2f} s waiting for other ranks; {:.2f} s of sums over ranks ran beside backward",
                    waited, std::max(0.0, summed - waited));
    timing_ += fmt::format("rank_wait,{0},{1:.3f}\nrank_sums,{0},{2:.3f}\n", epoch, waited, summed);
  }
  setup_.console.debug(line);
}

void Trainer::finish_epoch() {
  Console& console = setup_.console;
  // A last step can spoil the weights after a loss that was still finite.
  if (!std::isfinite(engine::sum(arena_->values()).item())) fail_diverged("the sum of the weights");
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
  EvaluatedWeights evaluated = evaluate_epoch();
  if (evaluated.validation) {
    record.validation = evaluated.validation;
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
  if (setup_.communicator != nullptr) event["rank_wait_seconds"] = epoch_rank_seconds_.waited;
  console.event("epoch", event);
  log_times(record.epoch, seconds);
  history_.push_back(record);
  require_equal_ranks();
  progress_ = {.epoch = record.epoch + 1, .step = progress_.step};
  save_epoch(record, std::move(evaluated.network));
  if (interrupted() && !finished()) {
    writer_.wait();
    throw Interrupted(fmt::format("interrupted after epoch {}", record.epoch));
  }
}

}  // namespace xr::apps
