// Gives registers that are never needed at the same time one place: nvcc's PTX has thousands, and the caches of
// the host are small. A lane's registers depend on its own path alone, so liveness of one thread is enough;
// registers of different widths stay apart, for their lanes lie differently.
#include "kernels/software_gpu/decode/registers.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "kernels/software_gpu/fault.h"

namespace xr::software_gpu {

namespace {

struct Interval {
  u32 first = ~u32{0}, last = 0;
};

class Allocation {
 public:
  Allocation(Kernel& kernel, const std::unordered_map<u32, u8>& widths) : kernel_(kernel) {
    for (const auto& [place, width] : widths)
      number_[place] = static_cast<u32>(places_.size()), places_.push_back(place), widths_.push_back(width);
    words_ = (places_.size() + 63) / 64;
  }
  void run() {
    find_blocks();
    find_live();
    assign();
  }

 private:
  struct Block {
    u32 begin, end;
    std::vector<u32> next;
    std::vector<u64> live_in, uses, defines;
  };

  static bool test(const std::vector<u64>& set, u32 i) { return (set[i / 64] >> (i % 64) & 1) != 0; }
  static void put(std::vector<u64>& set, u32 i) { set[i / 64] |= u64{1} << (i % 64); }

  /// The number of the register, or nowhere for constants and absent operands.
  u32 number(Operand o) const {
    if ((o & 1) != 0) return nowhere;
    const auto found = number_.find(o);
    if (found == number_.end()) end_program(kernel_.title + ": a register that was not declared");
    return found->second;
  }

  void find_blocks() {
    const auto& code = kernel_.code;
    std::vector<bool> begins(code.size() + 1, false);
    begins[0] = true;
    for (std::size_t i = 0; i < code.size(); ++i) {
      if (code[i].control == Control::branch) begins[static_cast<std::size_t>(code[i].offset)] = true;
      if (code[i].control == Control::branch || code[i].control == Control::exit) begins[i + 1] = true;
    }
    std::vector<u32> block_at(code.size() + 1, nowhere);
    for (u32 i = 0; i < code.size();) {
      u32 end = i + 1;
      while (end < code.size() && !begins[end]) ++end;
      block_at[i] = static_cast<u32>(blocks_.size());
      blocks_.push_back(
          {i, end, {}, std::vector<u64>(words_), std::vector<u64>(words_), std::vector<u64>(words_)});
      i = end;
    }
    for (Block& block : blocks_) {
      const Instruction& last = code[block.end - 1];
      if (last.control == Control::branch)
        block.next.push_back(block_at[static_cast<std::size_t>(last.offset)]);
      const bool goes_on =
          (last.control != Control::branch && last.control != Control::exit) || last.guard != nowhere;
      if (goes_on && block.end < code.size()) block.next.push_back(block_at[block.end]);
      for (u32 i = block.begin; i < block.end; ++i) {
        each_source(code[i], [&](u32 r) {
          if (!test(block.defines, r)) put(block.uses, r);
        });
        if (code[i].guard == nowhere) each_destination(code[i], [&](u32 r) { put(block.defines, r); });
      }
    }
  }

  template <class F>
  void each_source(const Instruction& instruction, F&& f) const {
    for (const Operand o : instruction.sources)
      if (const u32 r = number(o); r != nowhere) f(r);
    if (const u32 r = number(instruction.guard); r != nowhere) f(r);
  }
  template <class F>
  void each_destination(const Instruction& instruction, F&& f) const {
    for (const Operand o : instruction.destinations)
      if (const u32 r = number(o); r != nowhere) f(r);
  }

  void find_live() {
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t b = blocks_.size(); b-- > 0;) {
        Block& block = blocks_[b];
        for (std::size_t word = 0; word < words_; ++word) {
          u64 out = 0;
          for (const u32 next : block.next) out |= blocks_[next].live_in[word];
          const u64 live = block.uses[word] | (out & ~block.defines[word]);
          changed = changed || live != block.live_in[word];
          block.live_in[word] = live;
        }
      }
    }
    intervals_.resize(places_.size());
    const auto reach = [&](u32 r, u32 at) {
      intervals_[r].first = std::min(intervals_[r].first, at);
      intervals_[r].last = std::max(intervals_[r].last, at);
    };
    for (const Block& block : blocks_) {
      for (u32 r = 0; r < places_.size(); ++r) {
        if (test(block.live_in, r)) reach(r, block.begin);
        for (const u32 n : block.next)
          if (test(blocks_[n].live_in, r)) reach(r, block.end);
      }
      for (u32 i = block.begin; i < block.end; ++i) {
        each_source(kernel_.code[i], [&](u32 r) { reach(r, i); });
        each_destination(kernel_.code[i], [&](u32 r) { reach(r, i); });
      }
    }
    for (const auto& special : kernel_.specials) {  // set before the kernel begins, for all blocks
      Interval& i = intervals_[number(special.offset)];
      i = {0, static_cast<u32>(kernel_.code.size())};
    }
  }

  void assign() {
    std::vector<u32> order(places_.size());
    for (u32 i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(),
              [&](u32 a, u32 block) { return intervals_[a].first < intervals_[block].first; });
    std::unordered_map<u8, std::vector<u32>> free;
    std::vector<std::pair<u32, u32>> active;  // last, register
    std::vector<u32> to(places_.size(), 0);
    u32 end = 0, predicates = 0, predicates_left = 0;
    const auto later = [](const auto& a, const auto& block) { return a.first > block.first; };
    for (const u32 r : order) {
      if (intervals_[r].first == ~u32{0}) continue;
      while (!active.empty() && active.front().first < intervals_[r].first) {
        std::pop_heap(active.begin(), active.end(), later);
        free[widths_[active.back().second]].push_back(to[active.back().second]);
        active.pop_back();
      }
      auto& list = free[widths_[r]];
      if (!list.empty()) {
        to[r] = list.back(), list.pop_back();
      } else if (widths_[r] == 1) {
        if (predicates_left == 0) predicates = end, end += 64, predicates_left = 16;
        to[r] = predicates + 4 * --predicates_left;
      } else {
        to[r] = end, end += widths_[r] * 32u;
      }
      active.emplace_back(intervals_[r].last, r);
      std::push_heap(active.begin(), active.end(), later);
    }
    const auto move = [&](Operand& o) {
      if (const u32 r = number(o); r != nowhere) o = to[r];
    };
    for (Instruction& instruction : kernel_.code) {
      for (Operand& o : instruction.destinations) move(o);
      for (Operand& o : instruction.sources) move(o);
      move(instruction.guard);
    }
    for (auto& special : kernel_.specials) move(special.offset);
    kernel_.register_bytes = (end + 63) / 64 * 64;
  }

  Kernel& kernel_;
  std::unordered_map<u32, u32> number_;
  std::vector<u32> places_;
  std::vector<u8> widths_;
  std::size_t words_ = 0;
  std::vector<Block> blocks_;
  std::vector<Interval> intervals_;
};

}  // namespace

void share_registers(Kernel& kernel, const std::unordered_map<u32, u8>& widths) {
  Allocation(kernel, widths).run();
}

}  // namespace xr::software_gpu
