// Of a module: source files, variables, the entry's parameters, and its body up to single instructions.
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>

#include "kernels/software_gpu/decode/decode.h"
#include "kernels/software_gpu/decode/decoder.h"
#include "kernels/software_gpu/decode/registers.h"
#include "kernels/software_gpu/decode/text.h"

namespace xr::software_gpu {

using std::string;
using std::string_view;

namespace {

bool is_space(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

u32 lines_in(string_view text) {
  return static_cast<u32>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

Decoder::Decoder(string_view module, string_view entry)
    : module_(module), kernel_(std::make_unique<Kernel>()) {
  kernel_->name = entry;
  kernel_->title = demangle(kernel_->name);
  find_files();
  find_entry();
  place_variables();
  header();
  body();
  resolve_jumps();
  finish();
}

// .file 1 "path"; headers of the toolkit are no place to look at.
void Decoder::find_files() {
  for (std::size_t at = 0; (at = module_.find(".file", at)) != string_view::npos; ++at) {
    if (at > 0 && module_[at - 1] != '\n') continue;
    const string_view line = module_.substr(at, module_.find('\n', at) - at);
    const std::size_t open = line.find('"'), close = line.rfind('"');
    if (open == close) continue;
    const string_view path = line.substr(open + 1, close - open - 1);
    if (path.find("/include/") != string_view::npos && path.find("cuda") != string_view::npos) continue;
    const std::size_t project = std::min(path.find("/kernels/"), path.find("/tests/"));
    kernel_->files[static_cast<u32>(std::atoi(line.data() + 5))] =
        path.substr(project == string_view::npos ? 0 : project + 1);
  }
}

void Decoder::find_entry() {
  const string wanted = ".entry " + kernel_->name + "(";
  at_ = module_.find(wanted);
  if (at_ == string_view::npos) fail("the module has no such entry");
  line_ = 1 + lines_in(module_.substr(0, at_));
  at_ += wanted.size();
  // It ends at the brace that closes the body.
  std::size_t depth = 0;
  for (entry_end_ = module_.find('{', at_); entry_end_ < module_.size(); ++entry_end_) {
    if (module_[entry_end_] == '{') ++depth;
    if (module_[entry_end_] == '}' && --depth == 0) return;
  }
  fail("the body of the entry does not end");
}

// A kernel's own shared variables stand in its body, those of inlined functions and dynamic ones in the module; only
// what this entry names takes space.
void Decoder::place_variables() {
  const string_view entry_text = module_.substr(at_, entry_end_ - at_);
  std::vector<string> dynamic;
  const auto place = [&](string_view line) {
    if (!variables_.contains(string(variable_name(line))))
      declare(line, line.starts_with(".local") ? local_end_ : shared_end_);
  };
  for (const string_view line : split(module_, '\n')) {
    const string_view trimmed = trim(line);
    if (trimmed.starts_with(".global ") && entry_text.find(variable_name(trimmed)) != string_view::npos)
      place_global(trimmed);
    if (line.find(".shared .align") == string_view::npos) continue;
    const bool external = trimmed.starts_with(".extern .shared");
    if (!external && !trimmed.starts_with(".shared")) continue;
    const string name(variable_name(trimmed));
    if (entry_text.find(name) == string_view::npos) continue;
    if (external)
      dynamic.push_back(name);
    else
      place(trimmed);
  }
  for (const string_view line : split(entry_text, '\n'))
    if (const string_view trimmed = trim(line);
        trimmed.starts_with(".local ") || trimmed.starts_with(".shared "))
      place(trimmed);
  // Dynamic shared memory follows the static.
  kernel_->static_shared = static_cast<u32>(shared_end_ - shared_start);
  if (!dynamic.empty()) kernel_->static_shared = (kernel_->static_shared + 127) / 128 * 128;
  for (const string& name : dynamic) variables_[name] = {shared_start + kernel_->static_shared, 0};
}

void Decoder::declare(string_view declaration, u64& end) {
  u64 align = 1, element = 1, count = 1;
  string flat(declaration);
  std::replace(flat.begin(), flat.end(), '\t', ' ');
  if (const std::size_t at = flat.find(".align "); at != string::npos)
    align = static_cast<u64>(std::atoi(flat.c_str() + at + 7));
  for (const string_view word : split(flat, ' '))
    if (word.size() > 1 && word[0] == '.' && is_type(word.substr(1)))
      element = static_cast<u64>(bytes_of(word.substr(1)));
  align = std::max(align, element);
  for (std::size_t open = flat.find('['); open != string::npos; open = flat.find('[', open + 1))
    count *= static_cast<u64>(std::atoll(flat.c_str() + open + 1));
  end = (end + align - 1) / align * align;
  variables_[string(variable_name(flat))] = {end, element * count};
  end += element * count;
}

// The parameters up to ')', then .maxntid and the like up to '{'.
void Decoder::header() {
  const std::size_t close = module_.find("\n)", at_), open = module_.find('{', at_);
  const std::size_t end = close < open ? close : module_.find(')', at_);
  for (const string& one : operands_of(module_.substr(at_, end - at_))) {
    u64 offset = kernel_->parameter_bytes;
    declare(one, offset);
    const Variable& variable = variables_[string(variable_name(one))];
    kernel_->parameters.push_back({static_cast<u32>(variable.address), static_cast<u32>(variable.size)});
    kernel_->parameter_bytes = static_cast<u32>(offset);
  }
  for (const string_view line : split(module_.substr(end, open - end), '\n')) {
    text_ = trim(line);
    if (text_.starts_with(".maxntid")) {
      kernel_->max_threads = 1;
      for (const string& extent : operands_of(text_.substr(8)))
        kernel_->max_threads *= static_cast<u32>(std::atoi(extent.c_str()));
    } else if (!text_.empty() && text_ != ")" && !text_.starts_with(".minnctapersm") &&
               !text_.starts_with("//")) {
      fail("a directive that is not known");
    }
  }
  line_ += lines_in(module_.substr(at_, open - at_));
  at_ = open + 1;
}

void Decoder::body() {
  while (at_ < entry_end_) {
    const char c = module_[at_];
    if (c == '\n') ++line_;
    if (is_space(c) || c == ';' || c == '{' || c == '}')
      ++at_;
    else if (module_.substr(at_, 2) == "//")
      at_ = module_.find('\n', at_);
    else if (c == '.')
      directive();
    else
      statement();
  }
}

// .loc file line column, function_name label, inlined_at file line column: the innermost place that is not the toolkit's.
void Decoder::locate() {
  for (std::size_t at = 0; at != string::npos; at = text_.find("inlined_at", at + 1)) {
    u32 file = 0, source = 0;
    const std::size_t numbers = text_.find_first_of("0123456789", at);
    if (numbers == string::npos || std::sscanf(text_.c_str() + numbers, "%u %u", &file, &source) != 2) return;
    if (!kernel_->files.contains(file)) continue;
    file_ = file;
    source_line_ = source;
    return;
  }
}

void Decoder::directive() {
  std::size_t end = module_.find('\n', at_);
  text_ = trim(module_.substr(at_, end - at_));
  if (text_.starts_with(".loc ") || text_.starts_with(".loc\t")) {
    locate();
  } else if (text_.starts_with(".reg")) {
    end = module_.find(';', at_);
    declare_registers(trim(module_.substr(at_ + 4, end - at_ - 4)));
  } else if (text_.starts_with(".param")) {
    call_parameter(text_);
  } else if (!text_.starts_with(".local") && !text_.starts_with(".shared") && !text_.starts_with(".pragma")) {
    fail("a directive that is not known");
  }
  at_ = end;
}

void Decoder::statement() {
  std::size_t end = at_;
  while (is_name(module_[end])) ++end;
  if (module_[end] == ':' && module_[end + 1] != ':') {  // not "shared::cta"
    labels_[string(module_.substr(at_, end - at_))] = static_cast<u32>(kernel_->code.size());
    at_ = end + 1;
    return;
  }
  end = module_.find(';', at_);
  string text(module_.substr(at_, end - at_));
  const u32 lines = lines_in(text);
  std::replace_if(text.begin(), text.end(), is_space, ' ');
  read_instruction(string(trim(text)));
  line_ += lines;
  at_ = end + 1;
}

void Decoder::read_instruction(const string& whole) {
  text_ = whole;
  Instruction instruction;
  string_view text = whole;
  if (text[0] == '@') {
    const std::size_t space = text.find(' '), name = text[1] == '!' ? 2 : 1;
    instruction.guard_negated = name == 2;
    instruction.guard = destination(string(text.substr(name, space - name)), 1);
    text = trim(text.substr(space));
  }
  const std::size_t space = std::min(text.find(' '), text.size());
  Words parts;
  for (const string_view part : split(text.substr(0, space), '.')) parts.emplace_back(part);
  decode(instruction, parts, operands_of(text.substr(space)));
  add(instruction, whole);
}

void Decoder::resolve_jumps() {
  for (const auto& [at, label] : jumps_) {
    const auto target = labels_.find(label);
    if (target == labels_.end()) fail("no label " + label);
    kernel_->code[at].offset = target->second;
  }
}

void Decoder::finish() {
  Instruction end;
  end.control = Control::exit;
  end.kind = Kind::control;
  add(end, "ret");
  kernel_->register_bytes = place_;
  kernel_->local_bytes = static_cast<u32>((local_end_ + 15) / 16 * 16);
  if (discarded_ != nowhere) widths_[discarded_] = 8;
  share_registers(*kernel_, widths_);
  kernel_->constants.resize((kernel_->constants.size() + 63) / 64 * 64);
  kernel_->counters.resize(kernel_->code.size());
}

std::unique_ptr<Kernel> decode(string_view module, string_view entry) {
  return Decoder(module, entry).take();
}

}  // namespace xr::software_gpu
