// Reading, checking and setting the options of the table.
#include "apps/xrtrain/options/option_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/options/config.h"
#include "apps/xrtrain/options/data_folders.h"

namespace xr::apps {

namespace {

template <class T>
bool parse_number(const std::string& text, T& value) {
  const char *begin = text.data(), *end = begin + text.size();
  const auto [stop, code] = std::from_chars(begin, end, value);
  return code == std::errc() && stop == end;
}

std::string allowed_text(const OptionSpec& spec) {
  if (!spec.choices.empty()) return fmt::format("use {}", fmt::join(spec.choices, ", "));
  if (spec.member.index() == 1) return "use an integer, " + spec.range.text();
  if (spec.member.index() == 2) return "use a number, " + spec.range.text();
  return "use true or false";
}

[[noreturn]] void reject(const OptionSpec& spec, const std::string& value, const std::string& where) {
  throw UsageError(fmt::format("{} is {}: {}", where, value.empty() ? "empty" : text::one_line(value),
                               allowed_text(spec)));
}

void check_choice(const OptionSpec& spec, const std::string& text, const std::string& where) {
  if (!spec.choices.empty() && std::ranges::find(spec.choices, text) == spec.choices.end())
    reject(spec, text, where);
}

/// What help calls the value.
std::string value_name(const OptionSpec& spec) {
  if (!spec.value.empty()) return spec.value;
  if (!spec.choices.empty() && spec.member.index() != 1) return "NAME";
  return spec.member.index() == 0 ? "TEXT" : spec.member.index() == 1 ? "N" : "X";
}

/// What help says of the values that are allowed.
std::string help_limits(const OptionSpec& spec) {
  if (!spec.choices.empty()) return fmt::format("{}", fmt::join(spec.choices, ", "));
  const Range& range = spec.range;
  if (spec.member.index() == 0 || (range.min == 0.0 && range.max == 0.0)) return {};
  std::string above = fmt::format("{} {}", range.above_min ? "above" : "at least", range.min);
  if (range.max >= 1e15) return above;
  if (!range.above_min && !range.below_max) return range.text();
  return fmt::format("{}, {} {}", above, range.below_max ? "below" : "at most", range.max);
}

// Options of the file, then of the command line.
void apply(TrainOptions& options, const std::vector<FileOption>& file, const GivenOptions& given) {
  for (const FileOption& option : file) set_value(options, *option.spec, option.value, option.where);
  for (const auto& [name, text] : given) set_from_text(options, *find_option(name), text, "--" + name);
  LabelOptions labels{options.labels, {}, {}, {}, options.split_list};
  labels.make_absolute();
  options.labels = labels.labels;
  options.split_list = labels.split_list;
  if (!options.groups.empty())  // the run must find it from anywhere
    options.groups = std::filesystem::absolute(options.groups).lexically_normal().string();
  if (!options.init.empty())
    options.init = std::filesystem::absolute(options.init).lexically_normal().string();
}

std::vector<FileOption> options_of_file(const std::string& config_file) {
  return config_file.empty() ? std::vector<FileOption>{} : read_config(config_file);
}

}  // namespace

bool Range::contains(double value) const {
  return (above_min ? value > min : value >= min) && (below_max ? value < max : value <= max);
}

std::string Range::text() const {
  if (!above_min && !below_max) return fmt::format("{} to {}", min, max);
  return fmt::format("{}{} and {} {}", above_min ? "more than " : "",
                     above_min ? fmt::format("{}", min) : fmt::format("{} or more", min),
                     below_max ? "less than" : "at most", max);
}

const OptionSpec* find_option(std::string_view name) {
  const auto found = std::ranges::find(option_table(), name, &OptionSpec::name);
  return found == option_table().end() ? nullptr : &*found;
}

void set_value(TrainOptions& options, const OptionSpec& spec, const OptionValue& value,
               const std::string& where) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    check_choice(spec, *text, where);
    if (!text::is_utf8(*text))
      throw UsageError(fmt::format("{} is {}: it must be UTF-8", where, text::one_line(*text)));
    if (const auto* choice = std::get_if<ChoiceMember>(&spec.member))
      choice->set(options,
                  static_cast<std::size_t>(std::ranges::find(spec.choices, *text) - spec.choices.begin()));
    else
      options.*std::get<std::string TrainOptions::*>(spec.member) = *text;
  } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
    check_choice(spec, std::to_string(*number), where);
    if (!spec.range.contains(static_cast<double>(*number))) reject(spec, std::to_string(*number), where);
    options.*std::get<std::int64_t TrainOptions::*>(spec.member) = *number;
  } else if (const auto* real = std::get_if<double>(&value)) {
    if (!spec.range.contains(*real)) reject(spec, text::number_text(*real), where);
    options.*std::get<double TrainOptions::*>(spec.member) = *real;
  } else {
    options.*std::get<bool TrainOptions::*>(spec.member) = std::get<bool>(value);
  }
}

