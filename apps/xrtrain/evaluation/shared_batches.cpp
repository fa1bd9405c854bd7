#include "apps/xrtrain/evaluation/shared_batches.h"

#include <algorithm>
#include <cstring>

#include "kernels/common/error.h"

namespace xr::apps {

template <class Use>
void SharedBatches::for_batches_of(int rank, Use&& use) const {
  const auto step = static_cast<std::size_t>(ranks()) * batch_size_;
  for (std::size_t first = static_cast<std::size_t>(rank) * batch_size_; first < images_.count();
       first += step)
    use(first, std::min(batch_size_, images_.count() - first));
}

SharedBatches::SharedBatches(const data::ImageSet& images, std::int64_t batch_size,
                             engine::Communicator* communicator)
    : images_(images), batch_size_(static_cast<std::size_t>(batch_size)), communicator_(communicator) {
  if (!are_shared()) return;
  own_.channels = images.channels;
  own_.size = images.size;
  for_batches_of(communicator_->rank(), [&](std::size_t first, std::size_t count) {
    for (std::size_t i = first; i < first + count; ++i) {
      own_.rows.push_back(images.image(i).data());
      own_.labels.push_back(images.labels[i]);
      const std::span<const float> targets = images.targets_of(i);
      own_.targets.insert(own_.targets.end(), targets.begin(), targets.end());
    }
  });
}

std::shared_ptr<const Features> SharedBatches::own_part(std::shared_ptr<const Features> features) const {
  if (!are_shared()) return features;
  auto part = std::make_shared<Features>(Features{features->modules, features->width, features->dtype, {}});
  const auto width = static_cast<std::size_t>(features->width);
  for_batches_of(communicator_->rank(), [&](std::size_t first, std::size_t count) {
    const auto begin = features->values.begin() + static_cast<std::ptrdiff_t>(first * width);
    part->values.insert(part->values.end(), begin, begin + static_cast<std::ptrdiff_t>(count * width));
  });
  return part;
}

std::vector<float> SharedBatches::gather(std::span<const float> own, std::size_t width) const {
  if (!are_shared()) return {own.begin(), own.end()};
  const std::vector<std::vector<std::byte>> parts = communicator_->all_gather_parts(std::as_bytes(own));
  std::vector<float> all(images_.count() * width);
  for (int rank = 0; rank < ranks(); ++rank) {
    const std::vector<std::byte>& part = parts[static_cast<std::size_t>(rank)];
    std::size_t done = 0;
    for_batches_of(rank, [&](std::size_t first, std::size_t count) {
      const std::size_t bytes = count * width * sizeof(float);
      XR_CHECK(done + bytes <= part.size(), "{} evaluated fewer images than its part of {}",
               communicator_->describe(rank), images_.count());
      std::memcpy(all.data() + first * width, part.data() + done, bytes);
      done += bytes;
    });
    XR_CHECK(done == part.size(), "{} evaluated more images than its part of {}",
             communicator_->describe(rank), images_.count());
  }
  return all;
}

}  // namespace xr::apps
