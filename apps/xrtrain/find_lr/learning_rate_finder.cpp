#include "apps/xrtrain/find_lr/learning_rate_finder.h"

#include <filesystem>

#include "apps/text/text.h"
#include "apps/xrtrain/data_notices.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/interrupt.h"
#include "apps/xrtrain/options/option_table.h"
#include "apps/xrtrain/training/batch_check.h"
#include "apps/xrtrain/training/batch_source.h"
#include "apps/xrtrain/training/initial_weights.h"
#include "apps/xrtrain/training/loader_settings.h"
#include "apps/xrtrain/training/normalization.h"
#include "apps/xrtrain/training/optimizer_setup.h"
#include "apps/xrtrain/training/task_check.h"
#include "apps/xrtrain/warning_id.h"
#include "data/dataset/find_sample_depths.h"
#include "kernels/common/parallel.h"
#include "model/training_step.h"

namespace xr::apps {

namespace {

kernels::Device prepare_device(const TrainOptions& options, Console& console) {
  std::string why_not_the_gpu;
  const kernels::Device device = choose_device(options.device, &why_not_the_gpu);
  if (configure_device(device, options.precision, options.kernel_choice) != options.precision)
    console.warn(warning_id::bf16_not_used, without_bf16);
  if (!why_not_the_gpu.empty())
    console.warn(warning_id::gpu_not_used, why_not_the_gpu + " (--device auto uses the CPU)");
  if (options.threads > 0) kernels::set_thread_count(static_cast<int>(options.threads));
  return device;
}

data::ImageSet load_training_images(const TrainOptions& options, const data::Dataset& dataset,
                                    Preprocessing& preprocessing, Console& console) {
  preprocessing.train.depths = data::find_sample_depths(dataset.directory, dataset.train, 0);
  data::ImageSet images =
      load_split(dataset, dataset.train, preprocessing.train, {0, options.strict, options.cache}, console);
  std::vector<data::SkippedFile> skipped = dataset.skipped;
  skipped.insert(skipped.end(), images.skipped.begin(), images.skipped.end());
  print_skipped(skipped, console);
  return images;
}

/// The network as `train` would begin with it; sets the normalisation that belongs to it.
std::unique_ptr<model::Module> prepare_network(const TrainOptions& options,
                                               const model::ModelSettings& settings,
                                               const data::ImageSet& images, Preprocessing& preprocessing,
                                               Console& console) {
  std::unique_ptr<model::Module> network = model::make_model(settings);
  InitialWeights initial;
  if (!options.init.empty())
    initial = load_initial_weights(options.init, settings, *network,
                                   std::filesystem::path(options.out) / "initial_weights.json", console);
  if (trains_head_alone(options, 0)) network->freeze_except(model::head_parameters(settings));
  set_normalization(preprocessing, choose_normalization(options, images, initial.normalization).statistics);
  return network;
}

/// Steps over the training images, epoch after epoch, in the order and with the changes of a training.
class Steps {
 public:
  Steps(const TrainOptions& options, const model::ModelSettings& settings, model::Module& network,
        const data::ImageSet& images, const Preprocessing& preprocessing, Console& console)
      : arena_(network.trainable_parameters()),
        optimizer_(make_optimizer(options, settings, arena_)),
        step_(network, arena_,
              training_step_settings(
                  options, loss_weights(options, images, static_cast<std::size_t>(settings.classes)),
                  settings.device)),
        batches_(
            BatchSource::make(images, training_loader_settings(options, preprocessing), settings.device)),
        console_(console) {
    network.set_training(true);
    batches_->start_epoch(epoch_);
  }

  double run(double learning_rate, std::int64_t total) {
    if (interrupted()) throw Interrupted(fmt::format("interrupted at step {} of {}", done_, total));
    while (!batches_->load_next()) batches_->start_epoch(++epoch_);
    const double loss =
        step_.run(done_, batches_->images(), batches_->labels(), [this] { batches_->make_images(); })
            .loss.item();
    optimizer_->set_learning_rate(static_cast<float>(learning_rate));
    optimizer_->step();
    ++done_;
    console_.debug(fmt::format("step {}: loss {:.6f}, learning rate {:.3g}", done_, loss, learning_rate));
    console_.progress("Range test", static_cast<std::size_t>(done_), static_cast<std::size_t>(total),
                      fmt::format("loss {:.4f}", loss));
    return loss;
  }

 private:
  engine::ParameterArena arena_;
  std::unique_ptr<engine::Optimizer> optimizer_;
  model::TrainingStep step_;
  std::unique_ptr<BatchSource> batches_;
  Console& console_;
  std::uint64_t epoch_ = 0;
  std::int64_t done_ = 0;
};

}  // namespace

FoundRange find_range(const TrainOptions& options, const RangeTestSettings& settings, Console& console) {
  const kernels::Device device = prepare_device(options, console);
  const data::Dataset dataset = find_dataset(options, console);
  print_notices(dataset.notices, console);
  check_loss(options, dataset.task);
  const model::ModelSettings network_settings = model_settings(options, dataset.class_names.size(), device);
  if (!options.init.empty()) check_initial_weights(options.init, network_settings);
  Preprocessing preprocessing = make_preprocessing(options);
  const data::ImageSet images = load_training_images(options, dataset, preprocessing, console);
  require_batches(options, network_settings, images.count());
  const std::unique_ptr<model::Module> network =
      prepare_network(options, network_settings, images, preprocessing, console);

  FoundRange found;
  found.subtitle = fmt::format("{}, {}, batches of {} of {} training images", options.model,
                               option_text(options, "optimizer"), options.batch_size, images.count());
  console.line(fmt::format("Range test: {}", found.subtitle));
  console.line(fmt::format("Learning rates from {:g} to {:g} in {} steps, seed {}", settings.min,
                           settings.max, settings.steps, options.seed));
  Steps steps(options, network_settings, *network, images, preprocessing, console);
  found.test = run_range_test(settings,
                              [&](double learning_rate) { return steps.run(learning_rate, settings.steps); });
  return found;
}

}  // namespace xr::apps
