// Reads the input as a data set in an archive, with all its images. Every other input is packed first: what stands
// between marks becomes the arrays of an archive whose checksums are right, which random changes would hardly ever be.
#include "data/dataset/npz_dataset.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "kernels/common/error.h"
#include "tests/engine/io/zip_writer.h"
#include "tests/fuzz/expect.h"
#include "tests/fuzz/memory_file.h"

namespace {

using xr::fuzz::expect;

constexpr std::string_view mark = "\xFE|";

std::string packed(std::string_view input) {
  std::vector<xr::engine::test::ArchiveMember> members;
  for (const char* name : {"train_images.npy", "train_labels.npy", "test_images.npy", "test_labels.npy"}) {
    const std::size_t end = std::min(input.find(mark), input.size());
    members.push_back({name, std::string(input.substr(0, end))});
    input.remove_prefix(std::min(end + mark.size(), input.size()));
  }
  return xr::engine::test::zip(members);
}

void read_all(const std::string& path) {
  const xr::data::Dataset dataset = xr::data::read_npz(path);
  for (const auto* samples : {&dataset.train, &dataset.validation, &dataset.test}) {
    // Images may be many, small and well packed.
    const std::span some = std::span(*samples).first(std::min<std::size_t>(samples->size(), 100));
    for (const xr::data::Sample& sample : some) {
      expect(sample.class_index >= 0 && sample.class_index < static_cast<int>(dataset.class_names.size()),
             "a class has no name");
      expect(sample.targets.empty() || sample.targets.size() == dataset.class_names.size(),
             "targets have no names");
    }
    xr::data::for_each_npz_image(path, some, 1, {}, [](std::size_t, xr::data::Image&& image) {
      expect(image.pixels.size() == static_cast<std::size_t>(image.width) * image.height * image.channels,
             "an image has a wrong number of pixels");
    });
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string input(reinterpret_cast<const char*>(data), size);
  if (size % 2 == 0) input = packed(input);
  const xr::fuzz::MemoryFile file(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  try {
    read_all(file.path());
  } catch (const xr::Error& error) {
    xr::fuzz::expect_one_line(error);
  }
  return 0;
}
