// Weights that PyTorch wrote, in all its forms. The files and what they hold: tests/golden/write_weights.py.
#include "engine/io/weights_file.h"

#include <sys/wait.h>

#include "engine/io/safetensors.h"
#include "kernels/common/error_codes.h"
#include "tests/engine/io/zip_writer.h"
#include "tests/engine/support.h"

using namespace xr;
using namespace xr::engine;
using namespace xr::engine::test;
using Catch::Matchers::Contains;

namespace {

const StoredTensor* find(const WeightsFile& file, const std::string& name) {
  const auto found = std::ranges::find(file.tensors(), name, &StoredTensor::name);
  return found == file.tensors().end() ? nullptr : &*found;
}

Tensor load(const WeightsFile& file, const std::string& name) {
  const StoredTensor* tensor = find(file, name);
  REQUIRE(tensor != nullptr);
  return file.load(*tensor);
}

/// Element i of a tensor of the script: (i - 5) / 4.
std::vector<float> quarters(std::initializer_list<int> places) {
  std::vector<float> values;
  for (const int place : places) values.push_back(static_cast<float>(place - 5) / 4);
  return values;
}

std::vector<float> quarters(std::size_t count) {
  std::vector<float> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back((static_cast<float>(i) - 5) / 4);
  return values;
}

void check_network(const WeightsFile& file, bool with_counter = true) {
  CHECK(std::string(file.format()) == "PyTorch");
  CHECK(file.tensors().size() == (with_counter ? 6 : 5));
  CHECK(find(file, "0.weight")->shape == Shape{2, 3, 3, 3});
  CHECK(load(file, "0.weight").to_host() == quarters(54));
  for (const char* name : {"1.weight", "1.bias", "1.running_mean", "1.running_var"}) {
    CAPTURE(name);
    CHECK(find(file, name)->type == ElementType::f32);
    CHECK(load(file, name).to_host() == quarters(2));
  }
  if (!with_counter) return;
  CHECK(find(file, "1.num_batches_tracked")->type == ElementType::i64);
  CHECK(find(file, "1.num_batches_tracked")->shape == Shape{});
  CHECK(load(file, "1.num_batches_tracked").to_host_i64() == std::vector<std::int64_t>{-5});
}

void check_types(const WeightsFile& file) {
  for (const char* name : {"float16", "bfloat16", "float64"}) {
    CAPTURE(name);
    CHECK(std::string(name_of(find(file, name)->type)) == name);
    CHECK(load(file, name).to_host() == quarters(12));
  }
  for (const char* name : {"int8", "int16", "int32", "int64"}) {
    CAPTURE(name);
    CHECK(std::string(name_of(find(file, name)->type)) == name);
    CHECK(load(file, name).to_host_i64() ==
          std::vector<std::int64_t>{-5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6});
  }
  const std::vector<std::int64_t> absolute{5, 4, 3, 2, 1, 0, 1, 2, 3, 4, 5, 6};
  CHECK(load(file, "uint8").to_host_i64() == absolute);
  if (find(file, "uint16") != nullptr) CHECK(load(file, "uint16").to_host_i64() == absolute);
  CHECK(load(file, "bool").to_host_i64() == std::vector<std::int64_t>{0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1});
}

void check_views(const WeightsFile& file) {
  CHECK(load(file, "whole").to_host() == quarters(24));
  CHECK(load(file, "rows").to_host() == quarters({6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17}));
  CHECK(load(file, "columns").to_host() == quarters({2, 3, 4, 8, 9, 10, 14, 15, 16, 20, 21, 22}));
  CHECK(find(file, "transposed")->shape == Shape{6, 4});
  CHECK(load(file, "transposed").to_host() ==
        quarters({0, 6, 12, 18, 1, 7, 13, 19, 2, 8, 14, 20, 3, 9, 15, 21, 4, 10, 16, 22, 5, 11, 17, 23}));
  CHECK(load(file, "channels_last").to_host() == quarters(24));
  CHECK(load(file, "repeated").to_host() == std::vector<float>(6, -1.25f));
  CHECK(load(file, "scalar").to_host() == quarters({8}));
  CHECK(load(file, "none").shape() == Shape{0, 3});
}

/// The error of a file that is refused.
Error refusal(const fs::path& path) {
  try {
    (void)open_weights(path);
  } catch (const Error& error) {
    CHECK_THAT(error.what(), Contains(path.filename().string()));
    CHECK(std::string(error.what()).find('\n') == std::string::npos);
    return error;
  }
  FAIL("not refused: " << path);
  return Error("");
}

void check_files(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() != ".pth") continue;
    INFO(name);
    if (name.starts_with("refused_") || name == "two_dictionaries") {
      CHECK(refusal(entry.path()).code() == error_code::weights_not_plain);
      continue;
    }
    const std::unique_ptr<WeightsFile> file = open_weights(entry.path());
    if (name.ends_with("types"))
      check_types(*file);
    else if (name.ends_with("views"))
      check_views(*file);
    else
      check_network(*file, name != "big_endian");
  }
}

}  // namespace

TEST_CASE("files of every form that PyTorch wrote give their numbers") {
  check_files(fs::path(XR_GOLDEN_FOLDER) / "weights");
}

