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

std::vector<const PredictNote*> notes_of(const data::ImageNotes& notes) {
  std::vector<const PredictNote*> result;
  if (notes.frames > 1) result.push_back(&several_frames);
  if (!notes.window.empty()) result.push_back(&window_chosen);
  if (notes.transparency == data::Transparency::some) result.push_back(&transparency_dropped);
  return result;
}

}  // namespace

PredictBatch read_batch(std::span<const std::filesystem::path> paths, const CheckpointInfo& info) {
  const int size = static_cast<int>(info.model.image_size), channels = static_cast<int>(info.model.channels);
  std::vector<std::vector<float>> inputs(paths.size());
  PredictBatch result;
  result.images.resize(paths.size());
  kernels::parallel_for(static_cast<std::int64_t>(paths.size()), [&](std::int64_t number) {
    const auto i = static_cast<std::size_t>(number);
    try {
      data::ImageNotes notes;
      const std::vector<std::uint8_t> pixels = data::load_image(paths[i], info.format, {}, nullptr, &notes);
      result.images[i].notes = notes_of(notes);
      if (const std::string reason = data::blank_reason(notes); !reason.empty())
        throw Error(fmt::format("cannot predict {}: {}", engine::quote_name(paths[i]), reason));
      inputs[i] = network_input(pixels, info);
    } catch (const std::bad_alloc&) {
      result.images[i].failure = fmt::format("not enough memory to decode {}", paths[i].string());
    } catch (const std::exception& error) {
      result.images[i].failure = error.what();
    }
  });
  result.batch.channels = channels;
  result.batch.size = size;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].empty()) continue;
    result.batch.images.insert(result.batch.images.end(), inputs[i].begin(), inputs[i].end());
    result.batch.indices.push_back(i);
    result.batch.labels.push_back(0);
  }
  return result;
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
