#include "apps/xrtrain/commands/predict_images.h"

#include <fmt/core.h>

#include <cstdio>
#include <exception>
#include <new>

#include "apps/text/text.h"
#include "apps/xrtrain/evaluation/network_input.h"
#include "data/dataset/image_set.h"
#include "engine/io/file.h"
#include "kernels/common/error.h"
#include "kernels/common/parallel.h"

namespace xr::apps {

namespace {

constexpr std::size_t max_noted = 3;

constexpr PredictNote several_frames{"several-frames", "several frames or pages: the first is used"};
constexpr PredictNote window_chosen{"window-chosen", "a choice of windows or VOI tables: the first is used"};
constexpr PredictNote transparency_dropped{
    "transparency-dropped", "transparency, which is dropped: colours are those that are stored"};

}  // namespace

std::vector<const PredictNote*> predict_notes(const data::ImageNotes& notes) {
  std::vector<const PredictNote*> result;
  if (notes.frames > 1) result.push_back(&several_frames);
  if (!notes.window.empty()) result.push_back(&window_chosen);
  if (notes.transparency == data::Transparency::some) result.push_back(&transparency_dropped);
  return result;
}

const PredictNote* predict_note(const std::string& id) {
  for (const PredictNote* const note : {&several_frames, &window_chosen, &transparency_dropped})
    if (id == note->id) return note;
  throw Error(fmt::format("there is no note {}", id));
}

std::vector<PredictImage> read_images(std::span<const std::filesystem::path> paths,
                                      const data::StoredFormat& format) {
  std::vector<PredictImage> result(paths.size());
  kernels::parallel_for(static_cast<std::int64_t>(paths.size()), [&](std::int64_t number) {
    const auto i = static_cast<std::size_t>(number);
    try {
      data::ImageNotes notes;
      std::vector<std::uint8_t> pixels = data::load_image(paths[i], format, {}, nullptr, &notes);
      result[i].notes = predict_notes(notes);
      if (const std::string reason = data::blank_reason(notes); !reason.empty())
        throw Error(fmt::format("cannot predict {}: {}", engine::quote_name(paths[i]), reason));
      result[i].stored = std::move(pixels);
    } catch (const std::bad_alloc&) {
      result[i].failure = fmt::format("not enough memory to decode {}", paths[i].string());
    } catch (const std::exception& error) {
      result[i].failure = error.what();
    }
  });
  return result;
}

data::Batch make_batch(std::span<const PredictImage> images, const CheckpointInfo& info, std::int64_t view) {
  data::Batch batch;
  batch.channels = static_cast<int>(info.model.channels);
  batch.size = static_cast<int>(info.model.image_size);
  std::vector<std::vector<float>> inputs(images.size());
  kernels::parallel_for(static_cast<std::int64_t>(images.size()), [&](std::int64_t number) {
    const auto i = static_cast<std::size_t>(number);
    if (images[i].failure.empty()) inputs[i] = network_input(images[i].stored, info, view);
  });
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].empty()) continue;
    batch.images.insert(batch.images.end(), inputs[i].begin(), inputs[i].end());
    batch.indices.push_back(i);
    batch.labels.push_back(0);
  }
  return batch;
}

void PredictNotes::add(const std::filesystem::path& file, const std::vector<const PredictNote*>& notes) {
  for (const PredictNote* note : notes) {
    Files& files = files_[note->id];
    files.note = note;
    if (++files.count <= max_noted) files.first.push_back(text::one_line(file.string()));
  }
}

void PredictNotes::print() const {
  for (const auto& [id, files] : files_) {
    std::string names;
    for (const std::string& name : files.first) names += (names.empty() ? "" : ", ") + name;
    if (files.count > files.first.size())
      names += fmt::format(", and {} more", files.count - files.first.size());
    (void)std::fputs(
        fmt::format("xrtrain: note: {} file{} {} {} ({})\n", files.count, files.count == 1 ? "" : "s",
                    files.count == 1 ? "has" : "have", files.note->text, names)
            .c_str(),
        stderr);
  }
}

}  // namespace xr::apps
