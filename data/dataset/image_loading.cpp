#include "data/dataset/image_loading.h"

#include "data/content_hash.h"
#include "data/dataset/stored_image.h"
#include "engine/io/file.h"
#include "kernels/common/error.h"

#include <algorithm>
#include <cstdint>

namespace xr::data {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_parts = 64;    // of one loading: files that stay mapped
constexpr int index_writing_share = 20;  // at most one of so many seconds goes into writing the index

}  // namespace

ImageLoading::ImageLoading(const fs::path& directory, std::span<const Sample> samples,
                           const LoadSettings& settings)
    : directory_(directory), samples_(samples), settings_(settings), images_(samples.size()) {
  set.channels = settings.format.channels;
  set.size = settings.format.size;
  fs::path index_file;
  if (!settings.cache_directory.empty())
    index_file = ImageCache::file_for(settings.cache_directory, directory, settings.format);
  if (settings.ranks != nullptr) {
    groups_ = find_groups(*settings.ranks, index_file);
    is_writer_ = groups_[static_cast<std::size_t>(settings.ranks->rank())] == settings.ranks->rank();
  }
  if (index_file.empty()) return;
  cache_.emplace(index_file, settings.format);
  storing_ = true;
}

void ImageLoading::look_into_cache() {
  std::vector<std::optional<ImageCache::Hit>> hits(samples_.size());
  if (cache_ && cache_->size() > 0)
    run_jobs(samples_.size(), settings_.workers, settings_.cache_progress,
             [&](std::size_t i) { hits[i] = cache_->find(samples_[i].path, directory_ / samples_[i].path); });
  std::shared_ptr<const engine::MappedFile> held;
  std::size_t verified = 0;
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    if (!hits[i]) {
      jobs_.emplace_back();
      jobs_.back().sample = i;
      continue;
    }
    images_[i] = {hits[i]->pixels,   hits[i]->facts,   hits[i]->fingerprint,
                  hits[i]->checksum, hits[i]->content, hits[i]->file_stamp};
    if (hits[i]->file != held) hold(held = hits[i]->file);
    if (hits[i]->stamp) cache_->restamp(samples_[i].path, *hits[i]->stamp);
    changed_ = changed_ || hits[i]->stamp;
    verified += hits[i]->verified ? 1 : 0;
  }
  missing_ = jobs_.size();
  if (verified > 0 && is_writer_ && is_worth_syncing(verified))
    changed_ = cache_->trust_verified(hits) > 0 || changed_;
}

/// Of few images the checksums are worked out sooner than the disk has taken them.
bool ImageLoading::is_worth_syncing(std::size_t images) const {
  return images * slot_bytes(settings_.format) >= settings_.min_synced_bytes;
}

/// Fills the entry; gives the pixels and the print.
std::vector<std::uint8_t> ImageLoading::decode(Job& job, const fs::path& path) const {
  job.entry.stamp = lasting_stamp_of(path);  // before reading: a file that changes meanwhile is noticed
  if (cache_) job.entry.content = file_content_hash(path);
  StoredFormat whole = settings_.format;
  whole.mask = Mask::none;  // the cache serves all masks
  const auto [decoded, notes] = read_with_notes(path, whole.channels, settings_.limits, whole.depths);
  job.entry.fingerprint = fingerprint_of(decoded);
  std::vector<std::uint8_t> slot = stored_pixels(decoded, whole);
  slot.resize(slot_bytes(whole));
  write_facts(slot, print_of(decoded), marks_of(notes));
  job.entry.checksum = content_hash(std::as_bytes(std::span(slot)));
  return slot;
}

/// The same, with the reason in the job instead of an exception if the file cannot be used.
std::vector<std::uint8_t> ImageLoading::try_to_decode(Job& job) const {
  const fs::path path = directory_ / samples_[job.sample].path;
  try {
    return decode(job, path);
  } catch (const std::bad_alloc&) {
    job.failure = fmt::format("not enough memory to decode {}", engine::quote_name(path));
  } catch (const std::exception& error) {
    job.failure = error.what();
  }
  return {};
}

