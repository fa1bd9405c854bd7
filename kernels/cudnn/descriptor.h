// A descriptor of cuDNN's graph API (cudnn_graph.h): created, given attributes, finalized, read.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kernels/cudnn/cudnn_library.h"

namespace xr::kernels::cudnn {

/// The type that the API expects with values of a C++ type.
constexpr cudnnBackendAttributeType_t attribute_type(const std::int64_t*) {
  return CUDNN_TYPE_INT64;
}
constexpr cudnnBackendAttributeType_t attribute_type(const float*) {
  return CUDNN_TYPE_FLOAT;
}
constexpr cudnnBackendAttributeType_t attribute_type(const bool*) {
  return CUDNN_TYPE_BOOLEAN;
}
constexpr cudnnBackendAttributeType_t attribute_type(const char*) {
  return CUDNN_TYPE_CHAR;
}
constexpr cudnnBackendAttributeType_t attribute_type(void* const*) {
  return CUDNN_TYPE_VOID_PTR;
}
constexpr cudnnBackendAttributeType_t attribute_type(const cudnnHandle_t*) {
  return CUDNN_TYPE_HANDLE;
}
constexpr cudnnBackendAttributeType_t attribute_type(const cudnnDataType_t*) {
  return CUDNN_TYPE_DATA_TYPE;
}
constexpr cudnnBackendAttributeType_t attribute_type(const cudnnConvolutionMode_t*) {
  return CUDNN_TYPE_CONVOLUTION_MODE;
}
constexpr cudnnBackendAttributeType_t attribute_type(const cudnnPointwiseMode_t*) {
  return CUDNN_TYPE_POINTWISE_MODE;
}
constexpr cudnnBackendAttributeType_t attribute_type(const cudnnBackendHeurMode_t*) {
  return CUDNN_TYPE_HEUR_MODE;
}
constexpr cudnnBackendAttributeType_t attribute_type(const cudnnBackendNumericalNote_t*) {
  return CUDNN_TYPE_NUMERICAL_NOTE;
}

/// A handle: copies are the same descriptor, which is destroyed with the last of them.
class Descriptor {
 public:
  Descriptor(const CudnnLibrary& library, cudnnBackendDescriptorType_t type);

  template <class T>
  void set(cudnnBackendAttributeName_t name, std::span<const T> values) {
    set(name, attribute_type(values.data()), static_cast<std::int64_t>(values.size()), values.data());
  }
  template <class T>
  void set(cudnnBackendAttributeName_t name, const T& value) {
    set(name, std::span<const T>(&value, 1));
  }
  /// The others live as long as this one: the API does not say whether it copies them.
  void set(cudnnBackendAttributeName_t name, const Descriptor& other);
  void set(cudnnBackendAttributeName_t name, const std::vector<Descriptor>& others);

  /// Throws Error if an attribute is missing or does not fit the others.
  void finalize();
  /// The same, but the status is the caller's to judge.
  [[nodiscard]] cudnnStatus_t try_finalize();

  /// How many values the attribute has.
  [[nodiscard]] std::int64_t count(cudnnBackendAttributeName_t name,
                                   cudnnBackendAttributeType_t type = CUDNN_TYPE_BACKEND_DESCRIPTOR) const;
  template <class T>
  [[nodiscard]] std::vector<T> get(cudnnBackendAttributeName_t name) const {
    std::vector<T> values(
        static_cast<std::size_t>(count(name, attribute_type(static_cast<const T*>(nullptr)))));
    if (values.empty()) return values;
    values.resize(static_cast<std::size_t>(
        get(name, attribute_type(values.data()), static_cast<std::int64_t>(values.size()), values.data())));
    return values;
  }
  template <class T>
  [[nodiscard]] T get_one(cudnnBackendAttributeName_t name) const {
    T value{};
    get(name, attribute_type(&value), 1, &value);
    return value;
  }
  /// An attribute that is descriptors of this type; each keeps this one alive.
  [[nodiscard]] std::vector<Descriptor> get_descriptors(cudnnBackendAttributeName_t name,
                                                        cudnnBackendDescriptorType_t type) const;

  [[nodiscard]] cudnnBackendDescriptor_t raw() const { return owned_->descriptor; }
  [[nodiscard]] const CudnnLibrary& library() const { return owned_->library; }

 private:
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
           const void* values);
  std::int64_t get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
                   void* values) const;

  struct Owned {
    Owned(const CudnnLibrary& library, cudnnBackendDescriptorType_t type);
    Owned(const Owned&) = delete;
    Owned& operator=(const Owned&) = delete;
    ~Owned();

    const CudnnLibrary& library;
    cudnnBackendDescriptor_t descriptor = nullptr;
    std::vector<std::shared_ptr<const Owned>> others;
  };
  std::shared_ptr<Owned> owned_;
};

}  // namespace xr::kernels::cudnn
