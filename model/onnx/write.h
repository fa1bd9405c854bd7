// ONNX files (operator set 17), written through the protocol buffers of Debian's libonnx-dev.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "kernels/common/error.h"
#include "model/onnx/graph.h"

namespace xr::model::onnx {

/// What a build without the library throws.
inline constexpr ErrorCode onnx_library_missing{"onnx-library-missing"};
/// More than 2 GB, which no protocol buffer holds.
inline constexpr ErrorCode onnx_too_large{"onnx-too-large"};

struct Description {
  std::string producer, producer_version;
  std::string name;  ///< of the network
  std::map<std::string, std::string> metadata;
};

/// Whether this build can write ONNX; where not, the Debian packages that it needs are `packages`.
[[nodiscard]] bool can_write();
inline constexpr const char* packages = "libonnx-dev and libprotobuf-dev";

/// Writes the file whole or not at all; the same graph gives the same bytes. Throws Error, with one of the codes
/// above or that of the file system.
void write(const std::filesystem::path& path, const Graph& graph, const Description& description);

}  // namespace xr::model::onnx
