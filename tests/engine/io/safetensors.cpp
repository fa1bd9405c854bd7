#include "engine/io/safetensors.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "engine/ops/reorder.h"
#include "tests/engine/support.h"

using namespace xr;
using namespace xr::engine;
using namespace xr::engine::test;
using nlohmann::json;

namespace {

std::uint64_t header_length(const std::string& bytes) {
  std::uint64_t length = 0;
  for (int i = 7; i >= 0; --i)
    length = length << 8 | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
  return length;
}

std::vector<NamedTensor> some_tensors() {
  return {{"layer1.0.weight", random_tensor({3, 2, 3, 3}, 1)},
          {"layer1.1.num_batches_tracked", Tensor::from_host(std::vector<std::int64_t>{7}, {})},
          {"empty", Tensor::empty({0, 4})},
          {"bias", random_tensor({5}, 2)}};
}

}  // namespace

TEST_CASE("safetensors round trip keeps names and shapes and bytes") {
  const TemporaryFolder folder;
  std::vector<NamedTensor> tensors = some_tensors();
  tensors.push_back({"special", values({std::nanf(""), -0.0f, INFINITY, -INFINITY, 1e-45f}, {5})});
  const Metadata metadata{{"epoch", "3"}, {"classes", "COVID \"19\"\n, normal, \xC3\xA9"}, {"empty", ""}};
  save_safetensors(folder / "a.safetensors", tensors, metadata);
  const SafetensorsFile file(folder / "a.safetensors");
  CHECK(file.metadata() == metadata);
  CHECK(file.entries().size() == tensors.size());
  for (const NamedTensor& tensor : tensors) {
    CAPTURE(tensor.name);
    REQUIRE(file.find(tensor.name) != nullptr);
    CHECK(file.find(tensor.name)->shape == tensor.tensor.shape());
    CHECK(same_bytes(file.load(tensor.name), tensor.tensor));
  }
  CHECK(file.find("absent") == nullptr);
  CHECK(file_names(folder.path()) == std::vector<std::string>{"a.safetensors"});
}

// https://huggingface.co/docs/safetensors: u64 length, JSON that begins with {, offsets without holes;
// PyTorch and numpy readers further expect data aligned to its element size.
TEST_CASE("safetensors layout is what other readers expect") {
  const TemporaryFolder folder;
  save_safetensors(folder / "a.safetensors", some_tensors(), {{"format", "pt"}});
  const std::string bytes = read_file(folder / "a.safetensors");
  const std::uint64_t length = header_length(bytes);
  CHECK(length % 8 == 0);
  CHECK(bytes[8] == '{');
  const json header = json::parse(bytes.substr(8, length));
  CHECK(header["__metadata__"]["format"] == "pt");
  CHECK(header["layer1.0.weight"]["dtype"] == "F32");
  CHECK(header["layer1.0.weight"]["shape"] == json({3, 2, 3, 3}));
  CHECK(header["layer1.1.num_batches_tracked"]["dtype"] == "I64");
  CHECK(header["layer1.1.num_batches_tracked"]["shape"] == json::array());
  std::map<std::uint64_t, std::uint64_t> pieces;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    const std::uint64_t begin = entry["data_offsets"][0], end = entry["data_offsets"][1];
    if (end > begin) pieces[begin] = end;
    CHECK((8 + length + begin) % (entry["dtype"] == "I64" ? 8 : 4) == 0);
  }
  std::uint64_t at = 0;
  for (const auto& [begin, end] : pieces) {
    CHECK(begin == at);
    at = end;
  }
  CHECK(8 + length + at == bytes.size());
  CHECK(at == safetensors_bytes(some_tensors()));
  // Row-major, little-endian.
  std::vector<float> written(54);
  const std::uint64_t begin = header["layer1.0.weight"]["data_offsets"][0];
  std::memcpy(written.data(), bytes.data() + 8 + length + begin, written.size() * sizeof(float));
  CHECK(written == some_tensors()[0].tensor.to_host());
}

TEST_CASE("safetensors writes the same bytes again whatever the order of the tensors") {
  const TemporaryFolder folder;
  std::vector<NamedTensor> tensors = some_tensors();
  save_safetensors(folder / "a", tensors, {{"x", "1"}, {"a", "2"}});
  std::reverse(tensors.begin(), tensors.end());
  save_safetensors(folder / "b", tensors, {{"a", "2"}, {"x", "1"}});
  CHECK(read_file(folder / "a") == read_file(folder / "b"));
}

