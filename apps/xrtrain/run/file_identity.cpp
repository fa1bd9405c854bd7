#include "apps/xrtrain/run/file_identity.h"

#include <fmt/format.h>

#include <fstream>
#include <span>
#include <vector>

#include "apps/text/text.h"
#include "data/content_hash.h"

namespace xr::apps {

std::string identity_of_file(const std::filesystem::path& path) {
  data::ContentHasher hasher;
  std::ifstream file(path, std::ios::binary);
  std::vector<char> chunk(std::size_t{1} << 20);
  while (file.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) || file.gcount() > 0)
    hasher.add(std::as_bytes(std::span(chunk).first(static_cast<std::size_t>(file.gcount()))));
  return fmt::format("{} {:016x}", text::one_line(path.filename().string()), hasher.value());
}

}  // namespace xr::apps