void set_from_text(TrainOptions& options, const OptionSpec& spec, const std::string& text,
                   const std::string& where) {
  std::int64_t integer = 0;
  double real = 0.0;
  if (std::holds_alternative<ChoiceMember>(spec.member)) return set_value(options, spec, text, where);
  switch (spec.member.index()) {
    case 0:
      return set_value(options, spec, text, where);
    case 1:
      if (!parse_number(text, integer)) reject(spec, text, where);
      return set_value(options, spec, integer, where);
    case 2:
      if (!parse_number(text, real)) reject(spec, text, where);
      return set_value(options, spec, real, where);
    default:
      if (text != "true" && text != "false") reject(spec, text, where);
      return set_value(options, spec, text == "true", where);
  }
}

OptionValue get_value(const TrainOptions& options, const OptionSpec& spec) {
  if (const auto* choice = std::get_if<ChoiceMember>(&spec.member))
    return spec.choices.at(choice->place(options));
  return std::visit(
      [&](const auto& member) -> OptionValue {
        if constexpr (std::is_same_v<std::decay_t<decltype(member)>, ChoiceMember>)
          return {};
        else
          return options.*member;
      },
      spec.member);
}

std::string option_text(const TrainOptions& options, std::string_view name) {
  return value_text(get_value(options, *find_option(name)));
}

std::string value_text(const OptionValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* real = std::get_if<double>(&value)) return text::number_text(*real);
  return std::get<bool>(value) ? "yes" : "no";
}

void add_train_options(command_line::Command app, GivenOptions& given, const TrainOptionChanges& changes) {
  const TrainOptions defaults = preset_options("default");
  for (const OptionSpec& spec : option_table()) {
    const OptionValue value = get_value(defaults, spec);
    const std::string name = "--" + spec.name;
    const auto changed = changes.help.find(spec.name);
    const std::string& help = changed == changes.help.end() ? spec.help : changed->second;
    const auto set = [&given, key = spec.name](const std::string& text) { given[key] = text; };
    const auto add = [&] {
      if (const bool* on = std::get_if<bool>(&value)) {
        if (spec.in_file != InFile::kept)
          return app.flag(
              name, [set] { set("true"); }, help);
        return app.flag_pair(
            name, *on, [set](bool yes) { set(yes ? "true" : "false"); }, help);
      }
      return app.text_option(name, set, help)
          .type_name(value_name(spec))
          .allowed(help_limits(spec))
          .show_default(value_text(value))
          .take_last();  // scripts add options to those that they have
    };
    command_line::Option option = add().group(spec.group);
    if (std::ranges::find(changes.hidden, spec.name) != changes.hidden.end()) option.hidden();
  }
}

TrainOptions resolve_options(const GivenOptions& given, const std::string& config_file) {
  const std::vector<FileOption> file = options_of_file(config_file);
  TrainOptions chosen;
  for (const FileOption& option : file)
    if (option.spec->name == "preset") set_value(chosen, *option.spec, option.value, option.where);
  if (const auto preset = given.find("preset"); preset != given.end())
    set_from_text(chosen, *find_option("preset"), preset->second, "--preset");
  TrainOptions options = preset_options(chosen.preset);
  apply(options, file, given);
  return options;
}

TrainOptions resolve_resumed_options(const TrainOptions& of_run, const GivenOptions& given,
                                     const std::string& config_file, ResumeRule rule) {
  TrainOptions options = of_run;
  apply(options, options_of_file(config_file), given);
  std::vector<std::string> changed;
  for (const OptionSpec& spec : option_table())
    if ((spec.on_resume == OnResume::same || (rule == ResumeRule::same && spec.in_file == InFile::kept)) &&
        get_value(options, spec) != get_value(of_run, spec))
      changed.push_back(fmt::format("--{} (run: {}, now: {})", spec.name, value_text(get_value(of_run, spec)),
                                    value_text(get_value(options, spec))));
  if (rule == ResumeRule::by_option && options.epochs != of_run.epochs &&
      of_run.schedule == engine::ScheduleKind::cosine)
    changed.push_back(fmt::format("--epochs (run: {}, now: {}; the cosine schedule depends on it)",
                                  of_run.epochs, options.epochs));
  if (!changed.empty())
    throw UsageError(fmt::format("--resume cannot change {}: leave it out, or start a new run",
                                 text::one_line(fmt::format("{}", fmt::join(changed, ", ")))));
  return options;
}

}  // namespace xr::apps
