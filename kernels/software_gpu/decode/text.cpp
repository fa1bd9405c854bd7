#include "kernels/software_gpu/decode/text.h"

#include <cxxabi.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>

namespace xr::software_gpu {

using std::string;
using std::string_view;

bool is_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' || c == '%' || c == '.';
}

std::vector<string_view> split(string_view text, char at) {
  std::vector<string_view> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(at, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

string_view trim(string_view text) {
  const auto is_space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<string> operands_of(string_view text) {
  std::vector<string> list;
  string one;
  int depth = 0;
  for (const char c : text) {
    if (c == '{' || c == '[' || c == '(') ++depth;
    if (c == '}' || c == ']' || c == ')') --depth;
    if (c == ',' && depth == 0) {
      list.emplace_back(trim(one));
      one.clear();
    } else {
      one += c;
    }
  }
  if (!trim(one).empty()) list.emplace_back(trim(one));
  return list;
}

std::vector<string> in_braces(const string& text) {
  if (text.empty() || text[0] != '{') return {text};
  return operands_of(string_view(text).substr(1, text.size() - 2));
}

string_view variable_name(string_view declaration) {
  const string_view rest = trim(declaration.substr(0, declaration.find_first_of("[;=")));
  return rest.substr(rest.find_last_of(" \t") + 1);
}

bool is_type(string_view text) {
  static const char* const all[] = {"u8",  "s8",  "b8",  "u16", "s16", "b16", "u32", "s32",
                                    "b32", "u64", "s64", "b64", "f32", "f64", "pred"};
  return std::find(std::begin(all), std::end(all), text) != std::end(all);
}

int bytes_of(string_view type) {
  if (type == "pred") return 1;
  const std::size_t digits = type.find_first_of("0123456789");
  if (digits == string_view::npos) return 0;
  int bits = 0;
  std::from_chars(type.data() + digits, type.data() + type.size(), bits);
  return bits / 8;
}

string demangle(const string& name) {
  int status = 0;
  char* const text = abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status);
  string result = status == 0 ? text : name;
  std::free(text);
  for (const string_view drop : {"xr::kernels::cuda::", "(anonymous namespace)::", "void "})
    for (std::size_t at = 0; (at = result.find(drop)) != string::npos;) result.erase(at, drop.size());
  if (const std::size_t open = result.rfind(">("); open != string::npos) result.resize(open + 1);
  return result;
}

}  // namespace xr::software_gpu
