#include "apps/command_line/remedies.h"

#include "data/dataset/label_table.h"
#include "engine/distributed/communicator.h"
#include "engine/io/safetensors.h"
#include "kernels/common/error_codes.h"

namespace xr::command_line {

namespace {

struct Remedy {
  ErrorCode code;
  std::string_view text;
};

constexpr Remedy remedies[] = {
    {error_code::device_unavailable, "; use --device cpu"},
    {error_code::driver_missing, "; install it or use --device cpu"},
    {error_code::driver_outdated, "; install a newer driver or use --device cpu"},
    {error_code::architecture_missing, ", or use --device cpu"},
    {error_code::library_unavailable, ", or use --kernels custom"},
    {error_code::precision_unsupported, "; use --precision fp32"},
    {error_code::kernels_unsupported, "; use --kernels auto"},
    {error_code::out_of_memory, "; lower --batch-size or --image-size"},
    {error_code::out_of_memory_captured,
     "; lower --batch-size or --image-size, or use --no-cuda-graph, which keeps less"},
    {error_code::disk_full,
     "; free some space, choose another folder or use --keep to keep fewer checkpoints"},
    {engine::weights_not_finite, "; use another checkpoint, or train again with a smaller --lr"},
    {error_code::patients_unknown, ", or use --groups or --group-regex"},
    {error_code::layout_ambiguous, "; --skip-folders NAME leaves a folder out"},
    {error_code::labels_needed, "; use --labels FILE.csv"},
    {data::label_columns_missing, "; name them with --image-column and --label-column"},
    {error_code::weights_of_pytorch, "; to train from its weights: xrtrain train --init FILE"},
    {error_code::weights_not_plain,
     "; in Python: torch.save(model.state_dict(), FILE) keeps the weights alone"},
    {engine::rank_silent, "; if it is only slow, use a larger --timeout"},
    {error_code::class_unreadable, "; xrtrain audit lists them all"},
};

}  // namespace

std::string_view remedy_for(const ErrorCode& code) {
  for (const Remedy& remedy : remedies)
    if (remedy.code == code) return remedy.text;
  return {};
}

std::string with_remedy(const Error& error) {
  return error.what() + std::string(remedy_for(error.code()));
}

}  // namespace xr::command_line
