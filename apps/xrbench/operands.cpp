#include "apps/xrbench/operands.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/common/bf16.h"
#include "kernels/common/parallel.h"
#include "kernels/common/random.h"

namespace xr::bench {

namespace {

using kernels::AugmentRecord;
using kernels::Bf16;
using kernels::DType;
using kernels::View;

constexpr std::int64_t piece = std::int64_t{1} << 24;  // elements that the host holds at once
constexpr std::int64_t grain = 65536;                  // elements that a thread takes at once

/// Random numbers for operands of any length: a table whose length is a prime, repeated from a random place
/// on. Drawing and uploading each element would take longer than the measurement.
class Table {
 public:
  explicit Table(Values values) : numbers_(length) {
    Philox random(2026, static_cast<std::uint64_t>(values));
    for (float& number : numbers_) {
      number = values == Values::positive ? random.uniform(0.5f, 1.5f) : random.normal();
      if (values == Values::bytes || values == Values::labels)
        number = static_cast<float>(random.below(values == Values::bytes ? 256 : 2));
    }
  }

  static const Table& of(Values values) {
    static const Table normal(Values::normal), positive(Values::positive), bytes(Values::bytes),
        labels(Values::labels);
    return values == Values::positive ? positive
           : values == Values::bytes  ? bytes
           : values == Values::labels ? labels
                                      : normal;
  }

  [[nodiscard]] float at(std::uint64_t index) const { return numbers_[index % length]; }

  static constexpr std::int64_t length = 1048583;

 private:
  std::vector<float> numbers_;
};

AugmentRecord draw_record(Philox& random, std::int64_t image_size) {
  const auto size = static_cast<std::int32_t>(image_size), margin = size / 10;
  AugmentRecord record;
  record.x = static_cast<std::int32_t>(random.below(static_cast<std::uint32_t>(margin + 1)));
  record.y = static_cast<std::int32_t>(random.below(static_cast<std::uint32_t>(margin + 1)));
  record.width = record.height = size - margin;
  record.flip = static_cast<std::int32_t>(random.below(2));
  const float angle = random.uniform(-0.2f, 0.2f);
  record.cosine = std::cos(angle);
  record.sine = std::sin(angle);
  record.shift_x = random.uniform(-0.05f, 0.05f);
  record.shift_y = random.uniform(-0.05f, 0.05f);
  record.zoom = random.uniform(0.9f, 1.1f);
  record.brightness = random.uniform(-0.1f, 0.1f);
  record.contrast = random.uniform(0.9f, 1.1f);
  return record;
}

/// Host bytes of the first `count` elements of an operand.
template <class T, class Element>
std::vector<std::byte> make_bytes(std::int64_t count, Element&& element) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(count) * sizeof(T));
  kernels::parallel_ranges(count, grain, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      const T value = element(i);
      std::memcpy(bytes.data() + static_cast<std::size_t>(i) * sizeof(T), &value, sizeof(T));
    }
  });
  return bytes;
}

std::vector<std::byte> make_records(const Operand& operand, std::uint64_t seed) {
  Philox random(seed, 7);
  std::vector<std::byte> bytes(static_cast<std::size_t>(operand.shape.numel()));
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(AugmentRecord)) {
    const auto side = static_cast<std::int32_t>(operand.image_size);
    const AugmentRecord record = operand.values == Values::records
                                     ? draw_record(random, operand.image_size)
                                     : AugmentRecord{.width = side, .height = side};
    std::memcpy(bytes.data() + at, &record, sizeof record);
  }
  return bytes;
}

/// The first elements in the operand's type: all, or as many as then repeat.
std::vector<std::byte> draw(const Operand& operand, DType rounded_to, std::uint64_t seed) {
  if (operand.values == Values::records || operand.values == Values::whole_image_records)
    return make_records(operand, seed);
  if (operand.values == Values::indices)
    return make_bytes<std::int64_t>(operand.shape.numel(), [](std::int64_t i) { return i; });
  const std::int64_t count = std::min(operand.shape.numel(), Table::length);
  const Table& table = Table::of(operand.values);
  const auto number = [&](std::int64_t i) {
    const float value = table.at(seed + static_cast<std::uint64_t>(i));
    return rounded_to == DType::bf16 ? kernels::to_float(kernels::from_float<Bf16>(value)) : value;
  };
  switch (operand.dtype) {
    case DType::f32:
      return make_bytes<float>(count, number);
    case DType::bf16:
      return make_bytes<Bf16>(count, [&](std::int64_t i) { return kernels::from_float<Bf16>(number(i)); });
    case DType::u8:
      return make_bytes<std::uint8_t>(count,
                                      [&](std::int64_t i) { return static_cast<std::uint8_t>(number(i)); });
    default:
      return make_bytes<std::int64_t>(count,
                                      [&](std::int64_t i) { return static_cast<std::int64_t>(number(i)); });
  }
}

/// Of differences from what is expected, and of that.
struct Sums {
  double error = 0, norm = 0;
  Sums& operator+=(const Sums& other) {
    error += other.error;
    norm += other.norm;
    return *this;
  }
};

/// On all threads.
Sums squares(const std::vector<float>& computed, const float* wanted) {
  const auto count = static_cast<std::int64_t>(computed.size());
  std::vector<Sums> parts(static_cast<std::size_t>((count + grain - 1) / grain));
  kernels::parallel_ranges(count, grain, [&](std::int64_t begin, std::int64_t end) {
    Sums part;
    for (std::int64_t k = begin; k < end; ++k) {
      const double expected = wanted[k],
                   d = static_cast<double>(computed[static_cast<std::size_t>(k)]) - expected;
      part += {d * d, expected * expected};
    }
    parts[static_cast<std::size_t>(begin / grain)] = part;
  });
  Sums all;
  for (const Sums& part : parts) all += part;
  return all;
}

