#include "kernels/common/kernel_choice.h"

#include <charconv>
#include <system_error>

#include "kernels/common/notes.h"

namespace xr::kernels {

namespace {

/// 0, the usual one, unless the variant names another.
int plan_of(const std::string& variant) {
  if (!variant.starts_with(cudnn::plan_variant)) return 0;
  int plan = 0;
  const char* const end = variant.data() + variant.size();
  const auto [rest, error] = std::from_chars(variant.data() + cudnn::plan_variant.size(), end, plan);
  XR_CHECK(error == std::errc() && rest == end && plan >= 0 && plan < cudnn::max_plans,
           "variant {}: the plans are {}0 to {}{}", variant, cudnn::plan_variant, cudnn::plan_variant,
           cudnn::max_plans - 1);
  return plan;
}

}  // namespace

void KernelChooser::set_options(const BackendOptions& options) {
  libraries_->set_precision(options.precision);
  libraries_->set_convolution_plan(plan_of(options.variant));
}

cudnn::Operations& KernelChooser::open() {
  if (!libraries_) {
    libraries_ = load_();
    set_options(options_);
    note(NoteLevel::debug, libraries_->version());
  }
  return *libraries_;
}

void KernelChooser::configure(const BackendOptions& options) {
  (void)plan_of(options.variant);  // a wrong one changes nothing
  if (options.kernels == KernelChoice::cudnn) (void)open();
  options_ = options;
  if (libraries_) set_options(options);
}

cudnn::Operations* KernelChooser::libraries_for(const char* operation, bool fast) {
  if (options_.kernels == KernelChoice::cudnn) return &open();
  if (options_.kernels == KernelChoice::custom || fast || !options_.variant.empty() || !why_not_.empty())
    return nullptr;
  try {
    return &open();
  } catch (const Error& error) {
    why_not_ = error.what();
    tell_once(fmt::format("{}: a hand-written kernel runs that is not made for such operands, as {}",
                          operation, why_not_));
    return nullptr;
  }
}

void KernelChooser::remember(const char* operation, const cudnn::Ran& ran) {
  if (!seen_.emplace(operation, ran.kernel).second) return;
  note(NoteLevel::debug, fmt::format("{} runs {}", operation, ran ? ran.kernel : "hand-written kernels"));
  if (options_.kernels == KernelChoice::cudnn && !ran && options_.variant.empty())
    tell_once(fmt::format("{} runs hand-written kernels: cuDNN and cuBLAS do not have it for these operands",
                          operation));
  if (options_.kernels == KernelChoice::automatic && ran)
    tell_once(fmt::format("{} falls back to {}: no hand-written kernel is made for such operands", operation,
                          ran.library == Library::cublas ? "cuBLAS" : "cuDNN"));
}

void KernelChooser::tell_once(const std::string& text) {
  if (told_.insert(text).second) note(NoteLevel::info, text);
}

}  // namespace xr::kernels
