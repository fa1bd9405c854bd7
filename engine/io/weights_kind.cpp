#include "engine/io/weights_kind.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>

#include "engine/io/file.h"
#include "kernels/common/error_codes.h"

namespace xr::engine {

namespace {

using namespace std::string_view_literals;

/// The magic number 0x1950a86a20f9469cfc6c as a pickle of protocol 2 has it; later ones differ in the second byte.
constexpr std::string_view legacy_magic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."sv;

bool is_web_page(std::string_view text) {
  text.remove_prefix(std::min(text.size(), text.find_first_not_of(" \t\r\n\xEF\xBB\xBF")));
  std::string lower(text.substr(0, 64));
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return lower.starts_with("<!doctype html") || lower.starts_with("<html") || lower.starts_with("<head") ||
         lower.starts_with("<?xml");
}

bool is_legacy(std::string_view text) {
  // A frame may stand between the protocol and the number (protocols 4 and 5).
  if (text.size() < 2 || text[0] != '\x80') return false;
  text.remove_prefix(2);
  if (text.starts_with('\x95')) text.remove_prefix(std::min<std::size_t>(text.size(), 9));
  return text.starts_with(legacy_magic);
}

bool is_safetensors(std::string_view text) {
  return text.size() > 8 && text[8] == '{' && text.substr(4, 4) == "\0\0\0\0"sv;
}

}  // namespace

WeightsKind weights_kind_of(std::span<const std::byte> begin) {
  const std::string_view text(reinterpret_cast<const char*>(begin.data()), begin.size());
  if (text.empty()) return WeightsKind::empty;
  if (text.starts_with("version https://git-lfs")) return WeightsKind::lfs_pointer;
  if (text.starts_with("PK\3\4")) return WeightsKind::pytorch_zip;
  if (text.starts_with("\x89HDF\r\n")) return WeightsKind::hdf5;
  if (is_legacy(text)) return WeightsKind::pytorch_legacy;
  if (is_safetensors(text)) return WeightsKind::safetensors;
  if (text.size() > 1 && text[0] == '\x80' && text[1] >= 2 && text[1] <= 5) return WeightsKind::pickle;
  if (is_web_page(text)) return WeightsKind::web_page;
  if (text.size() >= 262 && text.substr(257, 5) == "ustar") return WeightsKind::pytorch_tar;
  return WeightsKind::unknown;
}

WeightsKind weights_kind_of(const std::filesystem::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  std::array<std::byte, weights_kind_bytes> bytes{};
  const ssize_t count = file.get() < 0 ? -1 : ::pread(file.get(), bytes.data(), bytes.size(), 0);
  if (count < 0) return WeightsKind::unknown;
  return weights_kind_of(std::span(bytes).first(static_cast<std::size_t>(count)));
}

void refuse_foreign_kind(WeightsKind kind, const std::filesystem::path& path) {
  const auto refuse = [&](ErrorCode code, const char* reason) {
    throw Error(code, fmt::format("{} {}", quote_name(path), reason));
  };
  switch (kind) {
    case WeightsKind::lfs_pointer:
      return refuse(error_code::weights_lfs_pointer,
                    "is a Git LFS pointer, not the file of weights: fetch it with git lfs pull");
    case WeightsKind::web_page:
      return refuse(error_code::weights_web_page,
                    "is a web page, not a file of weights: the download failed, or needs a login");
    case WeightsKind::empty:
      return refuse(error_code::weights_unrecognised, "is empty (0 bytes)");
    case WeightsKind::hdf5:
      return refuse(error_code::weights_unrecognised,
                    "is an HDF5 file, as Keras writes it: safetensors and PyTorch's .pth are read");
    case WeightsKind::pickle:
      return refuse(error_code::weights_not_plain,
                    "is a pickle that torch.save did not write: safetensors and PyTorch's .pth are read");
    case WeightsKind::pytorch_tar:
      return refuse(error_code::weights_unrecognised,
                    "is a tar archive, as PyTorch before 0.2 wrote them: save it again with a newer PyTorch");
    case WeightsKind::unknown:
      return refuse(error_code::weights_unrecognised,
                    "is not a file of weights: safetensors and PyTorch's .pth are read");
    case WeightsKind::safetensors:
    case WeightsKind::pytorch_zip:
    case WeightsKind::pytorch_legacy:
      break;
  }
}

}  // namespace xr::engine