TEST_CASE("safetensors writes activations of any layout in row-major order") {
  const TemporaryFolder folder;
  const Tensor plain = random_tensor({2, 32, 3, 5}, 4);
  save_safetensors(folder / "plain", {{"x", plain}});
  for (const Layout layout : {Layout::channels_last, Layout::blocked16}) {
    save_safetensors(folder / "other", {{"x", reorder(plain, layout)}});
    CHECK(read_file(folder / "plain") == read_file(folder / "other"));
  }
}

TEST_CASE("safetensors larger than one piece of copying") {
  const TemporaryFolder folder;
  const Tensor large = random_tensor({1100, 1001}, 5);  // 4.2 MiB
  save_safetensors(folder / "a", {{"large", large}, {"small", random_tensor({3}, 6)}});
  const SafetensorsFile file(folder / "a");
  CHECK(same_bytes(file.load("large"), large));
  CHECK(same_bytes(file.load("small"), random_tensor({3}, 6)));
}

TEST_CASE("safetensors of no tensors and of metadata only") {
  const TemporaryFolder folder;
  save_safetensors(folder / "a", {});
  CHECK(SafetensorsFile(folder / "a").entries().empty());
  save_safetensors(folder / "a", {}, {{"key", "value"}});
  CHECK(SafetensorsFile(folder / "a").metadata().at("key") == "value");
}

TEST_CASE("safetensors refuses two tensors of one name") {
  const TemporaryFolder folder;
  const std::string message = error_of([&] {
    save_safetensors(folder / "a", {{"x", Tensor::zeros({1})}, {"x", Tensor::zeros({2})}});
  });
  CHECK(message == "two tensors are called x");
  CHECK(file_names(folder.path()).empty());
}

// Class names are folder names, which may hold any bytes; JSON text must be UTF-8.
TEST_CASE("safetensors metadata that is no UTF-8 does not end the run") {
  const TemporaryFolder folder;
  save_safetensors(folder / "a", {{"x", Tensor::zeros({1})}}, {{"classes", "caf\xE9,normal"}});
  const std::string classes = SafetensorsFile(folder / "a").metadata().at("classes");
  CHECK(classes == "caf\xEF\xBF\xBD,normal");  // with the replacement character
}

TEST_CASE("load_state refuses values that are not finite and names the tensor") {
  const TemporaryFolder folder;
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    save_safetensors(folder / "a", {{"layer1.weight", Tensor::from_host(std::vector<float>{1, 2, 3}, {3})},
                                    {"layer2.bias", Tensor::from_host(std::vector<float>{4, bad}, {2})}});
    const SafetensorsFile file(folder / "a");
    CHECK(file.load("layer2.bias").to_host()[0] == 4);  // one tensor is read as it is
    try {
      load_state(file, {{"layer1.weight", Tensor::zeros({3})}, {"layer2.bias", Tensor::zeros({2})}}, "a");
      FAIL("no error");
    } catch (const Error& error) {
      CHECK(error.code() == weights_not_finite);
      CHECK_THAT(error.what(),
                 Catch::Matchers::Contains("layer2.bias") && Catch::Matchers::Contains("value 1 "));
    }
  }
}

TEST_CASE("load_state changes all tensors in place") {
  const TemporaryFolder folder;
  const std::vector<NamedTensor> saved = some_tensors();
  save_safetensors(folder / "a", saved);
  std::vector<NamedTensor> network;
  for (const NamedTensor& tensor : saved)
    network.push_back({tensor.name, tensor.tensor.dtype() == DType::f32
                                        ? Tensor::zeros(tensor.tensor.shape())
                                        : Tensor::from_host(std::vector<std::int64_t>{0}, {})});
  const std::uint64_t version = network[0].tensor.version();
  load_state(SafetensorsFile(folder / "a"), network, "a");
  for (std::size_t i = 0; i < saved.size(); ++i) CHECK(same_bytes(network[i].tensor, saved[i].tensor));
  CHECK(network[0].tensor.version() > version);  // autograd sees the change
}
