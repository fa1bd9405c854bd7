#include "kernels/cudnn/descriptor.h"

#include "kernels/common/error.h"

namespace xr::kernels::cudnn {

Descriptor::Owned::Owned(const CudnnLibrary& the_library, cudnnBackendDescriptorType_t type)
    : library(the_library) {
  XR_CUDNN_CALL(library, cudnnBackendCreateDescriptor, type, &descriptor);
}

Descriptor::Owned::~Owned() {
  if (descriptor != nullptr) library.cudnnBackendDestroyDescriptor(descriptor);
}

Descriptor::Descriptor(const CudnnLibrary& library, cudnnBackendDescriptorType_t type)
    : owned_(std::make_shared<Owned>(library, type)) {}

void Descriptor::set(cudnnBackendAttributeName_t name, const Descriptor& other) {
  set(name, std::vector{other});
}

void Descriptor::set(cudnnBackendAttributeName_t name, const std::vector<Descriptor>& others) {
  std::vector<cudnnBackendDescriptor_t> raw_others;
  for (const Descriptor& other : others) {
    raw_others.push_back(other.raw());
    owned_->others.push_back(other.owned_);
  }
  set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<std::int64_t>(raw_others.size()), raw_others.data());
}

void Descriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
                     const void* values) {
  const cudnnStatus_t status = library().cudnnBackendSetAttribute(raw(), name, type, count, values);
  XR_CHECK(status == CUDNN_STATUS_SUCCESS, "cuDNN: cudnnBackendSetAttribute of attribute {} failed: {}",
           static_cast<int>(name), library().describe(status));
}

void Descriptor::finalize() {
  library().check(try_finalize(), "cudnnBackendFinalize");
}

cudnnStatus_t Descriptor::try_finalize() {
  return library().cudnnBackendFinalize(raw());
}

std::int64_t Descriptor::count(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type) const {
  std::int64_t count = 0;
  XR_CUDNN_CALL(library(), cudnnBackendGetAttribute, raw(), name, type, 0, &count, nullptr);
  return count;
}

std::int64_t Descriptor::get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                             std::int64_t count, void* values) const {
  std::int64_t filled = 0;
  const cudnnStatus_t status = library().cudnnBackendGetAttribute(raw(), name, type, count, &filled, values);
  XR_CHECK(status == CUDNN_STATUS_SUCCESS, "cuDNN: cudnnBackendGetAttribute of attribute {} failed: {}",
           static_cast<int>(name), library().describe(status));
  return filled;
}

std::vector<Descriptor> Descriptor::get_descriptors(cudnnBackendAttributeName_t name,
                                                    cudnnBackendDescriptorType_t type) const {
  const auto wanted = static_cast<std::size_t>(count(name));
  std::vector<Descriptor> descriptors;
  std::vector<cudnnBackendDescriptor_t> raws;
  for (std::size_t i = 0; i < wanted; ++i) {
    raws.push_back(descriptors.emplace_back(library(), type).raw());
    descriptors.back().owned_->others.push_back(owned_);
  }
  if (wanted == 0) return descriptors;
  const std::int64_t filled =
      get(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<std::int64_t>(wanted), raws.data());
  while (static_cast<std::int64_t>(descriptors.size()) > filled) descriptors.pop_back();
  return descriptors;
}

}  // namespace xr::kernels::cudnn
