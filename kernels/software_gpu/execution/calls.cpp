// printf and assert of kernels.
#include <bit>
#include <cstdio>
#include <cstring>
#include <string>

#include "kernels/software_gpu/block.h"
#include "kernels/software_gpu/handlers.h"
#include "kernels/software_gpu/memory/access.h"

namespace xr::software_gpu {

namespace {

/// A lane's value of a parameter that was stored before the call.
template <class T>
T parameter(const Warp& warp, const Instruction& instruction, int index, int lane) {
  const u64 offset = *warp.reg<const u64>(instruction.sources[index]);
  T value;
  std::memcpy(&value, warp.local.data() + static_cast<u64>(lane) * warp.block->kernel->local_bytes + offset,
              sizeof(value));
  return value;
}

/// Memory of a generic address.
const u8* memory_at(Warp& warp, const Instruction& instruction, int lane, u64 address, u32 bytes) {
  if ((address & ~(local_window - 1)) != local_window)
    return global_at(warp, instruction, lane, address, bytes, Access::read);
  const u64 offset = address - local_window, size = warp.block->kernel->local_bytes;
  if (offset + bytes > size) fault(warp, instruction, lane, "printf reads beyond local memory");
  return warp.local.data() + static_cast<u64>(lane) * size + offset;
}

std::string text_at(Warp& warp, const Instruction& instruction, int lane, u64 address) {
  std::string text;
  while (const u8 c = *memory_at(warp, instruction, lane, address + text.size(), 1))
    text += static_cast<char>(c);
  return text;
}

/// The arguments of a printf: as in a structure, numbers below 4 bytes as int, float as double.
class Arguments {
 public:
  Arguments(Warp& warp, const Instruction& instruction, int lane, u64 address)
      : warp_(warp), instruction_(instruction), lane_(lane), address_(address) {}

  template <class T>
  T next() {
    at_ = (at_ + sizeof(T) - 1) / sizeof(T) * sizeof(T);
    T value;
    std::memcpy(&value, memory_at(warp_, instruction_, lane_, address_ + at_, sizeof(T)), sizeof(T));
    at_ += sizeof(T);
    return value;
  }

 private:
  Warp& warp_;
  const Instruction& instruction_;
  int lane_;
  u64 address_, at_ = 0;
};

template <class... T>
std::string formatted(const std::string& specification, T... values) {
  char text[512];
  std::snprintf(text, sizeof(text), specification.c_str(), values...);
  return text;
}

std::string format(Warp& warp, const Instruction& instruction, int lane, const std::string& text,
                   Arguments from) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '%') {
      result += text[at++];
      continue;
    }
    const std::size_t end = text.find_first_of("diouxXcsfFeEgGaAp%", at + 1);
    if (end == std::string::npos)
      fault(warp, instruction, lane, "printf: a format that is not known: " + text);
    const std::string one = text.substr(at, end + 1 - at);
    const bool is_long = one.find('l') != std::string::npos;
    if (one.find('*') != std::string::npos)
      fault(warp, instruction, lane, "printf: a width from an argument");
    const char kind = text[end];
    if (kind == '%')
      result += '%';
    else if (kind == 's')
      result += formatted(one, text_at(warp, instruction, lane, from.next<u64>()).c_str());
    else if (kind == 'p')
      result += hex(from.next<u64>());
    else if (std::string("fFeEgGaA").find(kind) != std::string::npos)
      result += formatted(one, from.next<double>());
    else
      result += is_long ? formatted(one, from.next<u64>()) : formatted(one, from.next<u32>());
    at = end + 1;
  }
  return result;
}

// Sources: the format, the arguments, where the result goes.
void print(Warp& warp, const Instruction& instruction, u32 lanes) {
  each(lanes, [&](int lane) {
    const std::string text = text_at(warp, instruction, lane, parameter<u64>(warp, instruction, 0, lane));
    const Arguments from(warp, instruction, lane, parameter<u64>(warp, instruction, 1, lane));
    std::fputs(format(warp, instruction, lane, text, from).c_str(), stdout);
    const u64 result = *warp.reg<const u64>(instruction.sources[2]);
    const s32 done = 1;
    std::memcpy(warp.local.data() + static_cast<u64>(lane) * warp.block->kernel->local_bytes + result, &done,
                sizeof(done));
  });
}

// Parameters: the condition, the file, the line, the function.
void fail_assertion(Warp& warp, const Instruction& instruction, u32 lanes) {
  const int lane = std::countr_zero(lanes);
  const auto text = [&](int index) {
    return text_at(warp, instruction, lane, parameter<u64>(warp, instruction, index, lane));
  };
  try {
    fault(warp, instruction, lane,
          "assertion failed: " + text(0) + ", " + text(1) + ":" +
              std::to_string(parameter<u32>(warp, instruction, 2, lane)) + ", in " + text(3));
  } catch (const Fault& error) {
    throw FailedAssertion(error.what());
  }
}

}  // namespace

Handler call_handler(std::string_view function) {
  return function == "vprintf" ? print : function == "__assertfail" ? fail_assertion : nullptr;
}

}  // namespace xr::software_gpu
