// Matrix products through cuBLAS.
#pragma once

#include "kernels/cudnn/cublas_library.h"
#include "kernels/cudnn/workspace.h"

namespace xr::kernels::cudnn {

/// c (m, n) = or += op(a) op(b) for cuBLAS, all row-major.
struct Product {
  ConstView a, b;
  bool transpose_a, transpose_b;
  View c;
  GradientWrite write;
};

/// Operations' functions of the same names.
class CublasProducts {
 public:
  explicit CublasProducts(const Place& place, const LibraryFile& file = cublas_file());
  CublasProducts(const CublasProducts&) = delete;
  CublasProducts& operator=(const CublasProducts&) = delete;
  ~CublasProducts();

  [[nodiscard]] std::string version() const { return cublas_.version(); }
  void set_precision(Precision precision) { precision_ = precision; }
  Ran run(const Matmul& call);
  Ran run(const LinearForward& call);

 private:
  bool multiply(const Product& product);

  Backend& own_;
  CublasLibrary cublas_;
  cublasHandle_t handle_ = nullptr;
  Precision precision_ = Precision::fp32;
  Workspace operand_, sum_, workspace_;
};

}  // namespace xr::kernels::cudnn
