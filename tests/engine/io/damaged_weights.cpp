// Files of torch.save that lie, written byte by byte: each is refused before memory is taken for what it claims.
#include "engine/io/weights_file.h"

#include <algorithm>

#include "kernels/common/error_codes.h"
#include "tests/engine/io/pickle_writer.h"
#include "tests/engine/support.h"

using namespace xr;
using namespace xr::engine;
using namespace xr::engine::test;

namespace {

const std::string two_floats("\0\0\x80\x3f\0\0\0\xc0", 8);  // 1, -2

/// The code with which the file is refused, at opening or loading; "none" if it is read.
std::string code_of(const std::string& bytes) {
  const TemporaryFolder folder;
  write_file(folder / "x.pth", bytes);
  try {
    const auto file = open_weights(folder / "x.pth");
    for (const StoredTensor& tensor : file->tensors()) (void)file->load(tensor);
  } catch (const Error& error) {
    const std::string message = error.what();
    CHECK(message.find("x.pth") != std::string::npos);
    CHECK(message.size() < 1000);
    CHECK(std::ranges::none_of(message, [](unsigned char c) { return c < ' ' || c == 0x7F; }));
    return std::string(error.code().name);
  }
  return "none";
}

std::string zip_of(const std::string& tensor) {
  return pytorch_zip(pickle_of(pickle_dictionary({{"w", tensor}})), {two_floats});
}

std::string code_of_claim(const TensorClaim& claim) {
  return code_of(zip_of(pickle_tensor(claim)));
}

std::string code_of_value(const std::string& value) {
  return code_of(pytorch_zip(pickle_of(value), {two_floats}));
}

const std::string damaged(error_code::weights_damaged.name), not_plain(error_code::weights_not_plain.name);

}  // namespace

TEST_CASE("the damage tests' sound files are read") {
  CHECK(code_of_claim({}) == "none");
  CHECK(code_of_claim({.shape = {1}, .stride = {1}, .offset = 1}) == "none");
  CHECK(code_of_claim({.shape = {}, .stride = {}}) == "none");
  CHECK(code_of_claim({.shape = {0, 7}, .stride = {7, 1}}) == "none");
  CHECK(code_of_claim({.shape = {3, 2}, .stride = {0, 1}}) == "none");
  CHECK(code_of(pytorch_legacy(pickle_of(pickle_dictionary({{"w", pickle_tensor({.part = "N"})}})),
                               {{2, two_floats}})) == "none");
  const std::string part = pickle_tuple({pickle_text("v"), pickle_integer(1), pickle_integer(1)});
  CHECK(code_of(
            pytorch_legacy(pickle_of(pickle_dictionary({{"w", pickle_tensor({.shape = {1}, .part = part})}})),
                           {{2, two_floats}})) == "none");
}

TEST_CASE("tensors that lie outside of their storage are refused") {
  CHECK(code_of_claim({.shape = {3}}) == damaged);
  CHECK(code_of_claim({.offset = 1}) == damaged);
  CHECK(code_of_claim({.stride = {2}}) == damaged);
  CHECK(code_of_claim({.shape = {1}, .offset = 2}) == damaged);
  CHECK(code_of_claim({.shape = {2, 1}, .stride = {1}}) == damaged);
  for (const std::int64_t bad : {std::int64_t{-1}, INT64_MIN, INT64_MAX, std::int64_t{1} << 40}) {
    CHECK(code_of_claim({.shape = {bad}}) == damaged);
    CHECK(code_of_claim({.stride = {bad}}) == damaged);
    CHECK(code_of_claim({.offset = bad}) == damaged);
    CHECK(code_of_claim({.elements = bad}) == damaged);
    CHECK(code_of_claim({.shape = {bad, bad}, .stride = {0, 0}}) == damaged);
    CHECK(code_of_claim({.shape = {bad}, .stride = {0}}) == damaged);
  }
}

TEST_CASE("storages that are missing or of another size are refused") {
  CHECK(code_of_claim({.key = "1"}) == damaged);
  CHECK(code_of_claim({.key = std::string(300, 'k')}) == damaged);
  CHECK(code_of_claim({.key = "\x1B[2J\n"}) == damaged);
  CHECK(code_of_claim({.elements = 3}) == damaged);
  CHECK(code_of_claim({.shape = {1}, .elements = 1}) == damaged);
  CHECK(code_of_claim({.type = "DoubleStorage"}) == damaged);
  CHECK(code_of_claim({.type = "ComplexFloatStorage"}) == not_plain);
  const std::string pickle = pickle_of(pickle_dictionary({{"w", pickle_tensor()}}));
  CHECK(code_of(pytorch_legacy(pickle, {})) == damaged);
  CHECK(code_of(pytorch_legacy(pickle, {{3, two_floats}})) == damaged);
  CHECK(code_of(pytorch_legacy(pickle, {{2, "short"}})) == damaged);
  CHECK(code_of(pytorch_legacy(pickle, {{std::uint64_t{1} << 63, two_floats}})) == damaged);
  CHECK(code_of(pytorch_legacy(pickle, {{2, two_floats}, {2, two_floats}})) == damaged);
  const std::string outside = pickle_tuple({pickle_text("v"), pickle_integer(1), pickle_integer(2)});
  CHECK(code_of(pytorch_legacy(pickle_of(pickle_dictionary({{"w", pickle_tensor({.part = outside})}})),
                               {{2, two_floats}})) == damaged);
}

