#include "data/archive/npy.h"

#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include "engine/io/file.h"
#include "kernels/common/error.h"

namespace xr::data {

namespace {

constexpr std::size_t max_header = 65536, max_rank = 8;

/// The header's Python dictionary: {'descr': '|u1', 'fortran_order': False, 'shape': (5856, 28, 28), }
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& what) : text_(text), what_(what) {}

  NpyHeader parse() {
    NpyHeader header;
    std::optional<bool> fortran;
    bool has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr") {
        XR_CHECK(peek() == '\'' || peek() == '"',
                 "{} is an array of records: only arrays of numbers are read", what_);
        header.type = quoted();
      } else if (key == "fortran_order") {
        fortran = boolean();
      } else if (key == "shape") {
        header.shape = tuple();
        has_shape = true;
      } else {
        fail();
      }
      if (!accept(',') && peek() != '}') fail();
    }
    if (peek() != '\0' || header.type.empty() || !fortran || !has_shape) fail();
    XR_CHECK(!*fortran || header.shape.size() < 2,
             "{} is in Fortran's order: save it with numpy.ascontiguousarray", what_);
    check_type(header.type);
    return header;
  }

 private:
  [[noreturn]] void fail() const {
    throw Error(fmt::format("{} is not a .npy array: its header is damaged", what_));
  }

  char peek() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool accept(char wanted) {
    if (peek() != wanted) return false;
    ++at_;
    return true;
  }
  void expect(char wanted) {
    if (!accept(wanted)) fail();
  }
  std::string quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') fail();
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail();
    std::string result(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return result;
  }
  bool boolean() {
    (void)peek();
    for (const auto& [word, value] : {std::pair{std::string_view("True"), true}, {"False", false}})
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return value;
      }
    fail();
  }
  std::vector<std::uint64_t> tuple() {
    std::vector<std::uint64_t> result;
    expect('(');
    while (!accept(')')) {
      (void)peek();
      std::uint64_t value = 0;
      const auto [stop, code] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
      if (code != std::errc() || result.size() == max_rank) fail();
      at_ = static_cast<std::size_t>(stop - text_.data());
      result.push_back(value);
      if (!accept(',') && peek() != ')') fail();
    }
    return result;
  }
  /// An order of bytes, a kind and a size.
  void check_type(const std::string& type) const {
    XR_CHECK(type.size() == 3 && std::strchr("|<>=", type[0]) != nullptr &&
                 std::strchr("biuf", type[1]) != nullptr && std::strchr("1248", type[2]) != nullptr,
             "{} has elements of type {}: only arrays of numbers are read", what_, engine::quote_name(type));
    XR_CHECK(type[0] != '>' || type[2] == '1', "{} has big-endian elements: save it in little-endian order",
             what_);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  const std::string& what_;
};

}  // namespace

std::size_t NpyHeader::element_bytes() const {
  return static_cast<std::size_t>(type[2] - '0');
}

std::uint64_t NpyHeader::bytes() const {
  std::uint64_t result = element_bytes();
  for (const std::uint64_t extent : shape) result *= extent;
  return result;
}

std::string NpyHeader::describe() const {
  const char* const kind = type[1] == 'b'   ? "bool"
                           : type[1] == 'i' ? "int"
                           : type[1] == 'u' ? "uint"
                                            : "float";
  std::string text = type[1] == 'b' ? kind : fmt::format("{}{}", kind, 8 * element_bytes());
  text += " (";
  for (std::size_t i = 0; i < shape.size(); ++i) text += fmt::format("{}{}", i == 0 ? "" : ", ", shape[i]);
  return text + ')';
}

NpyHeader read_npy_header(engine::ZipReader& reader, const std::string& what) {
  std::array<std::byte, 8> begin{};
  XR_CHECK(reader.left() >= 10, "{} is not a .npy array: it has {} bytes", what, reader.left());
  reader.read(begin);
  XR_CHECK(std::memcmp(begin.data(), "\x93NUMPY", 6) == 0, "{} is not a .npy array", what);
  const int version = static_cast<int>(begin[6]);
  XR_CHECK(version >= 1 && version <= 3, "{} is a .npy array of version {}: 1 to 3 are read", what, version);
  std::array<std::byte, 4> length_bytes{};
  const std::span length_field = std::span(length_bytes).first(version == 1 ? 2 : 4);
  reader.read(length_field);
  std::size_t length = 0;
  for (std::size_t i = length_field.size(); i-- > 0;)
    length = length << 8 | static_cast<std::size_t>(length_field[i]);
  XR_CHECK(length <= max_header && length <= reader.left(), "{} is not a .npy array: its header has {} bytes",
           what, length);
  std::string text(length, ' ');
  reader.read(std::as_writable_bytes(std::span(text)));
  NpyHeader header = HeaderParser(text, what).parse();
  std::uint64_t left = reader.left() / header.element_bytes();
  for (const std::uint64_t extent : header.shape) left = extent == 0 ? 0 : left / extent;
  XR_CHECK((left >= 1 || header.bytes() == 0) && header.bytes() == reader.left(),
           "{} is {}, but {} bytes follow its header", what, header.describe(), reader.left());
  return header;
}

}  // namespace xr::data
