#include "data/phantom/phantom.h"

#include "data/loader/jobs.h"
#include "data/phantom/phantom_absorption.h"
#include "data/phantom/phantom_findings.h"
#include "data/phantom/phantom_shortcut.h"
#include "data/phantom/row_math.h"
#include "engine/io/file.h"
#include "kernels/common/error_codes.h"
#include "kernels/common/parallel.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <span>
#include <vector>

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
struct Exposure {
  float middle, slope, black, white, across, along, floor_level;
};

/// `v` is the row's place, -0.5 to 0.5.
XR_MULTIVERSION void prepare_exposure(const Exposure& exposure, float v, float* __restrict film,
                                      float* __restrict argument, int size) {
  const Exposure e = exposure;
  const auto side = static_cast<float>(size);
  for (int x = 0; x < size; ++x) {
    const float u = static_cast<float>(x) / side - 0.5f;
    const float lit = greater(0.0f, film[x] + e.across * u + e.along * v);
    film[x] = film[x] > 0.0f ? lit : film[x];
    argument[x] = -e.slope * (film[x] - e.middle);
  }
}

XR_MULTIVERSION void expose_row(const Exposure& exposure, const float* __restrict value,
                                float* __restrict film, int size) {
  const Exposure e = exposure;
  for (int x = 0; x < size; ++x) {
    const float grey = e.black + (e.white - e.black) / (1.0f + value[x]);
    film[x] = e.black + (grey - e.floor_level) / (e.white - e.floor_level) * (e.white - e.black);
  }
}

void expose(Canvas& film, Philox& random) {
  Exposure e{};
  e.middle = random.uniform(0.50f, 0.82f), e.slope = random.uniform(2.2f, 3.6f);
  e.black = random.uniform(0.0f, 0.06f), e.white = random.uniform(0.86f, 1.0f);
  e.across = random.uniform(-0.14f, 0.14f), e.along = random.uniform(-0.14f, 0.14f);
  e.floor_level = e.black + (e.white - e.black) / (1.0f + std::exp(e.slope * e.middle));
  const int size = film.size();
  std::vector<float> argument(size), value(size);
  for (int y = 0; y < size; ++y) {
    prepare_exposure(e, static_cast<float>(y) / static_cast<float>(size) - 0.5f, film.row(y), argument.data(),
                     size);
    exp_row(argument.data(), value.data(), size);
    expose_row(e, value.data(), film.row(y), size);
  }
}

/// Both rows of grain have one value more than the film, the last one twice.
XR_MULTIVERSION void add_grain(const float* __restrict grain, const float* __restrict next, float fine,
                               float soft, float* __restrict film, int size) {
  for (int x = 0; x < size; ++x) {
    const float blurred = 0.5f * (grain[x] + grain[x + 1] + next[x] + next[x + 1]);
    const float level = 0.4f + 0.6f * film[x];
    film[x] += level * (fine * grain[x] + soft * blurred);
  }
}

/// Film grain of two sizes and a slight blur of the whole.
void add_noise(Canvas& film, Philox& random) {
  const int size = film.size();
  const float fine = random.uniform(0.005f, 0.014f), soft = random.uniform(0.003f, 0.010f);
  std::vector<std::uint32_t> words(Philox::words_per_normal * size);
  std::vector<float> grain(size + 1), next(size + 1);
  const auto draw = [&](std::vector<float>& row) {
    for (std::uint32_t& word : words) word = random.next_u32();
    normal_row(words.data(), row.data(), size);
    row[size] = row[size - 1];
  };
  draw(next);
  for (int y = 0; y < size; ++y) {
    grain = next;
    if (y + 1 < size) draw(next);
    add_grain(grain.data(), next.data(), fine, soft, film.row(y), size);
  }
}

/// The darkening of a row whose pixels are at least `inside` pixels from the upper and the lower margin.
XR_MULTIVERSION void collimate_row(float left, float right, float inside_y, float* __restrict film,
                                   int size) {
  for (int x = 0; x < size; ++x) {
    const auto px = static_cast<float>(x);
    const float inside = lesser(lesser(px - left, static_cast<float>(size) - 1 - px - right), inside_y);
    film[x] *= smooth_step(-1.0f, 1.0f, inside + 1.0f);
  }
}