TEST_CASE("pickles that contradict themselves are refused") {
  for (const char* value : {"",
                            "t",
                            "u",
                            "}u",
                            "(",
                            "0",
                            "1",
                            "a",
                            "R",
                            "Q",
                            "b",
                            "h\1",
                            "j\1\2\3\4",
                            "\x85",
                            "2",
                            "q\0",
                            "X\xff\xff\xff\xff",
                            "\x8d\xff\xff\xff\xff\xff\xff\xff\xff",
                            "\x8a\xff",
                            "c",
                            "cname",
                            "NN\x93",
                            "]N\x90",
                            ")R",
                            "))R",
                            "}(NNNu",
                            "\x80\x01",
                            "\x80\x09",
                            "G12"}) {
    CAPTURE(value);
    CHECK(code_of_value(std::string(value)) == damaged);
  }
  CHECK(code_of(pytorch_zip("\x80\x02}", {})) == damaged);  // no end
}

TEST_CASE("opcodes and globals of code are refused by name") {
  for (const char* value : {"\x81", "\x92", "o", "i", "\x82", "\x83", "\x84", "P", "I", "L", "F", "S", "V",
                            "p", "g", "\x96", "\x97", "\x98", "?"}) {
    CAPTURE(value);
    CHECK(code_of_value(value) == not_plain);
  }
  for (const auto& [module, name] : {std::pair{"os", "system"},
                                     {"builtins", "eval"},
                                     {"torch", "load"},
                                     {"torch.storage", "_load_from_bytes"},
                                     {"collections", "Counter"},
                                     {"torch._utils", "_rebuild_qtensor"},
                                     {"", ""}})
    CHECK(code_of_value(pickle_global(module, name)) == not_plain);
  for (const char* value : {"N", "K\1", "]", ")", "}"}) CHECK(code_of_value(value) == not_plain);
  CHECK(code_of_value(pickle_tensor()) == not_plain);  // a tensor without a name
}

TEST_CASE("a whole model is refused by the name of its class, a part of a dictionary by its own") {
  const auto error_of = [](const std::string& bytes) {
    const TemporaryFolder folder;
    write_file(folder / "x.pt", bytes);
    try {
      (void)open_weights(folder / "x.pt");
    } catch (const Error& error) {
      CHECK(std::string(error.code().name) == not_plain);
      return std::string(error.what());
    }
    return std::string();
  };
  const std::string module = "torchxrayvision.models", name = "DenseNet";  // as its weights are published
  for (const std::string& bytes :
       {pytorch_zip(pickle_of(pickle_model(module, name)), {}),
        pytorch_legacy(pickle_of(pickle_model(module, name, true)), {{2, two_floats}})}) {
    const std::string error = error_of(bytes);
    CHECK(error.find("torchxrayvision.models.DenseNet") != std::string::npos);
    CHECK(error.find("whole model") != std::string::npos);
  }
  const std::string nested = error_of(pytorch_zip(
      pickle_of(pickle_dictionary({{"w", pickle_tensor()}, {"args", pickle_model("argparse", "Namespace")}})),
      {two_floats}));
  CHECK(nested.find("argparse.Namespace") != std::string::npos);
  CHECK(nested.find("whole model") == std::string::npos);
}

TEST_CASE("dictionaries that hold themselves end in an error") {
  // d = {}; d["a"] = d["b"] = d
  CHECK(code_of_value("}q\1(" + pickle_text("a") + "h\1" + pickle_text("b") + "h\1u") == not_plain);
  std::string wide = "}q\1(";
  for (int i = 0; i < 200; ++i) wide += pickle_text(std::to_string(i)) + "h\1";
  CHECK(code_of_value(wide + "u") == not_plain);
  // Lists of lists, each twice the one before.
  std::string doubled = "]";
  for (int i = 0; i < 60; ++i) doubled += "q\1](h\1h\1e";
  CHECK(code_of_value(doubled) == not_plain);
}

TEST_CASE("every truncation and every changed byte of a file is an error or a sound file") {
  for (const std::string& bytes :
       {zip_of(pickle_tensor()),
        pytorch_legacy(pickle_of(pickle_dictionary({{"w", pickle_tensor({.part = "N"})}})),
                       {{2, two_floats}})}) {
    for (std::size_t length = 0; length < bytes.size(); ++length)
      CHECK(code_of(bytes.substr(0, length)) != "none");
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ 0x15);
      (void)code_of(changed);  // nothing but an Error may be thrown
    }
  }
}
