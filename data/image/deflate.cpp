#include "data/image/deflate.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

namespace xr::data {

namespace {

constexpr std::size_t window = 32768, max_match = 258, hashes = 16384;
constexpr std::size_t min_match = 3;

/// RFC 1951, section 3.2.5: the least length (from code 257 on) and distance of each code, and its extra bits.
constexpr std::array<std::uint16_t, 29> length_of_code = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                                          15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                                          67, 83, 99, 115, 131, 163, 195, 227, 258};
constexpr std::array<std::uint8_t, 29> length_bits = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                                      2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
constexpr std::array<std::uint16_t, 30> distance_of_code = {
    1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
    193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
constexpr std::array<std::uint8_t, 30> distance_bits = {0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
                                                        6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};

struct Code {
  std::uint16_t bits = 0;  ///< as they are written, the first lowest
  std::uint8_t count = 0;
};

constexpr std::uint16_t reversed(unsigned code, int count) {
  unsigned result = 0;
  for (int i = 0; i < count; ++i) result |= (code >> i & 1u) << (count - 1 - i);
  return static_cast<std::uint16_t>(result);
}

/// The fixed codes of section 3.2.6.
constexpr std::array<Code, 288> fixed_codes = [] {
  std::array<Code, 288> codes{};
  for (unsigned i = 0; i < codes.size(); ++i)
    codes[i] = i < 144   ? Code{reversed(0x30 + i, 8), 8}
               : i < 256 ? Code{reversed(0x190 + i - 144, 9), 9}
               : i < 280 ? Code{reversed(i - 256, 7), 7}
                         : Code{reversed(0xc0 + i - 280, 8), 8};
  return codes;
}();

class BitWriter {
 public:
  explicit BitWriter(std::vector<std::uint8_t>& out) : out_(out) {}
  /// The lowest `count` bits, at most 16; no others are set.
  void add(std::uint32_t bits, int count) {
    bits_ |= std::uint64_t{bits} << count_;
    count_ += count;
    if (count_ < 32) return;
    for (int i = 0; i < 4; ++i) out_.push_back(static_cast<std::uint8_t>(bits_ >> 8 * i));
    bits_ >>= 32;
    count_ -= 32;
  }
  void add(Code code) { add(code.bits, code.count); }
  /// Fills the last byte with zeros.
  void finish() {
    for (; count_ > 0; count_ -= 8, bits_ >>= 8) out_.push_back(static_cast<std::uint8_t>(bits_));
    count_ = 0;
  }

 private:
  std::vector<std::uint8_t>& out_;
  std::uint64_t bits_ = 0;
  int count_ = 0;
};

std::size_t hash_of(const std::uint8_t* bytes) {
  std::uint32_t hash = bytes[0] + (std::uint32_t{bytes[1]} << 8) + (std::uint32_t{bytes[2]} << 16);
  hash ^= hash << 3;
  hash += hash >> 5;
  hash ^= hash << 4;
  hash += hash >> 17;
  hash ^= hash << 25;
  hash += hash >> 6;
  return hash & (hashes - 1);
}

/// Of at least four bytes.
std::uint32_t first_three(const std::uint8_t* bytes) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes, sizeof value);
  return std::endian::native == std::endian::little ? value << 8 : value >> 8;
}

/// How many bytes at two places are the same, at most `limit`.
std::size_t common_length(const std::uint8_t* a, const std::uint8_t* b, std::size_t limit) {
  std::size_t i = 0;
  for (; i + 8 <= limit; i += 8) {
    std::uint64_t first = 0, second = 0;
    std::memcpy(&first, a + i, 8);
    std::memcpy(&second, b + i, 8);
    if constexpr (std::endian::native == std::endian::little)
      if (const std::uint64_t different = first ^ second; different != 0)
        return i + static_cast<std::size_t>(std::countr_zero(different)) / 8;
    if (first != second) break;
  }
  while (i < limit && a[i] == b[i]) ++i;
  return i;
}

/// The newest places of each hash value. Kept from one image to the next: it is large and is not cleared.
class Places {
 public:
  void reset(std::size_t most) {
    most_ = most;
    places_.resize(hashes * most);
    counts_.assign(hashes, 0);
  }
  [[nodiscard]] std::span<const std::uint32_t> of(std::size_t hash) const {
    return std::span(places_).subspan(hash * most_, counts_[hash]);
  }
  /// Of a full list the older half is dropped first.
  void add(std::size_t hash, std::size_t place) {
    std::uint32_t* const list = &places_[hash * most_];
    if (counts_[hash] == most_) {
      std::copy(list + most_ / 2, list + most_, list);
      counts_[hash] = static_cast<std::uint8_t>(most_ / 2);
    }
    list[counts_[hash]++] = static_cast<std::uint32_t>(place);
  }

