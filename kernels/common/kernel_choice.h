// Whose kernels run a call on a CUDA device: the one place where that is decided.
//
//   custom     the own ones
//   cudnn      cuDNN's and cuBLAS's for what these have, the own ones for the rest
//   automatic  the own ones; only what none of them is made for goes to cuDNN and cuBLAS, if they are there:
//              convolutions that fit the plain direct kernel alone, matrix products without a short side
//
// The options and the call decide, never a clock: the same program gives the same bytes on the same machine.
// Which is faster is a question for xrbench. With BackendOptions::variant the own kernels run, except under
// cudnn, where it can name one of a convolution's plans.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "kernels/cudnn/operations.h"

namespace xr::kernels {

class KernelChooser {
 public:
  /// Opens the libraries; called when they are needed first. Throws Error if they are not there.
  using Load = std::function<std::unique_ptr<cudnn::Operations>()>;

  explicit KernelChooser(Load load) : load_(std::move(load)) {}

  /// Throws Error for `cudnn` without the libraries; the options stay as they were then.
  void configure(const BackendOptions& options);
  [[nodiscard]] KernelChoice choice() const { return options_.kernels; }

  /// The libraries if they are to be asked for this call, else null. `fast`: an own kernel is made for it.
  [[nodiscard]] cudnn::Operations* libraries_for(const char* operation, bool fast);
  /// What became of a call for which the libraries were asked: what ran there. Said once for each
  /// operation at info level where it is not what was chosen, and once for each way to run it at debug level.
  void remember(const char* operation, const cudnn::Ran& ran);

  /// Closes the libraries. Their memory must still be there.
  void close() noexcept { libraries_.reset(); }

 private:
  [[nodiscard]] cudnn::Operations& open();
  /// Gives the opened libraries theirs.
  void set_options(const BackendOptions& options);
  void tell_once(const std::string& text);

  Load load_;
  BackendOptions options_;
  std::unique_ptr<cudnn::Operations> libraries_;
  std::string why_not_;                                 // the libraries could not be opened
  std::set<std::pair<const char*, const char*>> seen_;  // operations, and what ran
  std::set<std::string> told_;
};

}  // namespace xr::kernels
