#include "apps/xrtrain/run/event_file.h"

#include <array>
#include <bit>
#include <concepts>

namespace xr::apps {

namespace {

template <std::unsigned_integral T>
std::string little_endian(T value) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof(T); ++i) bytes += static_cast<char>(value >> 8 * i & 0xFF);
  return bytes;
}

// TensorFlow masks checksums, for data that holds checksums itself would make weak ones.
std::string masked_crc32c(std::string_view bytes) {
  return little_endian(std::rotr(crc32c(bytes), 15) + 0xA282EAD8u);
}

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>((value & 0x7F) | 0x80);
  bytes += static_cast<char>(value);
  return bytes;
}

// Fields of a protobuf message: number and wire type, then the value.
enum class WireType : std::uint32_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

std::string key(std::uint32_t number, WireType type) {
  return varint(number << 3 | static_cast<std::uint32_t>(type));
}

std::string field(std::uint32_t number, std::string_view bytes) {
  return key(number, WireType::bytes) + varint(bytes.size()) + std::string(bytes);
}

std::string field(std::uint32_t number, double value) {
  return key(number, WireType::fixed64) + little_endian(std::bit_cast<std::uint64_t>(value));
}

std::string field(std::uint32_t number, float value) {
  return key(number, WireType::fixed32) + little_endian(std::bit_cast<std::uint32_t>(value));
}

std::string field(std::uint32_t number, std::int64_t value) {
  return key(number, WireType::varint) + varint(static_cast<std::uint64_t>(value));
}

// Summary.value with its tag and simple_value.
std::string scalar(std::string_view tag, double value) {
  return field(1, field(1, tag) + field(2, static_cast<float>(value)));
}

// Event with wall_time, step and summary.
std::string epoch_event(const EpochRecord& record) {
  std::string summary = scalar("train/loss", record.train_loss) +
                        scalar("train/accuracy", record.train_accuracy()) +
                        scalar("learning_rate", record.learning_rate);
  if (record.validation)
    summary += scalar("validation/loss", record.validation->loss()) +
               scalar("validation/accuracy", record.validation->accuracy());
  return field(1, static_cast<double>(record.epoch)) + field(2, record.epoch) + field(5, summary);
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  constexpr std::uint32_t polynomial = 0x82F63B78;  // 0x1EDC6F41 with its bits reversed
  static constexpr std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> values{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      values[i] = i;
      for (int bit = 0; bit < 8; ++bit) values[i] = (values[i] & 1 ? polynomial : 0) ^ values[i] >> 1;
    }
    return values;
  }();
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char byte : bytes) crc = table[(crc ^ static_cast<unsigned char>(byte)) & 0xFF] ^ crc >> 8;
  return ~crc;
}

std::string tfrecord(std::string_view data) {
  const std::string length = little_endian(static_cast<std::uint64_t>(data.size()));
  return length + masked_crc32c(length) + std::string(data) + masked_crc32c(data);
}

std::string event_file(const History& history) {
  // Event with wall_time and file_version.
  std::string file = tfrecord(field(1, 0.0) + field(3, std::string_view("brain.Event:2")));
  for (const EpochRecord& record : history) file += tfrecord(epoch_event(record));
  return file;
}

}  // namespace xr::apps