TEST_CASE("files of the PyTorch that is there give their numbers") {
  const TemporaryFolder folder;
  const char* given = std::getenv("XR_PYTHON");
  const std::string command =
      fmt::format("{} -W ignore {}/write_weights.py {} > {} 2>&1", given != nullptr ? given : "python3",
                  XR_GOLDEN_FOLDER, (folder / "files").string(), (folder / "log").string());
  const int status = std::system(command.c_str());
  if (WIFEXITED(status) && (WEXITSTATUS(status) == 77 || WEXITSTATUS(status) == 127)) {
    WARN("not tested: no Python with torch (XR_PYTHON names one)");
    return;
  }
  INFO(read_file(folder / "log"));
  REQUIRE(status == 0);
  CHECK(file_names(folder / "files").size() >= 20);
  check_files(folder / "files");
  CHECK(!fs::exists("xr_pickle_was_run"));
}

TEST_CASE("what is not plain is refused by its name") {
  const fs::path folder = fs::path(XR_GOLDEN_FOLDER) / "weights";
  CHECK_THAT(refusal(folder / "refused_module.pth").what(),
             Contains("torch.nn.modules.container.Sequential"));
  CHECK_THAT(refusal(folder / "refused_numpy.pth").what(), Contains("multiarray._reconstruct"));
  CHECK_THAT(refusal(folder / "refused_system_call.pth").what(), Contains("posix.system"));
  CHECK_THAT(refusal(folder / "refused_defaultdict.pth").what(), Contains("collections.defaultdict"));
  CHECK_THAT(refusal(folder / "refused_torchscript.pth").what(), Contains("TorchScript"));
  CHECK_THAT(refusal(folder / "two_dictionaries.pth").what(), Contains("encoder, decoder"));
}

TEST_CASE("a dictionary within is found, and what stands beside it is listed") {
  const auto file = open_weights(fs::path(XR_GOLDEN_FOLDER) / "weights" / "nested.pth");
  CHECK(file->dictionary() == "state_dict");
  CHECK(file->ignored() == std::vector<std::string>{"epoch (an integer)", "arch (a text)", "loss (a number)",
                                                    "best (None)", "optimizer (a dictionary)",
                                                    "sizes (a tuple)"});
  CHECK(open_weights(fs::path(XR_GOLDEN_FOLDER) / "weights" / "zip.pth")->ignored().empty());
}

TEST_CASE("what lies in the place of weights is called what it is") {
  const TemporaryFolder folder;
  const auto code_of = [&](const std::string& bytes) {
    write_file(folder / "x.pth", bytes);
    return refusal(folder / "x.pth").code();
  };
  CHECK(code_of("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n") ==
        error_code::weights_lfs_pointer);
  CHECK(code_of("\n<!DOCTYPE html><html>") == error_code::weights_web_page);
  CHECK(code_of("<html lang=\"en\">") == error_code::weights_web_page);
  CHECK(code_of("") == error_code::weights_unrecognised);
  CHECK(code_of("\x89HDF\r\n\x1a\n") == error_code::weights_unrecognised);
  CHECK(code_of("epoch,loss\n0,0.5\n") == error_code::weights_unrecognised);
  CHECK(code_of("\x80\x04\x95.....") == error_code::weights_not_plain);
  CHECK(code_of(zip({{"train_images.npy", "x"}})) == error_code::weights_unrecognised);
  CHECK_THAT(error_of([&] { (void)open_weights(folder.path()); }), Contains("not a regular file"));
  CHECK_THAT(error_of([&] { (void)open_weights(folder / "none.pth"); }), Contains("cannot open"));
}

TEST_CASE("a checkpoint's reader names the files that are none") {
  const TemporaryFolder folder;
  const auto code_of = [&](const fs::path& path) {
    try {
      const SafetensorsFile file(path);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode{"no-error"};
  };
  for (const char* name : {"zip.pth", "legacy.pth"})
    CHECK(code_of(fs::path(XR_GOLDEN_FOLDER) / "weights" / name) == error_code::weights_of_pytorch);
  write_file(folder / "x", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n");
  CHECK(code_of(folder / "x") == error_code::weights_lfs_pointer);
}

TEST_CASE("safetensors of other element types are widened") {
  const TemporaryFolder folder;
  const std::string header =
      R"({"a":{"dtype":"F16","shape":[4],"data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[2],"data_offsets":[8,12]},)"
      R"("c":{"dtype":"F64","shape":[1],"data_offsets":[12,20]},"d":{"dtype":"BOOL","shape":[2],"data_offsets":[20,22]}})";
  std::string bytes;
  append_number(bytes, header.size(), 8);
  bytes += header;
  for (const std::uint64_t half : {0x3C00, 0xC200, 0x0001, 0x7BFF}) append_number(bytes, half, 2);
  for (const std::uint64_t upper : {0x3FC0, 0xC000}) append_number(bytes, upper, 2);
  append_number(bytes, std::bit_cast<std::uint64_t>(0.1), 8);
  write_file(folder / "x.safetensors", bytes + std::string("\x00\x01", 2));
  const auto file = open_weights(folder / "x.safetensors");
  CHECK(load(*file, "a").to_host() == std::vector<float>{1.0f, -3.0f, std::ldexp(1.0f, -24), 65504.0f});
  CHECK(load(*file, "b").to_host() == std::vector<float>{1.5f, -2.0f});
  CHECK(load(*file, "c").to_host() == std::vector<float>{0.1f});
  CHECK(load(*file, "d").to_host_i64() == std::vector<std::int64_t>{0, 1});
  // A checkpoint has float32 and integers: it is not widened.
  CHECK_THAT(error_of([&] { (void)SafetensorsFile(folder / "x.safetensors").load("a"); }),
             Contains("float16"));
}
