// Files that are no good: each gives one clear line that names the file and the reason.
#include <fmt/format.h>
#include <sys/stat.h>

#include "engine/io/safetensors.h"
#include "tests/engine/support.h"

using namespace xr;
using namespace xr::engine;
using namespace xr::engine::test;
using Catch::Matchers::Contains;

namespace {

std::string prefix_of(std::uint64_t length) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(length >> (8 * i) & 0xFF));
  return bytes;
}

/// The message for a file of these bytes; checks that it is one short line with the file's name.
std::string message_for_bytes(const std::string& bytes) {
  const TemporaryFolder folder;
  write_file(folder / "bad.safetensors", bytes);
  std::string message = error_of([&] { SafetensorsFile file(folder / "bad.safetensors"); });
  if (message == "no error") return message;
  CHECK_THAT(message, Contains("bad.safetensors"));
  CHECK(message.find('\n') == std::string::npos);
  CHECK(message.size() < 600);
  return message;
}

std::string message_for(const std::string& header, std::size_t data_bytes) {
  return message_for_bytes(prefix_of(header.size()) + header + std::string(data_bytes, '\0'));
}

/// One f32 tensor "x" with these fields.
std::string message_for_entry(const std::string& dtype, const std::string& shape, const std::string& offsets,
                              std::size_t data_bytes) {
  return message_for(
      fmt::format(R"({{"x":{{"dtype":{},"shape":{},"data_offsets":{}}}}})", dtype, shape, offsets),
      data_bytes);
}

std::string repeated(const std::string& text, int count) {
  std::string result;
  for (int i = 0; i < count; ++i) result += text;
  return result;
}

std::string entry(const std::string& name, int begin, int end) {
  return fmt::format(R"("{}":{{"dtype":"F32","shape":[{}],"data_offsets":[{},{}]}})", name, (end - begin) / 4,
                     begin, end);
}

std::string header_of(const std::vector<std::string>& entries) {
  return fmt::format("{{{}}}", fmt::join(entries, ","));
}

}  // namespace

TEST_CASE("the damage tests' sound file is accepted") {
  CHECK(message_for(header_of({entry("a", 0, 8), entry("b", 8, 20)}), 20) == "no error");
  CHECK(message_for_entry(R"("F32")", "[2,0,7]", "[0,0]", 0) == "no error");
  CHECK(message_for_entry(R"("F32")", "[]", "[0,4]", 4) == "no error");
  CHECK(message_for(header_of({entry("a", 0, 8)}) + "      ", 8) == "no error");
}

TEST_CASE("files that are no files") {
  const TemporaryFolder folder;
  CHECK_THAT(error_of([&] { SafetensorsFile file(folder / "absent"); }),
             Contains("absent") && Contains("No such file"));
  CHECK_THAT(error_of([&] { SafetensorsFile file(folder.path()); }),
             Contains(folder.path().string()) && Contains("not a regular file"));
  REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
  CHECK_THAT(error_of([&] { SafetensorsFile file(folder / "fifo"); }),
             Contains("fifo") && Contains("not a regular file"));
  fs::create_symlink(folder / "loop", folder / "loop");
  CHECK_THAT(error_of([&] { SafetensorsFile file(folder / "loop"); }), Contains("loop"));
  if (fs::exists("/dev/zero"))
    CHECK_THAT(error_of([&] { SafetensorsFile file("/dev/zero"); }), Contains("not a regular file"));
}

TEST_CASE("files that are too short") {
  CHECK_THAT(message_for_bytes(""), Contains("0 bytes"));
  CHECK_THAT(message_for_bytes("abc"), Contains("3 bytes"));
  CHECK_THAT(message_for_bytes(prefix_of(0)), Contains("JSON"));
  CHECK_THAT(message_for_bytes(prefix_of(2)), Contains("claims 2 bytes") && Contains("truncated"));
}

