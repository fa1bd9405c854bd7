// Reads the input as a data set in an archive, with all its images. In a packed input (packed_input.h) the parts are
// the arrays of the archive.
#include "data/dataset/npz_dataset.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/fuzz/packed_input.h"

namespace {

using xr::fuzz::expect;
using xr::fuzz::next_part;

std::string packed(std::string_view input) {
  std::vector<xr::engine::test::ArchiveMember> members;
  for (const char* name : {"train_images.npy", "train_labels.npy", "test_images.npy", "test_labels.npy"})
    members.push_back({name, next_part(input)});
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
  xr::fuzz::read_input(data, size, packed, read_all);
  return 0;
}
