#include "data/loader/loader.h"

#include "kernels/common/error.h"
#include "kernels/common/random.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <numeric>
#include <optional>
#include <thread>

namespace xr::data {

std::vector<std::size_t> shuffled_order(std::size_t count, std::uint64_t seed, std::uint64_t epoch) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  Philox random(seed, stream_of(RandomPurpose::shuffle, epoch));
  for (std::size_t i = count; i > 1; --i)
    std::swap(order[i - 1], order[random.below(static_cast<std::uint32_t>(i))]);
  return order;
}

std::vector<std::size_t> epoch_order(std::size_t count, const LoaderSettings& settings, std::uint64_t epoch) {
  if (settings.shuffle) return shuffled_order(count, settings.seed, epoch);
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

std::size_t batch_count(const ImageSet& images, const LoaderSettings& settings) {
  const auto batch = static_cast<std::size_t>(settings.batch_size);
  return (images.count() + batch - 1) / batch;
}

void check_loader(const ImageSet& images, const LoaderSettings& settings) {
  XR_CHECK(images.count() > 0, "there are no images to make batches of");
  XR_CHECK(images.rows.empty() ? images.pixels.size() == images.count() * images.image_bytes()
                               : images.rows.size() == images.count(),
           "the image set holds {} bytes and {} rows for {} images of {} bytes", images.pixels.size(),
           images.rows.size(), images.count(), images.image_bytes());
  XR_CHECK(images.targets.size() % images.count() == 0, "the image set holds {} targets for {} images",
           images.targets.size(), images.count());
  XR_CHECK(settings.batch_size >= 1, "the batch size {} is not positive", settings.batch_size);
  XR_CHECK(settings.workers >= 0 && settings.workers <= 1024, "{} workers are not 0 to 1024",
           settings.workers);
  XR_CHECK(settings.prefetch >= 1, "the number of batches made ahead, {}, is not positive",
           settings.prefetch);
}

/// Images are handed out one by one in batch order. Batch b is built in slot b % slots; a slot is free again
/// when the caller asks for the batch after it. `generation_` counts the epochs started: an image that was
/// begun for an earlier one is waited for, never delivered.
class BatchLoader::Implementation {
 public:
  Implementation(const ImageSet& images, const LoaderSettings& settings)
      : images_(images), settings_(settings), own_(settings.augment, settings.image_size) {
    slots_.resize(settings.workers > 0 ? static_cast<std::size_t>(settings.prefetch) + 1 : 1);
    next_item_ = images.count();  // nothing to do before the first epoch
    next_batch_ = batch_count();
    try {
      for (int i = 0; i < settings.workers; ++i) threads_.emplace_back([this] { work(); });
    } catch (...) {
      stop();
      throw;
    }
  }

  ~Implementation() { stop(); }

  [[nodiscard]] std::size_t batch_count() const { return data::batch_count(images_, settings_); }

  void start_epoch(std::uint64_t epoch, std::size_t first_batch) {
    XR_CHECK(first_batch <= batch_count(), "an epoch has {} batches: it cannot start at batch {}",
             batch_count(), first_batch);
    {
      std::unique_lock lock(mutex_);
      next_item_ = images_.count();
      batch_done_.wait(lock, [this] { return in_work_ == 0; });
      order_ = epoch_order(images_.count(), settings_, epoch);
      epoch_ = epoch;
      failure_ = nullptr;
      first_batch_ = next_batch_ = first_batch;
      next_item_ = first_batch * static_cast<std::size_t>(settings_.batch_size);
      for (Slot& slot : slots_) slot.missing.reset();
    }
    work_there_.notify_all();
  }

  const Batch* next() {
    std::unique_lock lock(mutex_);
    if (next_batch_ >= batch_count()) return nullptr;
    Slot& slot = slots_[next_batch_ % slots_.size()];
    if (settings_.workers == 0) {
      slot.missing.reset();
      while (next_item_ < images_.count() && batch_of(next_item_) == next_batch_) {
        const Item item = claim();
        make(item, own_);
        --*item.slot->missing;
      }
    } else {
      // The batch delivered before is given back: its slot may be filled with a later one.
      if (next_batch_ > first_batch_) slots_[(next_batch_ - 1) % slots_.size()].missing.reset();
      ++next_batch_;
      work_there_.notify_all();
      batch_done_.wait(lock, [&] { return failure_ != nullptr || (slot.missing && *slot.missing == 0); });
      if (failure_) std::rethrow_exception(failure_);
      return &slot.batch;
    }
    ++next_batch_;
    return &slot.batch;
  }

 private:
  struct Slot {
    Batch batch;
    std::optional<std::size_t> missing;  ///< Images still to be made; no value: the slot is free.
  };
  struct Item {
    Slot* slot;
    std::size_t place, index;
    std::uint64_t epoch;
  };

  [[nodiscard]] std::size_t batch_of(std::size_t item) const {
    return item / static_cast<std::size_t>(settings_.batch_size);
  }

  /// With the mutex held: is there an image whose slot is free or already being filled?
  [[nodiscard]] bool can_claim() const {
    if (next_item_ >= images_.count() || failure_) return false;
    const bool first_of_batch = next_item_ % static_cast<std::size_t>(settings_.batch_size) == 0;
    return !first_of_batch || !slots_[batch_of(next_item_) % slots_.size()].missing;
  }

  /// With the mutex held: takes the next image; the first one of a batch lays the batch out.
  Item claim() {
    const auto batch_size = static_cast<std::size_t>(settings_.batch_size);
    const std::size_t place = next_item_ % batch_size;
    Slot& slot = slots_[batch_of(next_item_) % slots_.size()];
    if (place == 0) {
      const std::size_t count = std::min(batch_size, images_.count() - next_item_);
      Batch& batch = slot.batch;
      batch.channels = images_.channels;
      batch.size = settings_.image_size;
      batch.images.resize(count * output_values());
      batch.labels.resize(count);
      batch.targets.resize(count * label_count());
      batch.indices.resize(count);
      slot.missing = count;
    }
    const std::size_t index = order_[next_item_++];
    return {&slot, place, index, epoch_};
  }

  /// Targets of an image.
  [[nodiscard]] std::size_t label_count() const { return images_.targets.size() / images_.count(); }
  [[nodiscard]] std::size_t output_values() const {
    return static_cast<std::size_t>(images_.channels) * settings_.image_size * settings_.image_size;
  }

  [[nodiscard]] bool is_made(std::size_t row, std::size_t count) const {
    if (!settings_.made_rows) return true;
    const auto [begin, end] = settings_.made_rows(count);
    return row >= begin && row < end;
  }

  void make(const Item& item, Augmenter& augmenter) const {
    Batch& batch = item.slot->batch;
    if (is_made(item.place, batch.count())) {
      const AugmentDraw draw =
          draw_augmentation(settings_.augment, images_.size, images_.size, settings_.seed, item.epoch,
                            settings_.draw_index(item.index));
      augmenter.apply(images_.image(item.index), images_.channels, images_.size, draw,
                      std::span(batch.images).subspan(item.place * output_values(), output_values()));
    }
    batch.labels[item.place] = images_.labels[item.index];
    std::ranges::copy(images_.targets_of(item.index),
                      batch.targets.begin() + static_cast<std::ptrdiff_t>(item.place * label_count()));
    batch.indices[item.place] = item.index;
  }

  void stop() {
    {
      const std::scoped_lock lock(mutex_);
      stop_ = true;
    }
    work_there_.notify_all();
  }

  void work() {
    std::optional<Augmenter> augmenter;
    std::unique_lock lock(mutex_);
    for (;;) {
      work_there_.wait(lock, [this] { return stop_ || can_claim(); });
      if (stop_) return;
      std::exception_ptr failure;
      try {
        const Item item = claim();
        ++in_work_;
        lock.unlock();
        try {
          if (!augmenter) augmenter.emplace(settings_.augment, settings_.image_size);
          make(item, *augmenter);
        } catch (...) {
          failure = std::current_exception();
        }
        lock.lock();
        --in_work_;
        --*item.slot->missing;
      } catch (...) {  // from claim: out of memory, the mutex is held
        failure = std::current_exception();
      }
      if (failure && !failure_) failure_ = failure;
      batch_done_.notify_all();
    }
  }

  const ImageSet& images_;
  const LoaderSettings settings_;
  Augmenter own_;
  std::mutex mutex_;
  std::condition_variable work_there_, batch_done_;
  std::vector<Slot> slots_;
  std::vector<std::size_t> order_;
  std::uint64_t epoch_ = 0;
  std::size_t next_item_ = 0, next_batch_ = 0, first_batch_ = 0, in_work_ = 0;
  std::exception_ptr failure_;
  bool stop_ = false;
  std::vector<std::jthread> threads_;  // last: joined before anything above is destroyed
};

BatchLoader::BatchLoader(const ImageSet& images, const LoaderSettings& settings) {
  check_loader(images, settings);
  implementation_ = std::make_unique<Implementation>(images, settings);
}

BatchLoader::~BatchLoader() = default;

std::size_t BatchLoader::batch_count() const {
  return implementation_->batch_count();
}

void BatchLoader::start_epoch(std::uint64_t epoch, std::size_t first_batch) {
  implementation_->start_epoch(epoch, first_batch);
}

const Batch* BatchLoader::next() {
  return implementation_->next();
}

}  // namespace xr::data
