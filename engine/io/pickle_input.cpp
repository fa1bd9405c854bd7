#include "engine/io/pickle_input.h"

#include <algorithm>

#include "kernels/common/error_codes.h"

namespace xr::engine {

namespace {

constexpr std::size_t window_bytes = std::size_t{1} << 16;
constexpr std::size_t max_line_bytes = 1024;

template <class... Arguments>
[[noreturn]] void damaged_input(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  throw Error(error_code::weights_damaged,
              "it is damaged: " + fmt::format(format, std::forward<Arguments>(arguments)...));
}

}  // namespace

PickleInput::PickleInput(Source source, std::uint64_t begin, std::uint64_t size)
    : source_(std::move(source)), size_(size), window_begin_(begin) {}

std::uint8_t PickleInput::byte() {
  if (at_ == window_.size()) {
    window_begin_ += window_.size();
    at_ = 0;
    const std::uint64_t left = size_ - std::min(size_, window_begin_);
    window_.resize(std::min<std::uint64_t>(left, window_bytes));
    if (window_.empty()) damaged_input("its pickle ends too early");
    source_(window_begin_, window_);
  }
  return static_cast<std::uint8_t>(window_[at_++]);
}

std::uint64_t PickleInput::number(std::size_t width) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < width; ++i) value |= static_cast<std::uint64_t>(byte()) << (8 * i);
  return value;
}

std::string PickleInput::text(std::uint64_t length) {
  const std::uint64_t left = size_ - std::min(size_, position());
  if (length > left || length > max_pickle_bytes)
    damaged_input("a text of its pickle claims {} bytes", length);
  std::string result(length, '\0');
  for (char& letter : result) letter = static_cast<char>(byte());
  return result;
}

std::string PickleInput::line() {
  std::string result;
  for (char letter = 0; (letter = static_cast<char>(byte())) != '\n';) {
    if (result.size() == max_line_bytes)
      damaged_input("a name in its pickle has more than {} bytes", max_line_bytes);
    result += letter;
  }
  return result;
}

}  // namespace xr::engine
