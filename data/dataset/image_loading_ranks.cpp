// A loading that several ranks share.
#include "data/content_hash.h"
#include "data/dataset/image_loading.h"
#include "engine/io/file.h"
#include "kernels/common/error.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace xr::data {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_shared_parts = 64;  // of one loading: files that stay mapped

/// A stamp does not tell, and on another host the same file may be for other users.
void require_readable(const fs::path& path) {
  XR_CHECK(::eaccess(path.c_str(), R_OK) == 0, "cannot read {}: {}", engine::quote_name(path),
           std::strerror(errno));
}

/// Of the images with these checksums.
struct KeyedSummary {
  std::uint64_t key = 0;
  PixelSummary pixels;
};

}  // namespace

void ImageLoading::share_decoding() {
  set.decoded_by.resize(static_cast<std::size_t>(settings_.ranks->size()));
  const std::size_t part =
      std::max(settings_.cache_part, (samples_.size() + max_shared_parts - 1) / max_shared_parts);
  try {
    for (std::size_t begin = 0; begin < samples_.size(); begin += part) {
      share_part(begin, std::min(part, samples_.size() - begin));
      if (is_writer_ && changed_) save_if_due();
    }
  } catch (...) {
    save_what_is_there();
    throw;
  }
  for (const std::size_t images : set.decoded_by) set.decoded += images;
}

void ImageLoading::save_what_is_there() {
  if (!is_writer_ || !changed_) return;
  try {
    cache_->save();
  } catch (const Error&) {
    return;  // what ended the loading is reported, and these images are decoded again
  }
}

/// What is known of a part's files without decoding them, and why those cannot be read that cannot.
std::vector<RankFile> ImageLoading::look_at_files(std::size_t begin, std::span<std::string> reasons) const {
  std::vector<RankFile> files(reasons.size());
  run_jobs(files.size(), settings_.workers, {}, [&](std::size_t i) {
    const fs::path path = directory_ / samples_[begin + i].path;
    const Place& place = images_[begin + i];
    const bool is_cached = place.pixels != nullptr;
    try {
      require_readable(path);
      files[i] = {is_cached ? place.stamp : lasting_stamp_of(path), place.content, 0, is_cached ? 1u : 0u};
    } catch (const Error& error) {
      files[i].unreadable = 1;
      reasons[i] = error.what();
    }
  });
  return files;
}

void ImageLoading::share_part(std::size_t begin, std::size_t count) {
  engine::Communicator& ranks = *settings_.ranks;
  const int me = ranks.rank();
  std::vector<std::string> reasons(count);
  const auto content_of = [&](std::size_t i) {
    try {
      return file_content_hash(directory_ / samples_[begin + i].path);
    } catch (const Error& error) {
      reasons[i] = error.what();
      throw;
    }
  };
  const RankFiles files(ranks, look_at_files(begin, reasons), content_of, settings_.workers);
  if (const auto bad = files.first_unreadable())
    stop_ranks(ranks, bad->rank,
               fmt::format("{}; {} can read its file of this name: give all ranks the same files",
                           reasons[bad->image], ranks.describe(bad->readable_by)));
  if (files.are_all_cached()) return;
  std::vector<RankImage> images(count);
  std::vector<Job> jobs(count);
  std::size_t missing = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Place& place = images_[begin + i];
    images[i] = {place.pixels, place.facts, place.fingerprint, place.content, place.checksum, {}};
    jobs[i].sample = begin + i;
    missing += files.is_cached(me, i) ? 0 : 1;
  }
  RankImages shared(ranks, groups_, files, images,
                    {set.image_bytes(), slot_bytes(settings_.format) - set.image_bytes()});
  shared.open([&] { return make_segment(shared.slots().size()); },
              [&](std::uint64_t id) { return cache_->open_segment(id, shared.slots().size()); });
  try {
    decode_own(shared, missing, jobs, images);
  } catch (...) {
    add_shared(shared, jobs);
    throw;
  }
  shared.exchange(settings_.strict);
  for (std::size_t i = 0; i < count; ++i) {
    if (files.is_cached(me, i)) continue;
    const RankImage& image = images[i];
    jobs[i].done = image.failure.empty();
    if (!jobs[i].done) set.skipped.push_back({samples_[begin + i].path, image.failure});
    if (!jobs[i].done) continue;
    images_[begin + i] = {image.pixels, image.facts, image.fingerprint, image.checksum, 0, {}};
    jobs[i].entry = {files.file(me, i).stamp, image.content, image.fingerprint, 0, 0, image.checksum};
  }
  add_shared(shared, jobs);
  if (shared.map()) hold(shared.map());
  if (shared.block()) hold(shared.block());
  shared_ += missing;
  set.received_bytes += shared.received_bytes();
  for (std::size_t rank = 0; rank < set.decoded_by.size(); ++rank)
    set.decoded_by[rank] += shared.decoded_by(static_cast<int>(rank));
}