TEST_CASE("a length of the header that lies") {
  const std::string header = header_of({entry("a", 0, 8)});
  const std::string rest = header + std::string(8, '\0');
  CHECK_THAT(message_for_bytes(prefix_of(header.size() + 9) + rest), Contains("claims"));
  CHECK_THAT(message_for_bytes(prefix_of(header.size() - 3) + rest), Contains("JSON"));
  for (const std::uint64_t length :
       {~std::uint64_t{0}, std::uint64_t{1} << 63, (~std::uint64_t{0}) - 7, std::uint64_t{1} << 32})
    CHECK_THAT(message_for_bytes(prefix_of(length) + rest), Contains(std::to_string(length)));
}

TEST_CASE("every truncation of a sound file is an error") {
  const std::string header = header_of({entry("a", 0, 8), entry("b", 8, 20)});
  const std::string bytes = prefix_of(header.size()) + header + std::string(20, 'x');
  int accepted = 0;
  for (std::size_t length = 0; length < bytes.size(); ++length)
    accepted += message_for_bytes(bytes.substr(0, length)) == "no error";
  CHECK(accepted == 0);
}

TEST_CASE("every changed byte of a header is an error or a sound file") {
  const std::string header = header_of({entry("a", 0, 8), entry("b", 8, 20)});
  const std::string bytes = prefix_of(header.size()) + header + std::string(20, 'x');
  const TemporaryFolder folder;
  for (std::size_t at = 0; at < bytes.size() - 20; ++at)
    for (const int change : {0x01, 0x10, 0x80}) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ change);
      write_file(folder / "bad", damaged);
      try {
        const SafetensorsFile file(folder / "bad");
        for (const auto& found : file.entries()) (void)file.load(found.name);
      } catch (const Error&) {  // nothing else may be thrown
      }
    }
  SUCCEED();
}

TEST_CASE("headers that are no JSON object") {
  CHECK_THAT(message_for("hello world", 0), Contains("not valid JSON"));
  CHECK_THAT(message_for("{", 0), Contains("not valid JSON"));
  CHECK_THAT(message_for("[]", 0), Contains("not a JSON object"));
  CHECK_THAT(message_for("7", 0), Contains("not a JSON object"));
  CHECK_THAT(message_for("null", 0), Contains("not a JSON object"));
  CHECK_THAT(message_for("{} {}", 0), Contains("not valid JSON"));
  CHECK_THAT(message_for("{\"\xFF\xFE\":1}", 0), Contains("not valid JSON"));
  CHECK_THAT(message_for(std::string(40, '\0'), 0), Contains("not valid JSON"));
}

TEST_CASE("numbers that JSON does not have") {
  for (const char* number : {"NaN", "Infinity", "-Infinity", "1e999", "0x10", "+4"})
    CHECK_THAT(message_for_entry(R"("F32")", fmt::format("[{}]", number), "[0,4]", 4), Contains("JSON"));
}

TEST_CASE("deep nesting ends in a message and not in a crash") {
  constexpr int depth = 100000;
  const std::string arrays = repeated("[", depth) + repeated("]", depth);
  const std::string objects = repeated(R"({"a":)", depth) + "1" + repeated("}", depth);
  CHECK_THAT(message_for(repeated("[", depth), 0), Contains("bad.safetensors"));
  CHECK_THAT(message_for(objects, 0), Contains("nest"));
  CHECK_THAT(message_for(fmt::format(R"({{"x":{}}})", arrays), 0), Contains("nest"));
  CHECK_THAT(message_for(fmt::format(R"({{"__metadata__":{{"x":{}}}}})", objects), 0), Contains("nest"));
  CHECK_THAT(message_for_entry(arrays, "[1]", "[0,4]", 4), Contains("nest"));
  CHECK_THAT(message_for_entry(R"("F32")", fmt::format("[{}]", arrays), "[0,4]", 4), Contains("nest"));
  CHECK_THAT(message_for_entry(R"("F32")", "[1]", fmt::format("[{},4]", arrays), 4), Contains("nest"));
}

