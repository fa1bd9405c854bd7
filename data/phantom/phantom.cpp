#include "data/phantom/phantom.h"

#include "data/loader/jobs.h"
#include "data/phantom/phantom_findings.h"
#include "data/phantom/phantom_shortcut.h"
#include "engine/io/atomic_file.h"
#include "engine/io/file.h"
#include "kernels/common/error.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace xr::data {

namespace fs = std::filesystem;

namespace {

using namespace phantom;

View draw_view(Philox& random, int size) {
  const float angle = random.uniform(-0.12f, 0.12f);
  const float zoom = random.uniform(0.98f, 1.32f), aspect = random.uniform(0.94f, 1.06f);
  return {.size = size,
          .cosine = std::cos(angle),
          .sine = std::sin(angle),
          .zoom_x = zoom * aspect,
          .zoom_y = zoom / aspect,
          .shift_x = random.uniform(-0.08f, 0.08f),
          .shift_y = random.uniform(-0.06f, 0.14f)};
}

/// From absorption to the grey of the film: exposure, contrast, uneven illumination, saturation at both ends.
void expose(Canvas& film, Philox& random) {
  const float middle = random.uniform(0.50f, 0.82f), slope = random.uniform(2.2f, 3.6f);
  const float black = random.uniform(0.0f, 0.06f), white = random.uniform(0.86f, 1.0f);
  const float across = random.uniform(-0.14f, 0.14f), along = random.uniform(-0.14f, 0.14f);
  const auto size = static_cast<float>(film.size());
  for (int y = 0; y < film.size(); ++y)
    for (int x = 0; x < film.size(); ++x) {
      const float u = static_cast<float>(x) / size - 0.5f, v = static_cast<float>(y) / size - 0.5f;
      float& value = film.at(x, y);
      if (value > 0.0f) value = std::max(0.0f, value + across * u + along * v);
      value = black + (white - black) / (1.0f + std::exp(-slope * (value - middle)));
      const float floor_level = black + (white - black) / (1.0f + std::exp(slope * middle));
      value = black + (value - floor_level) / (white - floor_level) * (white - black);
    }
}

/// Film grain of two sizes and a slight blur of the whole.
void add_noise(Canvas& film, Philox& random) {
  const int size = film.size();
  const float fine = random.uniform(0.005f, 0.014f), soft = random.uniform(0.003f, 0.010f);
  Canvas grain(size);
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x) grain.at(x, y) = random.normal();
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x) {
      const int x1 = std::min(x + 1, size - 1), y1 = std::min(y + 1, size - 1);
      const float blurred = 0.5f * (grain.at(x, y) + grain.at(x1, y) + grain.at(x, y1) + grain.at(x1, y1));
      const float level = 0.4f + 0.6f * film.at(x, y);
      film.at(x, y) += level * (fine * grain.at(x, y) + soft * blurred);
    }
}

/// A dark frame, as of a narrowed beam.
void collimate(Canvas& film, Philox& random) {
  const bool there = random.uniform() < 0.3f;
  const auto size = static_cast<float>(film.size());
  float margin[4];
  for (float& side : margin) side = size * (random.uniform() < 0.6f ? random.uniform(0.0f, 0.06f) : 0.0f);
  if (!there) return;
  for (int y = 0; y < film.size(); ++y)
    for (int x = 0; x < film.size(); ++x) {
      const auto px = static_cast<float>(x), py = static_cast<float>(y);
      const float inside =
          std::min({px - margin[0], size - 1 - px - margin[1], py - margin[2], size - 1 - py - margin[3]});
      film.at(x, y) *= smooth_step(-1.0f, 1.0f, inside + 1.0f);
    }
}

struct DatasetFile {
  PhantomSplit split;
  PhantomClass kind;
  int index;
  fs::path path;
};

std::vector<DatasetFile> list_files(const fs::path& directory, const PhantomSettings& settings) {
  std::vector<DatasetFile> files;
  const auto add = [&](PhantomSplit split, PhantomClass kind, int count) {
    XR_CHECK(count >= 1 && count <= 1000000, "{} phantom images of a class are not 1 to 1000000", count);
    const fs::path folder = directory / (split == PhantomSplit::train ? "train" : "test") /
                            (kind == PhantomClass::covid ? "covid" : "normal");
    for (int i = 0; i < count; ++i) {
      const bool jpeg =
          settings.shortcut == PhantomShortcut::format && bears_mark(settings.seed, split, kind, i);
      files.push_back({split, kind, i, folder / fmt::format("{:03}.{}", i, jpeg ? "jpg" : "png")});
    }
  };
  add(PhantomSplit::train, PhantomClass::covid, settings.train_covid);
  add(PhantomSplit::train, PhantomClass::normal, settings.train_normal);
  add(PhantomSplit::test, PhantomClass::covid, settings.test_covid);
  add(PhantomSplit::test, PhantomClass::normal, settings.test_normal);
  return files;
}

