// Shared by the data tests: a temporary folder, small images.
#pragma once

#include "data/dataset/image_set.h"
#include "data/image/image.h"
#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"
#include "kernels/common/random.h"

#include <catch2/catch.hpp>

#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>

namespace xr::data::test {

namespace fs = std::filesystem;

/// A fresh folder, removed at the end of the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "xr_data_test_XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw Error("cannot make a temporary folder");
    path_ = pattern;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code code;
    fs::remove_all(path_, code);
  }
  [[nodiscard]] const fs::path& path() const { return path_; }
  fs::path operator/(const fs::path& name) const { return path_ / name; }

 private:
  fs::path path_;
};

[[nodiscard]] inline std::vector<std::string> paths_of(const std::vector<Sample>& samples) {
  std::vector<std::string> paths;
  for (const Sample& sample : samples) paths.push_back(sample.path);
  return paths;
}

inline Image random_image(int width, int height, int channels, std::uint64_t seed = 1) {
  Image image{width, height, channels, {}};
  Philox random(seed, 99);
  for (int i = 0; i < width * height * channels; ++i)
    image.pixels.push_back(static_cast<std::uint8_t>(random.next_u32()));
  return image;
}

/// `count` random images of size x size pixels, of three classes in turn.
inline ImageSet make_set(int count, int channels = 1, int size = 12) {
  ImageSet set;
  set.channels = channels;
  set.size = size;
  set.pixels = random_image(size, size * count, channels).pixels;
  for (int i = 0; i < count; ++i) set.labels.push_back(i % 3);
  set.samples.resize(static_cast<std::size_t>(count));
  return set;
}

/// A PNG at this path; makes the folders above it.
inline void make_png(const fs::path& path, std::uint64_t seed = 1, int side = 16) {
  fs::create_directories(path.parent_path());
  write_png(path, random_image(side, side, 1, seed));
}

inline std::vector<std::byte> bytes_of(std::string_view text) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

inline void write_bytes(const fs::path& path, std::span<const std::byte> bytes) {
  fs::create_directories(path.parent_path());
  engine::write_file_atomically(path, bytes);
}

/// The message of the xr::Error that `action` throws; fails the test if it throws none. Always one line.
template <class Action>
std::string error_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    std::string message = error.what();
    CHECK(message.find('\n') == std::string::npos);
    CHECK(message.size() > 10);
    return message;
  }
  FAIL("no error was thrown");
  return {};
}

/// Whether this build was made without the library that reads this image.
inline bool lacks_reader(std::span<const std::byte> file) {
  for (const FormatSupport& support : supported_formats())
    if (support.format == format_of(file)) return !support.supported;
  return false;
}

inline auto contains(const std::string& part) {
  return Catch::Matchers::Contains(part);
}

}  // namespace xr::data::test
