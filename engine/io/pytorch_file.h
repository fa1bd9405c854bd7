// What torch.save makes of a state dict. Since PyTorch 1.6 that is a zip archive: NAME/data.pkl, a pickle in which
// tensors refer to storages by keys, NAME/data/KEY with their bytes, NAME/byteorder. Before it was a row of pickles
// (a magic number, a version, facts of the machine, the object, the storages' keys), then for each key a count of
// 64 bits and the elements. Source: PyTorch, torch/serialization.py.
#pragma once

#include <filesystem>
#include <memory>

#include "engine/io/weights_file.h"

namespace xr::engine {

/// A file of weights_kind_of pytorch_zip or pytorch_legacy. Throws xr::Error, as open_weights.
[[nodiscard]] std::unique_ptr<WeightsFile> open_pytorch_file(const std::filesystem::path& path, bool is_zip);

}  // namespace xr::engine