/// Those of a part that this rank decodes, of those that it lacks.
void ImageLoading::decode_own(RankImages& shared, std::size_t missing, std::span<Job> jobs,
                              std::span<RankImage> images) {
  const std::vector<std::size_t>& own = shared.own();
  Progress progress;
  if (settings_.progress)
    progress = [&](std::size_t done, std::size_t all) {
      settings_.progress(shared_ + missing * done / all, missing_);
    };
  run_jobs(own.size(), settings_.workers, progress, [&](std::size_t k) {
    Job& job = jobs[own[k]];
    RankImage& image = images[own[k]];
    const std::vector<std::uint8_t> slot = try_to_decode(job);
    image.failure = job.failure;
    if (!job.failure.empty()) return;
    image.fingerprint = job.entry.fingerprint;
    image.content = job.entry.content;
    image.checksum = job.entry.checksum;
    shared.keep(own[k], slot);
    job.done = true;
  });
}

/// Adds to the cache what is done and lies in the segment.
void ImageLoading::add_shared(RankImages& shared, std::span<const Job> jobs) {
  if (!is_writer_ || shared.segment() == nullptr) return;
  std::vector<std::pair<std::string, ImageCache::Entry>> entries;
  for (std::size_t slot = 0; slot < shared.slots().size(); ++slot) {
    const Job& job = jobs[shared.slots()[slot]];
    if (!job.done) continue;
    entries.emplace_back(samples_[job.sample].path, job.entry);
    entries.back().second.slot = slot;
  }
  if (entries.empty()) return;
  CacheSegment& segment = *shared.segment();
  cache_->add(segment, shared.map() ? shared.map() : segment.map(), entries);
  changed_ = true;
  if (is_worth_syncing(missing_))
    syncs_.emplace_back(segment.id(), std::async(std::launch::async, CacheSegment::sync, segment.path()));
}

/// The ranks of a group have the same pages in memory: the first works it out.
void ImageLoading::share_summary() {
  const std::vector<std::uint64_t> own = checksums();
  if (cache_) set.summary = cache_->find_summary(own);
  if (!set.summary && is_writer_) {
    set.summary = summarize(set);
    if (cache_) cache_->add_summary(own, *set.summary);
    changed_ = true;
  }
  const KeyedSummary mine{content_hash(std::as_bytes(std::span(own))), set.summary.value_or(PixelSummary{})};
  std::vector<KeyedSummary> all(groups_.size());
  settings_.ranks->all_gather(std::as_bytes(std::span(&mine, 1)), std::as_writable_bytes(std::span(all)));
  const auto first = static_cast<std::size_t>(groups_[static_cast<std::size_t>(settings_.ranks->rank())]);
  if (!set.summary) set.summary = all[first].key == mine.key ? all[first].pixels : summarize(set);
}

}  // namespace xr::data