 private:
  std::size_t most_ = 0;
  std::vector<std::uint32_t> places_;
  std::vector<std::uint8_t> counts_;
};

void add_match(BitWriter& writer, std::size_t length, std::size_t distance) {
  const auto code_of = [](const auto& table, std::size_t value) {
    return static_cast<std::size_t>(std::upper_bound(table.begin(), table.end(), value) - table.begin()) - 1;
  };
  const std::size_t l = code_of(length_of_code, length), d = code_of(distance_of_code, distance);
  writer.add(fixed_codes[257 + l]);
  writer.add(static_cast<std::uint32_t>(length - length_of_code[l]), length_bits[l]);
  writer.add(reversed(static_cast<unsigned>(d), 5), 5);
  writer.add(static_cast<std::uint32_t>(distance - distance_of_code[d]), distance_bits[d]);
}

void add_fixed_block(std::span<const std::uint8_t> bytes, std::size_t quality,
                     std::vector<std::uint8_t>& out) {
  thread_local Places places;
  places.reset(2 * quality);
  BitWriter writer(out);
  writer.add(1, 1);  // the last block
  writer.add(1, 2);  // of fixed codes
  const std::uint8_t* const data = bytes.data();
  std::size_t at = 0;
  while (at + min_match < bytes.size()) {
    const std::size_t hash = hash_of(data + at);
    std::size_t best = min_match, from = at;
    const std::uint32_t begin = first_three(data + at);
    for (const std::uint32_t place : places.of(hash)) {
      if (place + window <= at || first_three(data + place) != begin) continue;
      const std::size_t length =
          common_length(data + place, data + at, std::min(max_match, bytes.size() - at));
      if (length >= best) best = length, from = place;
    }
    places.add(hash, at);
    bool found = from < at;
    if (found)
      for (const std::uint32_t place : places.of(hash_of(data + at + 1)))
        if (place + window - 1 > at && at + 1 + best < bytes.size() &&
            data[place + best] == data[at + 1 + best] &&
            common_length(data + place, data + at + 1, std::min(max_match, bytes.size() - at - 1)) > best) {
          found = false;
          break;
        }
    if (found) {
      add_match(writer, best, at - from);
      at += best;
    } else {
      writer.add(fixed_codes[data[at]]);
      ++at;
    }
  }
  for (; at < bytes.size(); ++at) writer.add(fixed_codes[data[at]]);
  writer.add(fixed_codes[256]);  // the end of the block
  writer.finish();
}

void add_stored_blocks(std::span<const std::uint8_t> bytes, std::vector<std::uint8_t>& out) {
  while (!bytes.empty()) {
    const std::size_t length = std::min<std::size_t>(bytes.size(), 32767);
    out.push_back(length == bytes.size() ? 1 : 0);
    for (const std::size_t value : {length, ~length}) {
      out.push_back(static_cast<std::uint8_t>(value));
      out.push_back(static_cast<std::uint8_t>(value >> 8));
    }
    out.insert(out.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
    bytes = bytes.subspan(length);
  }
}

/// Adler-32 (RFC 1950, section 8.2).
std::uint32_t adler32_of(std::span<const std::uint8_t> bytes) {
  constexpr std::uint32_t prime = 65521;
  constexpr std::size_t part = 5552;  // the sums stay below 2^32
  std::uint32_t a = 1, b = 0;
  while (!bytes.empty()) {
    const std::size_t length = std::min(part, bytes.size());
    for (const std::uint8_t byte : bytes.first(length)) {
      a += byte;
      b += a;
    }
    a %= prime;
    b %= prime;
    bytes = bytes.subspan(length);
  }
  return b << 16 | a;
}

}  // namespace

std::vector<std::uint8_t> deflate_as_stb(std::span<const std::uint8_t> bytes, int quality) {
  std::vector<std::uint8_t> out = {0x78, 0x5e};  // a window of 32 KiB, packed quickly
  out.reserve(bytes.size() + bytes.size() / 8 + 64);
  add_fixed_block(bytes, static_cast<std::size_t>(std::clamp(quality, 5, 127)), out);
  if (out.size() > bytes.size() + 2 + (bytes.size() + 32766) / 32767 * 5) {
    out.resize(2);
    add_stored_blocks(bytes, out);
  }
  const std::uint32_t checksum = adler32_of(bytes);
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(checksum >> shift));
  return out;
}

}  // namespace xr::data
