#include "tests/ops/guarded_buffer.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "kernels/common/random.h"
#include "tests/ops/tolerance.h"

#if defined(__SANITIZE_ADDRESS__)
#define XR_HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define XR_HAS_ASAN 1
#endif
#endif
#if defined(XR_HAS_ASAN)
#include <sanitizer/asan_interface.h>
#endif

namespace xr::tests {

namespace {

constexpr std::size_t guard_bytes = 256;  // a multiple of the 64-byte alignment

/// Calls visit(logical index, index in memory) for all elements.
template <class Visit>
void for_each_position(const View& view, Visit&& visit) {
  const Shape& s = view.shape;
  if (view.layout == Layout::contiguous) {
    for (std::int64_t i = 0; i < s.numel(); ++i) visit(i, i);
    return;
  }
  std::int64_t i = 0;
  for (std::int64_t n = 0; n < s[0]; ++n)
    for (std::int64_t c = 0; c < s[1]; ++c)
      for (std::int64_t h = 0; h < s[2]; ++h) {
        const std::int64_t row = kernels::offset_of(view.layout, s, n, c, h, 0);
        const std::int64_t step = s[3] > 1 ? kernels::offset_of(view.layout, s, n, c, h, 1) - row : 0;
        for (std::int64_t w = 0; w < s[3]; ++w) visit(i++, row + w * step);
      }
}

template <class T>
void store(std::byte* data, std::int64_t position, T value) {
  std::memcpy(data + static_cast<std::size_t>(position) * sizeof(T), &value, sizeof(T));
}

template <class T>
T load(const std::byte* data, std::int64_t position) {
  T value;
  std::memcpy(&value, data + static_cast<std::size_t>(position) * sizeof(T), sizeof(T));
  return value;
}

template <class Visit>
void with_element_type(DType dtype, Visit&& visit) {
  struct Bf16 {
    std::uint16_t bits;
    static Bf16 from(double value) {
      const double held = rounded(value, DType::bf16);
      return {static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(static_cast<float>(held)) >> 16)};
    }
    explicit operator double() const {
      return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16));
    }
  };
  switch (dtype) {
    case DType::f32:
      return visit([](double value) { return static_cast<float>(value); });
    case DType::bf16:
      return visit(Bf16::from);
    case DType::i64:
      return visit([](double value) { return static_cast<std::int64_t>(value); });
    case DType::i32:
      return visit([](double value) { return static_cast<std::int32_t>(value); });
    case DType::u8:
      return visit([](double value) { return static_cast<std::uint8_t>(value); });
  }
}

}  // namespace

Tensor decode(const View& view, const std::vector<std::byte>& bytes) {
  Tensor values(view.shape);
  with_element_type(view.dtype, [&](auto convert) {
    using Element = decltype(convert(0.0));
    for_each_position(view, [&](std::int64_t i, std::int64_t position) {
      values[i] = static_cast<double>(load<Element>(bytes.data(), position));
    });
  });
  return values;
}

GuardedBuffer::GuardedBuffer(Backend& backend, const Shape& shape, DType dtype, Layout layout,
                             std::size_t shift)
    : backend_(backend), guards_(2 * guard_bytes) {
  view_.shape = shape;
  view_.dtype = dtype;
  view_.layout = layout;
  data_bytes_ = view_.bytes();
  // NaN as f32 and different in every word, so that reading a guard spoils a result and copying one is seen.
  Philox random(7, reinterpret_cast<std::uintptr_t>(this));
  for (std::size_t word = 0; word < guards_.size() / 4; ++word)
    store(guards_.data(), static_cast<std::int64_t>(word), 0x7FC00000u | random.next_u32() | 1u);
  all_bytes_ = data_bytes_ + guards_.size() + shift;
  memory_ = static_cast<std::byte*>(backend_.allocate(all_bytes_));
  view_.data = memory_ + guard_bytes + shift;
  backend_.copy_from_host(memory_, guards_.data(), guard_bytes);
  backend_.copy_from_host(end_of_data(), guards_.data() + guard_bytes, guard_bytes);
  backend_.synchronize();
  hide_guards(true);
}

GuardedBuffer::~GuardedBuffer() {
  hide_guards(false);
  backend_.deallocate(memory_, all_bytes_);
}

// AddressSanitizer then stops at a read of a guard, too, if the memory is the host's.
void GuardedBuffer::hide_guards([[maybe_unused]] bool hidden) const {
#if defined(XR_HAS_ASAN)
  if (backend_.name().starts_with("cuda")) return;
  for (const std::byte* zone : {memory_, end_of_data()}) {
    if (hidden)
      ASAN_POISON_MEMORY_REGION(zone, guard_bytes);
    else
      ASAN_UNPOISON_MEMORY_REGION(zone, guard_bytes);
  }
#endif
}

void GuardedBuffer::write(const Tensor& values) {
  XR_CHECK(values.shape == view_.shape, "values of shape {} for a buffer of shape {}",
           values.shape.to_string(), view_.shape.to_string());
  std::vector<std::byte> host(data_bytes_);
  with_element_type(view_.dtype, [&](auto convert) {
    for_each_position(view_, [&](std::int64_t i, std::int64_t position) {
      store(host.data(), position, convert(values[i]));
    });
  });
  backend_.copy_from_host(view_.data, host.data(), host.size());
  backend_.synchronize();
}

void GuardedBuffer::poison() {
  const std::vector<std::byte> host(data_bytes_, std::byte{0xFF});
  backend_.copy_from_host(view_.data, host.data(), host.size());
  backend_.synchronize();
}

std::vector<std::byte> GuardedBuffer::bytes() const {
  std::vector<std::byte> host(data_bytes_);
  backend_.copy_to_host(host.data(), view_.data, host.size());
  return host;
}

Tensor GuardedBuffer::read() const {
  return decode(view_, bytes());
}

std::string GuardedBuffer::guard_damage() const {
  std::vector<std::byte> now(guards_.size());
  hide_guards(false);
  backend_.copy_to_host(now.data(), memory_, guard_bytes);
  backend_.copy_to_host(now.data() + guard_bytes, end_of_data(), guard_bytes);
  hide_guards(true);
  for (std::size_t i = guard_bytes; i-- > 0;)
    if (now[i] != guards_[i]) return fmt::format("byte {} before the data was overwritten", guard_bytes - i);
  for (std::size_t i = guard_bytes; i < now.size(); ++i)
    if (now[i] != guards_[i])
      return fmt::format("byte {} after the data was overwritten", i - guard_bytes + 1);
  return {};
}

}  // namespace xr::tests
