// The history of a run as an event file, which TensorBoard shows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "apps/xrtrain/run/history.h"

namespace xr::apps {

/// CRC-32C: RFC 3720, 12.1 and B.4.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes);
/// A record of a TFRecord file: length in bytes (64 bits), masked CRC-32C of the length (32 bits), data,
/// masked CRC-32C of the data (32 bits), all little-endian. Source: TensorFlow, tsl/lib/io/record_writer.cc
/// and tsl/lib/hash/crc32c.h.
[[nodiscard]] std::string tfrecord(std::string_view data);
/// The whole file: one event with the version of the format, then one for each epoch with all its scalars
/// (train/loss, train/accuracy, learning_rate, and with validation images validation/loss and
/// validation/accuracy) as 32-bit floats. Step and wall time, in seconds, are the epoch: the same run has the
/// same bytes. Source: TensorFlow, core/util/event.proto and core/framework/summary.proto.
[[nodiscard]] std::string event_file(const History& history);

}  // namespace xr::apps
