// Archives as files.
#pragma once

#include "tests/data/support.h"
#include "tests/engine/io/zip_writer.h"

namespace xr::data::test {

using engine::test::ArchiveMember;
using engine::test::npy;
using engine::test::zip;

inline void write_text(const fs::path& path, std::string_view text) {
  write_bytes(path, bytes_of(text));
}

}  // namespace xr::data::test
