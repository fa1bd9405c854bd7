#include <catch2/catch.hpp>
#include <cstdlib>

#include "kernels/common/error.h"
#include "kernels/cudnn/cublas_library.h"
#include "kernels/cudnn/cudnn_library.h"
#include "kernels/cudnn/operations.h"

using namespace xr;
using namespace xr::kernels::cudnn;
using Catch::Matchers::Contains;

namespace {

template <class Library>
std::string message_of(const LibraryFile& file) {
  try {
    const Library library(file);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

/// The environment variable for a while.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() { unsetenv(name_); }

 private:
  const char* name_;
};

}  // namespace

TEST_CASE("a library that is not there is an error of one line with the file and the remedy") {
  const LibraryFile absent{"cuDNN", "libcudnn_of_nobody.so.9", {"/nowhere", ""}, "do this or that"};
  for (const std::string& message : {message_of<CudnnLibrary>(absent), message_of<CublasLibrary>(absent)}) {
    CHECK_THAT(message, Contains("cuDNN is not available"));
    CHECK_THAT(message, Contains("libcudnn_of_nobody.so.9"));
    CHECK_THAT(message, Contains("do this or that"));
    CHECK(message.find('\n') == std::string::npos);
  }
}

TEST_CASE("a library without the functions is an error that names the function") {
  CHECK_THAT(message_of<CudnnLibrary>({"cuDNN", "libm.so.6", {}, ""}),
             Contains("no function cudnnGetVersion"));
  CHECK_THAT(message_of<CublasLibrary>({"cuBLAS", "libm.so.6", {}, ""}),
             Contains("libm.so.6 has no function cublasGetStatusString"));
}

TEST_CASE("libraries are looked for where XR_CUDNN_PATH says first") {
  const Environment path("XR_CUDNN_PATH", "/first::/second");
  CHECK(library_folders("/built") == std::vector<std::string>{"/first", "/second", "/built"});
  CHECK(cudnn_file().folders.front() == "/first");
  CHECK(cublas_file().folders.at(1) == "/second");
}

TEST_CASE("without XR_CUDNN_PATH libraries are looked for where the build found them") {
  CHECK(library_folders("/built") == std::vector<std::string>{"/built"});
  CHECK(library_folders("").empty());
  CHECK_THAT(cudnn_file().name, Contains("libcudnn.so.9"));
  CHECK_THAT(cudnn_file().remedy, Contains("XR_CUDNN_PATH"));
}

TEST_CASE("the libraries of this machine have every function") {
  try {
    const CudnnLibrary cudnn;
    CHECK_THAT(cudnn.version(), Contains("cuDNN 9."));
    CHECK_THROWS_WITH(cudnn.check(CUDNN_STATUS_BAD_PARAM, "cudnnSomething"),
                      Contains("cuDNN: cudnnSomething failed: CUDNN_STATUS_BAD_PARAM"));
    CHECK(cudnn.has(CUDNN_STATUS_SUCCESS, "cudnnSomething"));
    CHECK_FALSE(cudnn.has(CUDNN_STATUS_NOT_SUPPORTED_SHAPE, "cudnnSomething"));
    CHECK_THROWS_WITH(cudnn.has(CUDNN_STATUS_BAD_PARAM, "cudnnSomething"), Contains("cudnnSomething failed"));
    const CublasLibrary cublas;
    CHECK(describe_libraries() == cudnn.version() + " and " + cublas.version());
    CHECK_THAT(cublas.version(), Contains("cuBLAS " + std::to_string(CUBLAS_VER_MAJOR) + "."));
    CHECK_THROWS_WITH(
        cublas.check(CUBLAS_STATUS_NOT_SUPPORTED, "cublasSomething"),
        Contains("cuBLAS: cublasSomething failed: the requested functionality is not supported"));
  } catch (const Error& error) {
    WARN("not checked: " << error.what());
  }
}