TEST_CASE("names used twice") {
  CHECK_THAT(message_for(header_of({entry("a", 0, 8), entry("a", 8, 16)}), 16), Contains("\"a\" twice"));
  CHECK_THAT(message_for(R"({"x":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4),
             Contains("\"dtype\" twice"));
  CHECK_THAT(message_for(R"({"__metadata__":{"k":"1","k":"2"}})", 0), Contains("\"k\" twice"));
}

TEST_CASE("tensors that lack a field or have a wrong one") {
  CHECK_THAT(message_for(R"({"x":7})", 0), Contains("tensor x lacks"));
  CHECK_THAT(message_for(R"({"x":{"dtype":"F32","shape":[1]}})", 4), Contains("tensor x lacks"));
  CHECK_THAT(message_for_entry(R"("F99")", "[1]", "[0,4]", 4), Contains("F99"));
  CHECK_THAT(message_for_entry(R"("C64")", "[1]", "[0,8]", 8), Contains("C64") && Contains("not supported"));
  CHECK_THAT(message_for_entry("32", "[1]", "[0,4]", 4), Contains("32"));
  CHECK_THAT(message_for_entry(R"("F32")", "4", "[0,4]", 4), Contains("shape"));
  CHECK_THAT(message_for_entry(R"("F32")", R"({"0":1})", "[0,4]", 4), Contains("shape"));
  CHECK_THAT(message_for_entry(R"("F32")", "[1,1,1,1,1,1]", "[0,4]", 4),
             Contains("tensor x") && Contains("at most 5"));
  CHECK_THAT(message_for_entry(R"("F32")", R"(["1"])", "[0,4]", 4), Contains("extent"));
  CHECK_THAT(message_for_entry(R"("F32")", "[1.5]", "[0,4]", 4), Contains("extent 1.5"));
  CHECK_THAT(message_for_entry(R"("F32")", "[1]", "[0]", 4), Contains("offsets"));
  CHECK_THAT(message_for_entry(R"("F32")", "[1]", "[0,4,8]", 4), Contains("offsets"));
  CHECK_THAT(message_for_entry(R"("F32")", "[1]", R"(["0","4"])", 4), Contains("offsets"));
  CHECK_THAT(message_for_entry(R"("F32")", "[1]", "[-4,0]", 4), Contains("offsets"));
  CHECK_THAT(message_for_entry(R"("F32")", "[1]", "[4,0]", 4), Contains("offsets"));
  CHECK_THAT(message_for(R"({"__metadata__":7})", 0), Contains("metadata"));
  CHECK_THAT(message_for(R"({"__metadata__":{"epoch":7}})", 0), Contains("epoch"));
}

TEST_CASE("extents that are negative or huge or overflow") {
  CHECK_THAT(message_for_entry(R"("F32")", "[-1]", "[0,4]", 4), Contains("extent -1"));
  CHECK_THAT(message_for_entry(R"("F32")", "[9223372036854775807]", "[0,4]", 4), Contains("extent"));
  CHECK_THAT(message_for_entry(R"("F32")", "[18446744073709551615]", "[0,4]", 4), Contains("extent"));
  CHECK_THAT(message_for_entry(R"("F32")", "[99999999999999999999999]", "[0,4]", 4), Contains("extent"));
  // Products that are 0 or 1 modulo 2^64.
  CHECK_THAT(message_for_entry(R"("F32")", "[4294967296,4294967296]", "[0,0]", 0), Contains("too many"));
  CHECK_THAT(message_for_entry(R"("F32")", "[65536,65536,65536,65536]", "[0,0]", 0), Contains("too many"));
  CHECK_THAT(message_for_entry(R"("F32")", "[4294967295,4294967297]", "[0,4]", 4), Contains("too many"));
  CHECK_THAT(message_for_entry(R"("F32")", "[1000000]", "[0,4]", 4),
             Contains("4 bytes") && Contains("4000000"));
  CHECK_THAT(message_for_entry(R"("F32")", "[1]", "[0,18446744073709551615]", 4), Contains("bytes"));
  CHECK_THAT(message_for_entry(R"("F32")", "[4611686018427387904]", "[0,0]", 0), Contains("extent"));
}

TEST_CASE("tensors that overlap or leave gaps or do not fill the file") {
  CHECK_THAT(message_for(header_of({entry("a", 0, 8), entry("b", 4, 12)}), 12), Contains("overlap"));
  CHECK_THAT(message_for(header_of({entry("a", 0, 8), entry("b", 0, 8)}), 8), Contains("overlap"));
  CHECK_THAT(message_for(header_of({entry("a", 0, 8), entry("b", 12, 20)}), 20), Contains("gap"));
  CHECK_THAT(message_for(header_of({entry("a", 4, 12)}), 12), Contains("gap"));
  CHECK_THAT(message_for(header_of({entry("a", 0, 8)}), 9), Contains("9"));  // a byte too many
  CHECK_THAT(message_for(header_of({entry("a", 0, 8)}), 7), Contains("truncated"));
  CHECK_THAT(message_for("{}", 1), Contains("1"));
}

TEST_CASE("names with control characters and endless names give one short line") {
  const std::string strange = R"(evil\n\u001b[31mname)";
  CHECK_THAT(message_for(fmt::format(R"({{"{}":7}})", strange), 0),
             Contains("evil") && Contains("not printable"));
  CHECK_THAT(message_for("{\"de\x7Flete\":7}", 0), Contains("u007flete") && Contains("not printable"));
  CHECK_THAT(message_for(fmt::format(R"({{"{}":7}})", std::string(100000, 'n')), 0), Contains("too long"));
  CHECK_THAT(message_for_entry(fmt::format(R"("{}")", std::string(100000, 'F')), "[1]", "[0,4]", 4),
             Contains("element type"));
  CHECK_THAT(message_for_entry(R"("F32")", "[1]", fmt::format("[{}4]", repeated("0,", 100000)), 4),
             Contains("offsets"));
}

TEST_CASE("a file that shrinks after it was opened is an error") {
  const TemporaryFolder folder;
  save_safetensors(folder / "a", {{"x", Tensor::zeros({1000})}});
  const SafetensorsFile file(folder / "a");
  fs::resize_file(folder / "a", 500);
  CHECK_THAT(error_of([&] { (void)file.load("x"); }), Contains("truncated"));
}

TEST_CASE("a state that does not fit the network changes nothing") {
  const TemporaryFolder folder;
  const auto saved = [&](const std::vector<NamedTensor>& tensors) {
    save_safetensors(folder / "other.safetensors", tensors);
    const Tensor a = Tensor::full({2, 3}, 1.0f), b = Tensor::full({4}, 2.0f);
    const SafetensorsFile file(folder / "other.safetensors");
    std::string message = error_of([&] { load_state(file, {{"a", a}, {"b", b}}, "other.safetensors"); });
    CHECK(a.to_host() == std::vector<float>(6, 1.0f));
    CHECK(b.to_host() == std::vector<float>(4, 2.0f));
    CHECK_THAT(message, Contains("other.safetensors") && Contains("does not fit"));
    return message;
  };
  const Tensor a = Tensor::zeros({2, 3}), b = Tensor::zeros({4});
  CHECK_THAT(saved({{"a", a}}), Contains("no tensor b") && !Contains("but one"));
  CHECK_THAT(saved({{"module.a", a}, {"module.b", b}}),
             Contains("no tensor a, but one 'module.a': remove 'module.'"));
  CHECK_THAT(saved({{"a", a}, {"b", Tensor::zeros({5})}}), Contains("b is f32 [5]") && Contains("f32 [4]"));
  CHECK_THAT(saved({{"a", Tensor::zeros({3, 2})}, {"b", b}}), Contains("[3, 2]") && Contains("[2, 3]"));
  CHECK_THAT(saved({{"a", a}, {"b", labels({1, 2, 3, 4})}}), Contains("i64") && Contains("f32"));
  CHECK_THAT(saved({{"a", a}, {"b", b}, {"c", b}}), Contains("c too many"));
}

TEST_CASE("single tensors that do not fit are named") {
  const TemporaryFolder folder;
  save_safetensors(folder / "a", {{"x", Tensor::zeros({4})}});
  const SafetensorsFile file(folder / "a");
  CHECK_THAT(error_of([&] { (void)file.load("y"); }), Contains("no tensor y"));
  CHECK_THAT(error_of([&] { file.load_into("y", Tensor::zeros({4})); }), Contains("no tensor y"));
  CHECK_THAT(error_of([&] {
               file.load_into("x", Tensor::zeros({2, 2}));
             }),
             Contains("[4]") && Contains("[2, 2]"));
  CHECK_THAT(error_of([&] {
               file.load_into("x", labels({1, 2, 3, 4}));
             }),
             Contains("f32") && Contains("i64"));
}