void ImageLoading::decode_missing() {
  if (jobs_.empty()) return;
  const std::size_t part =
      storing_ ? std::max(settings_.cache_part, (jobs_.size() + max_parts - 1) / max_parts) : jobs_.size();
  for (std::size_t begin = 0; begin < jobs_.size(); begin += part) {
    decode_part(std::span(jobs_).subspan(begin, std::min(part, jobs_.size() - begin)), begin);
    save_if_due();
  }
  for (const Job& job : jobs_)
    if (!job.failure.empty()) set.skipped.push_back({samples_[job.sample].path, job.failure});
  changed_ = changed_ || set.decoded > 0;
}

void ImageLoading::decode_part(std::span<Job> jobs, std::size_t jobs_before) {
  const std::size_t bytes = slot_bytes(settings_.format);
  const std::unique_ptr<CacheSegment> segment = make_segment(jobs.size());
  const std::size_t pixel_bytes = set.image_bytes();
  std::shared_ptr<std::uint8_t[]> block;
  if (!segment) block.reset(new std::uint8_t[jobs.size() * bytes]);
  Progress progress;
  if (settings_.progress)
    progress = [&](std::size_t done, std::size_t) { settings_.progress(jobs_before + done, jobs_.size()); };
  try {
    run_jobs(jobs.size(), settings_.workers, progress, [&](std::size_t i) {
      std::vector<std::uint8_t> slot = try_to_decode(jobs[i]);
      if (settings_.strict && !jobs[i].failure.empty())
        throw Error(jobs[i].failure + "; replace or remove the file");
      if (!jobs[i].failure.empty()) return;
      if (segment)
        store(*segment, i, jobs[i], std::move(slot));
      else
        std::ranges::copy(slot, block.get() + i * bytes);
      jobs[i].done = true;
    });
  } catch (...) {
    if (segment) save_part(*segment, jobs);
    throw;
  }
  const auto map = segment ? segment->map() : nullptr;
  if (map) hold(map);
  if (block) hold(block);
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    Job& job = jobs[i];
    if (!job.done) continue;
    ++set.decoded;
    Place& place = images_[job.sample] = {nullptr, nullptr, job.entry.fingerprint, job.entry.checksum, 0, {}};
    if (job.stored) {
      place.pixels = reinterpret_cast<const std::uint8_t*>(map->bytes().data()) + i * pixel_bytes;
      place.facts = reinterpret_cast<const std::uint8_t*>(map->bytes().data()) + jobs.size() * pixel_bytes +
                    i * (bytes - pixel_bytes);
      continue;
    }
    if (segment) {
      auto own = std::make_shared<const std::vector<std::uint8_t>>(std::move(job.slot));
      place.pixels = own->data();
      set.holders.push_back(own);
    } else {
      place.pixels = block.get() + i * bytes;
    }
    place.facts = place.pixels + pixel_bytes;
  }
  if (segment) add_to_cache(*segment, map, jobs);
  if (segment && is_worth_syncing(jobs_.size()))
    syncs_.emplace_back(segment->id(), std::async(std::launch::async, CacheSegment::sync, segment->path()));
}

/// The jobs of a segment that are stored.
void ImageLoading::add_to_cache(CacheSegment& segment, const std::shared_ptr<const engine::MappedFile>& map,
                                std::span<const Job> jobs) {
  std::vector<std::pair<std::string, ImageCache::Entry>> entries;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (!jobs[i].stored) continue;
    entries.emplace_back(samples_[jobs[i].sample].path, jobs[i].entry);
    entries.back().second.slot = i;
  }
  if (!entries.empty()) cache_->add(segment, map, entries);
}

