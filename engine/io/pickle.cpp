#include "engine/io/pickle.h"

#include <bit>
#include <unordered_map>

#include "engine/io/pickle_globals.h"
#include "kernels/common/error_codes.h"

namespace xr::engine {

namespace {

/// Of values, of the stack and of all lists together: thousands of tensors need some ten thousand.
constexpr std::size_t max_values = std::size_t{1} << 20, max_items = std::size_t{1} << 22;

template <class... Arguments>
[[noreturn]] void damaged(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  throw Error(error_code::weights_damaged,
              "it is damaged: " + fmt::format(format, std::forward<Arguments>(arguments)...));
}

/// Opcodes, by the names that pickletools gives them.
enum Opcode : std::uint8_t {
  op_mark = '(',
  op_stop = '.',
  op_pop = '0',
  op_pop_mark = '1',
  op_dup = '2',
  op_binbytes = 'B',
  op_short_binbytes = 'C',
  op_binfloat = 'G',
  op_binint = 'J',
  op_binint1 = 'K',
  op_binint2 = 'M',
  op_none = 'N',
  op_binpersid = 'Q',
  op_reduce = 'R',
  op_binstring = 'T',
  op_short_binstring = 'U',
  op_binunicode = 'X',
  op_empty_list = ']',
  op_append = 'a',
  op_build = 'b',
  op_global = 'c',
  op_dict = 'd',
  op_appends = 'e',
  op_binget = 'h',
  op_long_binget = 'j',
  op_list = 'l',
  op_binput = 'q',
  op_long_binput = 'r',
  op_setitem = 's',
  op_tuple = 't',
  op_setitems = 'u',
  op_empty_dict = '}',
  op_empty_tuple = ')',
  op_proto = 0x80,
  op_tuple1 = 0x85,
  op_tuple2 = 0x86,
  op_tuple3 = 0x87,
  op_newtrue = 0x88,
  op_newfalse = 0x89,
  op_long1 = 0x8a,
  op_long4 = 0x8b,
  op_short_binunicode = 0x8c,
  op_binunicode8 = 0x8d,
  op_binbytes8 = 0x8e,
  op_empty_set = 0x8f,
  op_additems = 0x90,
  op_stack_global = 0x93,
  op_memoize = 0x94,
  op_frame = 0x95,
};

/// The stack machine of a pickle.
class Unpickler {
 public:
  explicit Unpickler(PickleInput& input) : input_(input), first_(input.position()) {}

  PickleDocument run() {
    while (step()) {
      if (input_.position() - first_ > max_pickle_bytes)
        damaged("its pickle has more than {} bytes", max_pickle_bytes);
    }
    document_.root = pop();
    return std::move(document_);
  }

