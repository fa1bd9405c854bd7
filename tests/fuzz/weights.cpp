// Opens the input as a file of weights, in whichever form, and loads every tensor. Every other input is packed first:
// what stands before the first mark becomes the pickle of an archive, what follows its storages.
#include "engine/io/weights_file.h"

#include <algorithm>
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

std::string next_part(std::string_view& input) {
  const std::size_t end = std::min(input.find(mark), input.size());
  std::string part(input.substr(0, end));
  input.remove_prefix(std::min(end + mark.size(), input.size()));
  return part;
}

std::string packed(std::string_view input) {
  std::vector<xr::engine::test::ArchiveMember> members = {{"a/data.pkl", next_part(input)}};
  for (int i = 0; i < 8 && !input.empty(); ++i)
    members.push_back({"a/data/" + std::to_string(i), next_part(input)});
  return xr::engine::test::zip(members);
}

void load_all(const std::string& path) {
  const auto file = xr::engine::open_weights(path);
  std::int64_t elements = 0;
  for (const xr::engine::StoredTensor& stored : file->tensors()) {
    expect(!stored.name.empty(), "a tensor has no name");
    // Strides of 0 repeat elements up to 65536 times: a few of them are enough.
    elements += stored.shape.numel();
    if (elements > (std::int64_t{1} << 20)) break;
    const xr::engine::Tensor tensor = file->load(stored);
    expect(tensor.shape() == stored.shape, "a tensor has another shape");
    expect((tensor.dtype() == xr::engine::DType::f32) == xr::engine::is_floating(stored.type),
           "a tensor has another element type");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string input(reinterpret_cast<const char*>(data), size);
  if (size % 2 == 0) input = packed(input);
  const xr::fuzz::MemoryFile file(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  try {
    load_all(file.path());
  } catch (const xr::Error& error) {
    xr::fuzz::expect_one_line(error);
  }
  return 0;
}
