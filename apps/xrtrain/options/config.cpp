#include "apps/xrtrain/options/config.h"

#include <algorithm>

#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/options/toml.h"
#include "engine/io/file.h"

namespace xr::apps {

namespace {

constexpr std::uint64_t max_config_bytes = 1 << 20;

std::string place_of(const std::string& name, const toml::source_region& region) {
  return fmt::format("{} line {}", name, region.begin.line);
}

const char* type_name(const toml::node& node) {
  if (node.is_string()) return "a text";
  if (node.is_integer()) return "an integer";
  if (node.is_floating_point()) return "a number";
  if (node.is_boolean()) return "true or false";
  if (node.is_table()) return "a table";
  if (node.is_array()) return "a list";
  return "a date or time";
}

const char* wanted_type(const OptionSpec& spec) {
  constexpr const char* names[] = {"a text in quotes", "an integer", "a number", "true or false",
                                   "a text in quotes"};
  return names[spec.member.index()];
}

OptionValue value_of(const toml::node& node, const OptionSpec& spec, const std::string& where) {
  switch (spec.member.index()) {
    case 0:
    case 4:  // a choice
      if (node.is_string()) return node.as_string()->get();
      break;
    case 1:
      if (node.is_integer()) return std::int64_t{node.as_integer()->get()};
      break;
    case 2:
      if (node.is_floating_point()) return node.as_floating_point()->get();
      if (node.is_integer()) return static_cast<double>(node.as_integer()->get());
      break;
    default:
      if (node.is_boolean()) return node.as_boolean()->get();
  }
  throw UsageError(fmt::format("{}: it must be {}, not {}", where, wanted_type(spec), type_name(node)));
}

const OptionSpec& spec_of(std::string_view key, const std::string& place) {
  std::string name(key);
  std::ranges::replace(name, '_', '-');
  const OptionSpec* spec = find_option(name);
  if (spec != nullptr && spec->in_file != InFile::no) return *spec;
  std::vector<std::string> names;
  for (const OptionSpec& option : option_table())
    if (option.in_file != InFile::no) names.push_back(option.name);
  const std::string nearest = text::nearest_word(name, names);
  throw UsageError(fmt::format(
      "{}: there is no option '{}' for a file{}", place, text::one_line(key),
      nearest.empty() ? "; see xrtrain train --help" : fmt::format("; did you mean '{}'?", nearest)));
}

std::string toml_text(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      result += fmt::format("\\{}", c);
    else if (code < 0x20 || code == 0x7F)
      result += fmt::format("\\u{:04X}", code);
    else
      result += c;
  }
  return result + '"';
}

std::string toml_value(const OptionValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return toml_text(*text);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  const std::string text = text::number_text(std::get<double>(value));
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}

}  // namespace

std::vector<FileOption> parse_config(std::string_view text, const std::string& name) {
  std::vector<FileOption> result;
  try {
    const toml::table table = toml::parse(text, name);
    for (const auto& [key, node] : table) {
      const std::string place = place_of(name, node.source());
      const OptionSpec& spec = spec_of(key.str(), place);
      const std::string where = fmt::format("{}: {}", place, key.str());
      const OptionValue value = value_of(node, spec, where);
      TrainOptions checked;
      set_value(checked, spec, value, where);
      for (const FileOption& other : result)
        if (other.spec == &spec) throw UsageError(fmt::format("{}: it is given twice", where));
      result.push_back({&spec, value, where});
    }
  } catch (const toml::parse_error& error) {
    throw UsageError(
        fmt::format("{}: {}", place_of(name, error.source()), text::one_line(error.description())));
  }
  return result;
}

std::vector<FileOption> read_config(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes =
      errors_as<UsageError>([&] { return engine::read_file(path, max_config_bytes); });
  return parse_config({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

std::string config_text(const TrainOptions& options) {
  std::string text =
      "# Settings of this run. To run it again: xrtrain train --config THIS_FILE --out ANOTHER_FOLDER\n";
  std::string group;
  for (const OptionSpec& spec : option_table()) {
    if (spec.in_file != InFile::kept) continue;
    if (spec.group != group) text += fmt::format("\n# {}\n", group = spec.group);
    text += fmt::format("{} = {}\n", spec.name, toml_value(get_value(options, spec)));
  }
  return text;
}

std::string options_text(const TrainOptions& options) {
  std::string text;
  for (const OptionSpec& spec : option_table())
    if (spec.in_file != InFile::no)
      text += fmt::format("{} = {}\n", spec.name, toml_value(get_value(options, spec)));
  return text;
}

TrainOptions options_of_text(const std::string& text) {
  TrainOptions options;
  for (const FileOption& option : parse_config(text, "the options of rank 0"))
    set_value(options, *option.spec, option.value, option.where);
  return options;
}

}  // namespace xr::apps
