#include "kernels/cudnn/workspace.h"

namespace xr::kernels::cudnn {

Workspace::~Workspace() {
  if (data_ != nullptr) own_.deallocate(data_, bytes_);
  for (const auto& [data, bytes] : old_) own_.deallocate(data, bytes);
}

std::byte* Workspace::get(std::size_t bytes) {
  if (bytes <= bytes_) return data_;
  if (data_ != nullptr && has_captured_())
    old_.emplace_back(data_, bytes_);
  else if (data_ != nullptr)
    own_.deallocate(data_, bytes_);
  data_ = nullptr;
  bytes_ = 0;
  data_ = static_cast<std::byte*>(own_.allocate(bytes));
  bytes_ = bytes;
  return data_;
}

}  // namespace xr::kernels::cudnn
