#include "model/onnx/write.h"

namespace xr::model::onnx {

bool can_write() {
  return false;
}

void write(const std::filesystem::path& /*path*/, const Graph& /*graph*/,
           const Description& /*description*/) {
  throw Error(onnx_library_missing,
              fmt::format("this build cannot write ONNX: install {} and build again", packages));
}

}  // namespace xr::model::onnx
