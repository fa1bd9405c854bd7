// The bytes of one member of a zip archive: as they are stored, or inflated by zlib.
#pragma once

#include <functional>

#include "engine/io/zip.h"

namespace xr::engine {

/// Fills the bytes with those of the archive at an offset.
using ZipSource = std::function<void(std::uint64_t offset, std::span<std::byte> bytes)>;

/// `what` names the member in errors; its packed bytes begin at `offset` of the archive. Throws xr::Error for a
/// deflated member if the build has no zlib.
[[nodiscard]] std::unique_ptr<ZipReader> unpack(const ZipMember& member, std::string what,
                                                std::uint64_t offset, ZipSource source, Checksums checksums);

}  // namespace xr::engine
