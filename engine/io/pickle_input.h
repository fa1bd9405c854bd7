// The bytes of a pickle, read through a window of its file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace xr::engine {

/// Bytes that a pickle may have: thousands of tensors take less than one million.
inline constexpr std::uint64_t max_pickle_bytes = std::uint64_t{32} << 20;

/// The bytes of a pickle, from `begin` of a source of `size` bytes on.
class PickleInput {
 public:
  /// Fills the bytes with those of the source at an offset.
  using Source = std::function<void(std::uint64_t offset, std::span<std::byte> bytes)>;
  PickleInput(Source source, std::uint64_t begin, std::uint64_t size);

  /// The next bytes; each throws xr::Error (weights_damaged) where the source ends too early.
  [[nodiscard]] std::uint8_t byte();
  [[nodiscard]] std::uint64_t number(std::size_t width);  ///< little-endian
  [[nodiscard]] std::string text(std::uint64_t length);
  [[nodiscard]] std::string line();  ///< without its newline
  /// Of the next byte in the source.
  [[nodiscard]] std::uint64_t position() const { return window_begin_ + at_; }

 private:
  Source source_;
  std::uint64_t size_, window_begin_;
  std::vector<std::byte> window_;
  std::size_t at_ = 0;
};

}  // namespace xr::engine
