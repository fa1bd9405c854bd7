// Training without augmentation, validation, evaluation and prediction feed the same bytes.
#include "apps/xrtrain/evaluation/network_input.h"

#include <algorithm>
#include <bit>

#include "apps/xrtrain/evaluation/evaluate.h"
#include "apps/xrtrain/training/batch_source.h"
#include "apps/xrtrain/training/normalization.h"
#include "data/dataset/image_set.h"
#include "tests/apps/xrtrain/half_sums.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return std::ranges::equal(
      a, b, {}, [](float value) { return std::bit_cast<std::uint32_t>(value); },
      [](float value) { return std::bit_cast<std::uint32_t>(value); });
}

}  // namespace

TEST_CASE("every command feeds the network the same bytes") {
  const TemporaryFolder folder;
  TrainOptions options = preset_options("default");
  options.data = make_phantoms(folder).string();
  options.image_size = 20;
  options.augment = Augmentation::none;
  Console console({.quiet = true});
  for (const char* preprocessing : {"dataset", "none", "imagenet", "torchxrayvision", "efficientnet_lite"})
    for (const std::int64_t channels : {1, 3}) {
      CAPTURE(preprocessing, channels);
      options.preprocessing = preprocessing;
      options.channels = channels;
      const data::Dataset dataset = find_dataset(options, console);
      Preprocessing training = make_preprocessing(options);
      const data::ImageSet images =
          load_split(dataset, dataset.test, training.train, {0, true, false}, console);
      CheckpointInfo info;
      info.model = model_settings(options, 2, {});
      info.class_names = dataset.class_names;
      info.format = training.evaluation;
      info.normalization = choose_normalization(options, images, std::nullopt).statistics;
      set_normalization(training, info.normalization);
      info.data = "x";
      // As a later command has it.
      const fs::path file = folder / "c.safetensors";
      engine::save_safetensors(file, {}, to_metadata(info));
      const CheckpointInfo stored = read_info(engine::SafetensorsFile(file), file);

      std::vector<float> trained, predicted;
      data::LoaderSettings loader;
      loader.batch_size = 3;
      loader.augment = training.train_augment;
      loader.image_size = 20;
      const auto batches = BatchSource::make(images, loader, {});
      batches->start_epoch(0);
      while (batches->load_next()) {
        batches->make_images();
        const std::vector<float> values = batches->images().to_host();
        trained.insert(trained.end(), values.begin(), values.end());
      }
      HalfSums validation, evaluation;
      (void)EvaluationSplit("validation", images, preprocessing_of(info), 20, 3, 1, 2, {})
          .run(validation, console);
      (void)EvaluationSplit("test", images, preprocessing_of(stored), stored.model.image_size, 2, 1, 2, {})
          .run(evaluation, console);
      for (const data::Sample& sample : images.samples) {
        const std::vector<float> input =
            network_input(data::load_image(dataset.directory / sample.path, stored.format, {}), stored);
        predicted.insert(predicted.end(), input.begin(), input.end());
      }
      CHECK(trained.size() == images.count() * static_cast<std::size_t>(channels) * 400);
      CHECK(same_bits(trained, validation.seen));
      CHECK(same_bits(trained, evaluation.seen));
      CHECK(same_bits(trained, predicted));
      const auto [least, most] = std::ranges::minmax(trained);
      if (std::string(preprocessing) == "torchxrayvision") {
        CHECK(least >= -1024.0f);
        CHECK(least < -100.0f);
        CHECK(most <= 1024.0f);
        CHECK(most > 100.0f);
      }
    }
}

}  // namespace xr::apps::test