/// What was decoded of a part that ends by an exception.
void ImageLoading::save_part(CacheSegment& segment, std::span<const Job> jobs) {
  try {
    add_to_cache(segment, segment.map(), jobs);
    cache_->save();
  } catch (const Error&) {
    return;  // what ended the loading is reported, and these images are decoded again
  }
}

/// Not after every part: of many images the index is large.
void ImageLoading::save_if_due() {
  const Clock::time_point started = Clock::now();
  const bool always = settings_.cache_interval.count() == 0;
  const auto interval = std::max<Clock::duration>(settings_.cache_interval, index_writing_share * saving_);
  if (!storing_ || (!always && started - saved_ < interval)) return;
  try {
    cache_->save();
  } catch (const Error& error) {
    warn(error.what());
  }
  saved_ = Clock::now();
  saving_ = saved_ - started;
}

void ImageLoading::fill_set() {
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    if (images_[i].pixels == nullptr) continue;
    set.rows.push_back(images_[i].pixels);
    set.facts.push_back(images_[i].facts);
    set.add_sample(samples_[i]);
    set.fingerprints.push_back(images_[i].fingerprint);
  }
  if (settings_.format.mask != Mask::none)
    mask_images();
  else if (settings_.ranks != nullptr)
    share_summary();
  else if (cache_)
    find_summary();
}

std::vector<std::uint64_t> ImageLoading::checksums() const {
  std::vector<std::uint64_t> result;
  for (const Place& place : images_)
    if (place.pixels != nullptr) result.push_back(place.checksum);
  return result;
}

void ImageLoading::find_summary() {
  const std::vector<std::uint64_t> checksums = this->checksums();
  set.summary = cache_->find_summary(checksums);
  if (set.summary) return;
  set.summary = summarize(set);
  cache_->add_summary(checksums, *set.summary);
  changed_ = true;
}

void ImageLoading::write_cache() {
  if (!cache_ || !changed_ || !is_writer_) return;
  for (auto& [segment, stamp] : syncs_)
    if (const std::optional<FileStamp> synced = stamp.get()) cache_->trust(segment, *synced);
  try {
    cache_->drop_gone(directory_);
    cache_->write();
  } catch (const Error& error) {
    warn(error.what());
  }
}

void ImageLoading::warn(const std::string& what) {
  if (set.warnings.empty())
    set.warnings.push_back(fmt::format("the decoded images are not kept for the next run: {}", what));
}

void ImageLoading::hold(std::shared_ptr<const void> memory) {
  if (std::ranges::find(set.holders, memory) == set.holders.end()) set.holders.push_back(std::move(memory));
}

std::unique_ptr<CacheSegment> ImageLoading::make_segment(std::size_t slots) {
  if (!storing_) return nullptr;
  try {
    return cache_->new_segment(slots);
  } catch (const Error& error) {
    warn(error.what());
    storing_ = false;  // what is stored already stays
    return nullptr;
  }
}

void ImageLoading::store(CacheSegment& segment, std::size_t slot, Job& job, std::vector<std::uint8_t> bytes) {
  try {
    segment.store(slot, bytes);
    job.stored = true;
  } catch (const Error& error) {
    job.slot = std::move(bytes);
    const std::scoped_lock lock(mutex_);
    warn(error.what());
  }
}

/// Copies: the cache serves all masks.
void ImageLoading::mask_images() {
  const std::size_t bytes = slot_bytes(settings_.format);
  const std::shared_ptr<std::uint8_t[]> block(new std::uint8_t[set.rows.size() * bytes]);
  for (std::size_t i = 0; i < set.rows.size(); ++i) {
    std::uint8_t* const copy = block.get() + i * bytes;
    std::copy_n(set.rows[i], set.image_bytes(), copy);
    std::copy_n(set.facts[i], bytes - set.image_bytes(), copy + set.image_bytes());
    apply_mask({copy, set.image_bytes()}, settings_.format);
    set.rows[i] = copy;
    set.facts[i] = copy + set.image_bytes();
  }
  set.holders = {block};
}

}  // namespace xr::data