/// A dark frame, as of a narrowed beam.
void collimate(Canvas& film, Philox& random) {
  const bool there = random.uniform() < 0.3f;
  const auto size = static_cast<float>(film.size());
  float margin[4];
  for (float& side : margin) side = size * (random.uniform() < 0.6f ? random.uniform(0.0f, 0.06f) : 0.0f);
  if (!there) return;
  for (int y = 0; y < film.size(); ++y) {
    const auto py = static_cast<float>(y);
    collimate_row(margin[0], margin[1], std::min(py - margin[2], size - 1 - py - margin[3]), film.row(y),
                  film.size());
  }
}

/// The tissue's texture on a row of absorptions.
XR_MULTIVERSION void add_texture(const float* __restrict sum, const float* __restrict texture,
                                 float* __restrict film, int size) {
  for (int x = 0; x < size; ++x) film[x] = sum[x] > 0.0f ? sum[x] + 0.03f * texture[x] : 0.0f;
}

XR_MULTIVERSION void scale_five(const float* __restrict x, const float* __restrict y,
                                float* __restrict column, float* __restrict line, int size) {
  for (int i = 0; i < size; ++i) {
    column[i] = x[i] * 5.0f;
    line[i] = y[i] * 5.0f;
  }
}

XR_MULTIVERSION void to_grey_levels(const float* __restrict film, std::uint8_t* __restrict pixels, int size) {
  for (int x = 0; x < size; ++x)
    pixels[x] =
        static_cast<std::uint8_t>(static_cast<int>(lesser(greater(film[x], 0.0f), 1.0f) * 255.0f + 0.5f));
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

/// Not synced: the folder is, before it gets its name.
void write_file(const fs::path& path, std::span<const std::byte> bytes) {
  const engine::FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  const auto fail = [&] {
    throw Error(errno == ENOSPC ? error_code::disk_full : ErrorCode{},
                fmt::format("cannot write {}: {}", engine::quote_name(path), std::strerror(errno)));
  };
  if (file.get() < 0) fail();
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail();
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

/// All files of the file system that holds the folder: one call instead of one a file.
void sync_file_system(const fs::path& folder) {
  const engine::FileDescriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  XR_CHECK(directory.get() >= 0 && ::syncfs(directory.get()) == 0, "cannot write {}: {}",
           engine::quote_name(folder), std::strerror(errno));
}

void draw_file(const DatasetFile& file, const PhantomSettings& settings) {
  Image image = draw_phantom(settings.seed, file.split, file.kind, file.index, settings.size);
  const bool marked = bears_mark(settings.seed, file.split, file.kind, file.index);
  if (marked && settings.shortcut == PhantomShortcut::corner_marker) draw_corner_marker(image);
  if (marked && settings.shortcut == PhantomShortcut::border_brightness) brighten_border(image, 40);
  write_file(file.path, file.path.extension() == ".jpg" ? encode_jpeg(image, 90) : encode_png(image));
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
    sync_file_system(temporary);
    fs::rename(temporary, directory);
  } catch (...) {
    std::error_code code;
    fs::remove_all(temporary, code);
    throw;
  }
}

}  // namespace

Image draw_phantom(std::uint64_t seed, PhantomSplit split, PhantomClass kind, int index, int size) {
  XR_CHECK(size >= 64 && size <= max_phantom_side, "the phantom image size {} is not 64 to {}", size,
           max_phantom_side);
  XR_CHECK(index >= 0, "the phantom image number {} is negative", index);
  const std::uint64_t sub_stream = static_cast<std::uint64_t>(split) << 41 |
                                   static_cast<std::uint64_t>(kind) << 40 | static_cast<std::uint64_t>(index);
  Philox random(seed, stream_of(RandomPurpose::phantom, sub_stream));
  const Anatomy anatomy(random);
  const View view = draw_view(random, size);
  const NoiseField tissue(random);
  Canvas film(size), lungs(size);
  AbsorptionRows rows(anatomy, view);
  std::vector<float> column(size), line(size), texture(size);
  for (int y = 0; y < size; ++y) {
    rows.work_out(y);
    scale_five(rows.x(), rows.y(), column.data(), line.data(), size);
    tissue.at(column.data(), line.data(), texture.data(), size);
    add_texture(rows.sum(), texture.data(), film.row(y), size);
    std::copy(rows.lung(), rows.lung() + size, lungs.row(y));
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
  image.pixels.resize(static_cast<std::size_t>(size) * size);
  for (int y = 0; y < size; ++y)
    to_grey_levels(film.row(y), &image.pixels[static_cast<std::size_t>(y) * size], size);
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
