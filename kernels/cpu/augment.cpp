// augment: images (count, C, size, size) of bytes -> y (N, C, side, side), each image cropped and resized
// with the triangle filter, or sampled bilinearly under a rotation, shift and zoom; then exposure and
// normalisation. The arithmetic is in kernels/common/augment.h. Bytes: N C size^2 read, 4 N C side^2 written; bound
// by arithmetic.
#include <exception>
#include <type_traits>
#include <vector>

#include "kernels/common/checks.h"
#include "kernels/common/parallel.h"
#include "kernels/common/plane_augmenter.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/elements.h"

namespace xr::kernels::cpu {

namespace {

/// A call's arrays; the memory is the host's.
struct Batch {
  const AugmentParams& params;
  const std::uint8_t* images;
  int channels, size, side;
  bool interleaved;  ///< channels_last with more than one channel
};

template <class T>
void augment_image(const Batch& batch, std::int64_t index, const AugmentRecord& record, T* y) {
  thread_local PlaneAugmenter augmenter;
  thread_local std::vector<float> plane_of_output;
  const std::size_t plane = static_cast<std::size_t>(batch.size) * batch.size;
  const std::size_t output_plane = static_cast<std::size_t>(batch.side) * batch.side;
  const std::uint8_t* image = batch.images + plane * batch.channels * static_cast<std::size_t>(index);
  const bool in_place = std::is_same_v<T, float> && !batch.interleaved;
  if (!in_place) plane_of_output.resize(output_plane);
  for (int c = 0; c < batch.channels; ++c) {
    float* output = plane_of_output.data();
    if constexpr (std::is_same_v<T, float>)
      if (in_place) output = y + output_plane * c;
    augmenter.apply(image + plane * c, batch.size, record,
                    Exposure::of(record, batch.params.mean[c], batch.params.deviation[c]), batch.side,
                    output);
    if (batch.interleaved)
      for (std::size_t i = 0; i < output_plane; ++i) y[i * batch.channels + c] = from_float<T>(output[i]);
    else if (!in_place)
      put_floats(y + output_plane * c, output, static_cast<std::int64_t>(output_plane));
  }
}

}  // namespace

void CpuBackend::compute(const Augment& call) {
  if (call.y.numel() == 0) return;
  const auto count = static_cast<std::size_t>(call.y.shape[0]);
  const std::span index(call.indices.as<std::int64_t>(), count);
  const std::span record(call.records.as<AugmentRecord>(), count);
  require_augment_records(index, record, call.images.shape[0], static_cast<int>(call.images.shape[2]));
  const Batch batch{call.params,
                    call.images.as<std::uint8_t>(),
                    static_cast<int>(call.images.shape[1]),
                    static_cast<int>(call.images.shape[2]),
                    static_cast<int>(call.y.shape[2]),
                    call.y.layout == Layout::channels_last && call.y.shape[1] > 1};
  std::vector<std::exception_ptr> failures(count);  // for example of memory
  const std::int64_t image_values = call.y.numel() / call.y.shape[0];
  with_activation_type(call.name, call.y.dtype, [&](auto type) {
    parallel_for(call.y.shape[0], [&](std::int64_t n) {
      try {
        augment_image(batch, index[n], record[n], call.y.as<decltype(type)>() + n * image_values);
      } catch (...) {
        failures[n] = std::current_exception();
      }
    });
  });
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

}  // namespace xr::kernels::cpu
