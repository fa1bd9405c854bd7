#include "kernels/kernel_choice.h"

#include "kernels/notes.h"

namespace xr::kernels {

cudnn::Operations& KernelChooser::open() {
  if (!libraries_) {
    libraries_ = load_();
    libraries_->set_precision(options_.precision);
    note(NoteLevel::debug, libraries_->version());
  }
  return *libraries_;
}

void KernelChooser::configure(const BackendOptions& options) {
  if (options.kernels == KernelChoice::cudnn) (void)open();
  options_ = options;
  if (libraries_) libraries_->set_precision(options.precision);
}

cudnn::Operations* KernelChooser::libraries_for(const char* operation, bool fast) {
  if (options_.kernels == KernelChoice::cudnn) return &open();
  if (options_.kernels == KernelChoice::custom || fast || !options_.variant.empty() || !why_not_.empty())
    return nullptr;
  try {
    return &open();
  } catch (const Error& error) {
    why_not_ = error.what();
    tell_once(
        fmt::format("{}: an own kernel runs that is not made for such operands, as {}", operation, why_not_));
    return nullptr;
  }
}

void KernelChooser::remember(const char* operation, cudnn::Ran ran) {
  if (!seen_.emplace(operation, ran).second) return;
  note(NoteLevel::debug, fmt::format("{} runs {}", operation, ran == nullptr ? "own kernels" : ran));
  if (options_.kernels == KernelChoice::cudnn && ran == nullptr)
    tell_once(
        fmt::format("{} runs own kernels: cuDNN and cuBLAS do not have it for these operands", operation));
  if (options_.kernels == KernelChoice::automatic && ran != nullptr)
    tell_once(fmt::format("{} falls back to {}: no own kernel is made for such operands", operation,
                          std::string_view(ran).starts_with("cublas") ? "cuBLAS" : "cuDNN"));
}

void KernelChooser::tell_once(const std::string& text) {
  if (told_.insert(text).second) note(NoteLevel::info, text);
}

}  // namespace xr::kernels
