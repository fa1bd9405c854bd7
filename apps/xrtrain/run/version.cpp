#include "apps/xrtrain/run/version.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "apps/http/server.h"
#include "apps/machine/machine.h"
#include "data/image/image.h"
#include "engine/io/zip.h"
#include "kernels/registry.h"
#include "model/onnx/write.h"

namespace xr::apps {

namespace {

bool has_simt_executor() {
  try {
    (void)kernels::backend(kernels::Device::parse("simt"));
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

std::string version_text() {
  std::vector<std::string> with{"CPU"}, without;
  const auto add = [&](bool has, std::string feature) {
    (has ? with : without).push_back(std::move(feature));
  };
  add(kernels::has_cuda_backend(),
      kernels::has_cuda_backend() ? fmt::format("CUDA ({})", kernels::cuda_architectures()) : "CUDA");
  add(has_simt_executor(), "SIMT executor");
  add(model::onnx::can_write(), "ONNX");
  add(!http::library().empty(), "HTTP");
  add(engine::can_inflate(), "zlib");
  for (const data::FormatSupport& format : data::supported_formats())
    add(format.supported, std::string(data::describe(format.format).id));
  return fmt::format("xrtrain {}\ncommit {}, {} build, {}\nwith: {}\nwithout: {}", XR_VERSION,
                     machine::commit(), XR_BUILD_TYPE, machine::compiler_name(), fmt::join(with, ", "),
                     without.empty() ? "nothing" : fmt::format("{}", fmt::join(without, ", ")));
}

}  // namespace xr::apps