void draw_file(const DatasetFile& file, const PhantomSettings& settings) {
  Image image = draw_phantom(settings.seed, file.split, file.kind, file.index, settings.size);
  const bool marked = bears_mark(settings.seed, file.split, file.kind, file.index);
  if (marked && settings.shortcut == PhantomShortcut::corner_marker) draw_corner_marker(image);
  if (marked && settings.shortcut == PhantomShortcut::border_brightness) brighten_border(image, 40);
  engine::write_file_atomically(file.path,
                                file.path.extension() == ".jpg" ? encode_jpeg(image, 90) : encode_png(image));
}

/// Writes all files into a folder beside `directory`, which rename() then replaces: rename takes an absent or
/// empty folder only.
void write_whole(const fs::path& directory, const PhantomSettings& settings) {
  fs::path temporary = directory;
  temporary += fmt::format(".tmp.{}", ::getpid());
  try {
    fs::remove_all(temporary);
    const std::vector<DatasetFile> files = list_files(temporary, settings);
    for (const DatasetFile& file : files) fs::create_directories(file.path.parent_path());
    run_jobs(files.size(), settings.workers, settings.progress,
             [&](std::size_t i) { draw_file(files[i], settings); });
    fs::rename(temporary, directory);
  } catch (...) {
    std::error_code code;
    fs::remove_all(temporary, code);
    throw;
  }
}

}  // namespace

Image draw_phantom(std::uint64_t seed, PhantomSplit split, PhantomClass kind, int index, int size) {
  XR_CHECK(size >= 64 && size <= 2048, "the phantom image size {} is not 64 to 2048", size);
  XR_CHECK(index >= 0, "the phantom image number {} is negative", index);
  const std::uint64_t sub_stream = static_cast<std::uint64_t>(split) << 41 |
                                   static_cast<std::uint64_t>(kind) << 40 | static_cast<std::uint64_t>(index);
  Philox random(seed, stream_of(RandomPurpose::phantom, sub_stream));
  const Anatomy anatomy(random);
  const View view = draw_view(random, size);
  const NoiseField tissue(random);
  Canvas film(size), lungs(size);
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x) {
      const Point p = view.to_patient(static_cast<float>(x), static_cast<float>(y));
      const float value = absorption(anatomy, p);
      film.at(x, y) = value > 0.0f ? value + 0.03f * tissue.at(p.x * 5.0f, p.y * 5.0f) : 0.0f;
      lungs.at(x, y) = lung_mask(anatomy, p);
    }
  const Scene scene{view, anatomy, film, lungs};
  draw_vessels(scene, random);
  draw_patches(scene, random, kind == PhantomClass::covid);
  draw_leads(scene, random);
  expose(film, random);
  add_noise(film, random);
  collimate(film, random);
  draw_markers(film, random);
  Image image{size, size, 1, {}};
  image.pixels.reserve(static_cast<std::size_t>(size) * size);
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x)
      image.pixels.push_back(
          static_cast<std::uint8_t>(std::clamp(film.at(x, y), 0.0f, 1.0f) * 255.0f + 0.5f));
  return image;
}

void write_phantom_dataset(const fs::path& directory, const PhantomSettings& settings) {
  std::error_code code;
  const fs::file_status status = fs::status(directory, code);
  XR_CHECK(!fs::exists(status) || (fs::is_directory(status) && fs::is_empty(directory, code)),
           "{} exists and is not an empty folder; choose another or remove it",
           engine::quote_name(directory));
  try {
    fs::path target = directory;
    if (!target.has_filename()) target = target.parent_path();  // a trailing slash
    if (target.has_parent_path()) fs::create_directories(target.parent_path());
    write_whole(target, settings);
  } catch (const fs::filesystem_error& error) {
    throw Error(fmt::format("cannot write the phantom images to {}: {}", engine::quote_name(directory),
                            error.code().message()));
  }
}

}  // namespace xr::data