 private:
  // --- the stack
  void push(PickleValue* value) {
    if (stack_.size() >= max_values) damaged("its pickle keeps more than {} values", max_values);
    stack_.push_back(value);
  }
  PickleValue& make(PickleKind kind) {
    if (document_.values.size() >= max_values) damaged("its pickle makes more than {} values", max_values);
    PickleValue& value = document_.values.emplace_back();
    value.kind = kind;
    push(&value);
    return value;
  }
  void make(PickleValue made) { make(made.kind) = std::move(made); }
  /// Nothing below the last mark is taken.
  void require(std::size_t count) const {
    if (stack_.size() - (marks_.empty() ? 0 : marks_.back()) < count)
      damaged("its pickle has too few values");
  }
  const PickleValue* pop() {
    require(1);
    const PickleValue* value = stack_.back();
    stack_.pop_back();
    return value;
  }
  /// A list, dictionary or set on top, to be filled.
  PickleValue& top_of(PickleKind kind) {
    require(1);
    if (stack_.back()->kind != kind) damaged("its pickle fills {}", name_of(stack_.back()->kind));
    return *stack_.back();
  }
  /// The values from the last mark on.
  std::vector<const PickleValue*> pop_mark() {
    if (marks_.empty()) damaged("its pickle lacks a mark");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<const PickleValue*> items(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return items;
  }
  void add(PickleValue& container, const std::vector<const PickleValue*>& items) {
    if (container.kind == PickleKind::dictionary && items.size() % 2 != 0) damaged("a key has no value");
    items_ += items.size();
    if (items_ > max_items) damaged("its pickle has more than {} items", max_items);
    container.items.insert(container.items.end(), items.begin(), items.end());
  }
  void make_tuple(std::size_t count) {
    require(count);
    const auto begin = stack_.end() - static_cast<std::ptrdiff_t>(count);
    const std::vector<const PickleValue*> items(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    add(make(PickleKind::tuple), items);
  }

  // --- the memo
  void put(std::uint64_t place) {
    require(1);
    if (memo_.size() >= max_values) damaged("its pickle keeps more than {} values", max_values);
    memo_[place] = stack_.back();
  }
  void get(std::uint64_t place) {
    const auto found = memo_.find(place);
    if (found == memo_.end()) damaged("its pickle refers to a value that it has not kept");
    push(found->second);
  }

  // --- values
  void make_integer(std::int64_t value) { make(PickleKind::integer).integer = value; }
  void make_boolean(bool value) { make(PickleKind::boolean).integer = value ? 1 : 0; }
  void make_text(PickleKind kind, std::uint64_t length) { make(kind).text = input_.text(length); }
  void make_long(std::uint64_t length) {
    std::string bytes = input_.text(length);
    if (length > 8) {
      make(PickleKind::big_integer).text = std::move(bytes);
      return;
    }
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
      bits |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    const int unused = static_cast<int>(64 - 8 * length);
    make_integer(length == 0 ? 0 : static_cast<std::int64_t>(bits << unused) >> unused);
  }
  void make_real() {
    std::uint64_t bits = 0;  // the one number in big-endian order
    for (int i = 0; i < 8; ++i) bits = bits << 8 | input_.byte();
    make(PickleKind::real).real = std::bit_cast<double>(bits);
  }
  void make_global(std::string_view module, std::string_view name) {
    make(global_value(module, name, is_at_root()));
  }
  /// A whole model begins with its class; before PyTorch 1.6 the word "module" stood before it.
  [[nodiscard]] bool is_at_root() const {
    const auto& values = document_.values;
    return values.empty() || (values.size() == 1 && values.front().text == "module");
  }
  void call() {
    require(2);
    const PickleValue* arguments = pop();
    const PickleValue* callable = pop();
    PickleValue made = call_global(*callable, *arguments);
    items_ += made.items.size();
    if (items_ > max_items) damaged("its pickle has more than {} items", max_items);
    make(std::move(made));
  }
  /// Attributes of a dictionary (a state dict's _metadata) mean nothing here; of anything else they might.
  void build() {
    require(2);
    (void)pop();
    (void)top_of(PickleKind::dictionary);
  }
  void proto() {
    const int protocol = input_.byte();
    if (protocol < 2 || protocol > 5) damaged("its pickle has protocol {}: 2 to 5 are read", protocol);
  }

  /// One opcode; false after the last.
  bool step() {
    const std::uint8_t code = input_.byte();
    switch (code) {
      case op_stop:
        return false;
      case op_proto:
        proto();
        break;
      case op_frame:
        (void)input_.number(8);
        break;
      case op_mark:
        if (marks_.size() >= max_values) damaged("its pickle has more than {} marks", max_values);
        marks_.push_back(stack_.size());
        break;
      case op_pop:
        (void)pop();
        break;
      case op_pop_mark:
        (void)pop_mark();
        break;
      case op_dup:
        require(1);
        push(stack_.back());
        break;
      case op_binput:
        put(input_.byte());
        break;
      case op_long_binput:
        put(input_.number(4));
        break;
      case op_memoize:
        put(memo_.size());
        break;
      case op_binget:
        get(input_.byte());
        break;
      case op_long_binget:
        get(input_.number(4));
        break;
      default:
        if (!step_of_scalar(code)) step_of_container(code);
    }
    return true;
  }

  bool step_of_scalar(std::uint8_t code) {
    switch (code) {
      case op_none:
        (void)make(PickleKind::none);
        return true;
      case op_newtrue:
      case op_newfalse:
        make_boolean(code == op_newtrue);
        return true;
      case op_binint:
        make_integer(static_cast<std::int32_t>(input_.number(4)));
        return true;
      case op_binint1:
        make_integer(input_.byte());
        return true;
      case op_binint2:
        make_integer(static_cast<std::int64_t>(input_.number(2)));
        return true;
      case op_long1:
        make_long(input_.byte());
        return true;
      case op_long4:
        make_long(input_.number(4));
        return true;
      case op_binfloat:
        make_real();
        return true;
      case op_binunicode:
      case op_binstring:
        make_text(PickleKind::text, input_.number(4));
        return true;
      case op_short_binunicode:
      case op_short_binstring:
        make_text(PickleKind::text, input_.byte());
        return true;
      case op_binunicode8:
        make_text(PickleKind::text, input_.number(8));
        return true;
      case op_binbytes:
        make_text(PickleKind::bytes, input_.number(4));
        return true;
      case op_short_binbytes:
        make_text(PickleKind::bytes, input_.byte());
        return true;
      case op_binbytes8:
        make_text(PickleKind::bytes, input_.number(8));
        return true;
      default:
        return false;
    }
  }

  void step_of_container(std::uint8_t code) {
    switch (code) {
      case op_empty_list:
        (void)make(PickleKind::list);
        break;
      case op_empty_dict:
        (void)make(PickleKind::dictionary);
        break;
      case op_empty_set:
        (void)make(PickleKind::set);
        break;
      case op_empty_tuple:
        (void)make(PickleKind::tuple);
        break;
      case op_tuple1:
      case op_tuple2:
      case op_tuple3:
        make_tuple(static_cast<std::size_t>(code - op_tuple1) + 1);
        break;
      case op_tuple:
      case op_list:
      case op_dict: {
        const std::vector<const PickleValue*> items = pop_mark();
        add(make(code == op_tuple  ? PickleKind::tuple
                 : code == op_list ? PickleKind::list
                                   : PickleKind::dictionary),
            items);
        break;
      }
      case op_append: {
        const PickleValue* item = pop();
        add(top_of(PickleKind::list), {item});
        break;
      }
      case op_setitem: {
        const PickleValue* value = pop();
        const PickleValue* key = pop();
        add(top_of(PickleKind::dictionary), {key, value});
        break;
      }
      case op_appends:
      case op_setitems:
      case op_additems: {
        const std::vector<const PickleValue*> items = pop_mark();
        add(top_of(code == op_appends    ? PickleKind::list
                   : code == op_setitems ? PickleKind::dictionary
                                         : PickleKind::set),
            items);
        break;
      }
      case op_global: {
        const std::string module = input_.line(), name = input_.line();
        make_global(module, name);
        break;
      }
      case op_stack_global: {
        const PickleValue *name = pop(), *module = pop();
        if (name->kind != PickleKind::text || module->kind != PickleKind::text)
          damaged("its pickle has a global without a name");
        make_global(module->text, name->text);
        break;
      }
      case op_binpersid:
        make(storage_value(*pop()));
        break;
      case op_reduce:
        call();
        break;
      case op_build:
        build();
        break;
      default:
        throw Error(
            error_code::weights_not_plain,
            fmt::format("its pickle has the opcode 0x{:02x}, which dictionaries of tensors do not need",
                        code));
    }
  }

  PickleInput& input_;
  std::uint64_t first_;
  PickleDocument document_;
  std::vector<PickleValue*> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, PickleValue*> memo_;
  std::size_t items_ = 0;
};

}  // namespace

const char* name_of(PickleKind kind) {
  constexpr const char* names[] = {"None",   "a boolean", "an integer", "an integer", "a number",
                                   "a text", "bytes",     "a tuple",    "a list",     "a dictionary",
                                   "a set",  "a tensor",  "a storage",  "a type",     "a function"};
  return names[static_cast<std::size_t>(kind)];
}

PickleDocument read_pickle(PickleInput& input) {
  return Unpickler(input).run();
}

}  // namespace xr::engine