/// Calls action(count, device address of begin) for pieces of a view.
template <class Action>
void for_pieces(const View& view, Action&& action) {
  const auto element = static_cast<std::int64_t>(kernels::size_of(view.dtype));
  for (std::int64_t begin = 0; begin < view.numel(); begin += piece)
    action(begin, std::min(begin + piece, view.numel()),
           static_cast<std::byte*>(view.data) + begin * element);
}

}  // namespace

Operands::Operands(kernels::Backend& backend, const Operation& operation)
    : backend_(backend), operation_(operation) {
  views_.reserve(operation.call.operands.size());
  try {
    for (const Operand& operand : operation.call.operands) {
      View view;
      if (!operand.defined) {
        views_.push_back(view);
        continue;
      }
      view.shape = operand.shape;
      view.dtype = operand.dtype;
      view.layout = operand.layout;
      view.data = backend.allocate(view.bytes());
      views_.push_back(view);
    }
  } catch (...) {
    free_all();
    throw;
  }
}

Operands::~Operands() {
  free_all();
}

void Operands::free_all() {
  for (const View& view : views_)
    if (view.defined()) backend_.deallocate(view.data, view.bytes());
}

void Operands::fill_one(std::size_t index, const Operand& type, std::uint64_t seed) {
  const View& view = views_[index];
  const std::vector<std::byte> bytes = draw(operation_.call.operands[index], type.dtype, seed);
  backend_.copy_from_host(view.data, bytes.data(), bytes.size());
  backend_.synchronize();
  auto* const begin = static_cast<std::byte*>(view.data);
  for (std::size_t done = bytes.size(); done > 0 && done < view.bytes();) {
    const std::size_t next = std::min(done, view.bytes() - done);
    backend_.copy(begin + done, begin, next);
    done += next;
  }
}

void Operands::fill_roles(std::initializer_list<Role> roles, const Operation& types, std::uint64_t seed) {
  for (std::size_t i = 0; i < views_.size(); ++i)
    if (views_[i].defined() && std::ranges::find(roles, operation_.call.operands[i].role) != roles.end())
      fill_one(i, types.call.operands[i], philox(seed, 1, i).word[0]);
}

void Operands::fill(const Operation& types, std::uint64_t seed) {
  fill_roles({Role::input, Role::state, Role::scratch}, types, seed);
}

void Operands::redraw_states(const Operation& types, std::uint64_t seed) {
  fill_roles({Role::state}, types, seed);
}

void Operands::poison() {
  for (std::size_t i = 0; i < views_.size(); ++i) {
    const View& view = views_[i];
    if (operation_.call.operands[i].role != Role::output || !view.defined()) continue;
    // The first piece comes from the host, the others from it: the device copies faster.
    const std::size_t element = kernels::size_of(view.dtype);
    const std::vector<std::uint8_t> bytes(static_cast<std::size_t>(std::min(view.numel(), piece)) * element,
                                          0xFF);
    backend_.copy_from_host(view.data, bytes.data(), bytes.size());
    backend_.synchronize();
    for_pieces(view, [&](std::int64_t begin, std::int64_t end, void* device) {
      if (begin > 0) backend_.copy(device, view.data, static_cast<std::size_t>(end - begin) * element);
    });
  }
  backend_.synchronize();
}

bool Operands::is_compared(std::size_t index) const {
  const Role role = operation_.call.operands[index].role;
  return views_[index].defined() && (role == Role::output || role == Role::state);
}

void Operands::read(const View& view, std::int64_t begin, std::int64_t end, float* to) const {
  const std::size_t count = static_cast<std::size_t>(end - begin), element = kernels::size_of(view.dtype);
  const std::byte* const device =
      static_cast<std::byte*>(view.data) + static_cast<std::size_t>(begin) * element;
  if (view.dtype == DType::f32) return backend_.copy_to_host(to, device, count * element);
  XR_CHECK(view.dtype == DType::bf16, "{}: a result of type {} cannot be compared", operation_.name,
           name_of(view.dtype));
  std::vector<Bf16> numbers(count);
  backend_.copy_to_host(numbers.data(), device, count * element);
  kernels::parallel_ranges(end - begin, grain, [&](std::int64_t first, std::int64_t last) {
    std::transform(numbers.data() + first, numbers.data() + last, to + first,
                   [](Bf16 number) { return kernels::to_float(number); });
  });
}

Results Operands::results() const {
  backend_.synchronize();
  Results results;
  for (std::size_t i = 0; i < views_.size(); ++i)
    if (is_compared(i)) {
      results.emplace_back(static_cast<std::size_t>(views_[i].numel()));
      for_pieces(views_[i], [&](std::int64_t begin, std::int64_t end, const void*) {
        read(views_[i], begin, end, results.back().data() + begin);
      });
    }
  return results;
}

double Operands::difference(const Results& expected) const {
  backend_.synchronize();
  double largest = 0;
  std::size_t next = 0;
  std::vector<float> computed;
  for (std::size_t i = 0; i < views_.size(); ++i) {
    if (!is_compared(i)) continue;
    const std::vector<float>& wanted = expected.at(next++);
    Sums sums;
    for_pieces(views_[i], [&](std::int64_t begin, std::int64_t end, const void*) {
      computed.resize(static_cast<std::size_t>(end - begin));
      read(views_[i], begin, end, computed.data());
      sums += squares(computed, wanted.data() + begin);
    });
    const double relative = sums.error == 0 ? 0 : std::sqrt(sums.error / sums.norm);
    if (!(relative <= largest)) largest = relative;  // keeps a NaN
    if (std::isnan(largest)) break;
  }
  return largest;
}

}  // namespace xr::bench
