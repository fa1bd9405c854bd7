// Opens the input as a file of weights, in whichever form, and loads every tensor. In a packed input (packed_input.h)
// the first part is the pickle of an archive, what follows its storages.
#include "engine/io/weights_file.h"

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/fuzz/packed_input.h"

namespace {

using xr::fuzz::expect;
using xr::fuzz::next_part;

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
  xr::fuzz::read_input(data, size, packed, load_all);
  return 0;
}
