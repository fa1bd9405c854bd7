#include "apps/command_line/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <sstream>

#include "apps/command_line/help_text.h"

namespace xr::command_line {

namespace {

std::vector<std::string> names_of(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  for (const CLI::App* other : command.get_subcommands({})) names.push_back(other->get_name());
  return names;
}

/// The subcommand that was chosen, or the program.
const CLI::App& chosen_command(const CLI::App& app) {
  return app.get_subcommands().empty() ? app : *app.get_subcommands().front();
}

template <class Value>
constexpr bool is_vector = false;
template <class Element>
constexpr bool is_vector<std::vector<Element>> = true;

/// What help calls the value of an option that says nothing else.
template <class Value>
const char* value_name() {
  if (std::is_integral_v<Value> || std::is_same_v<Value, std::vector<std::int64_t>>) return "N";
  if (std::is_floating_point_v<Value> || std::is_same_v<Value, std::optional<double>>) return "X";
  return "TEXT";
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

Option Option::required() {
  option_->required();
  description_->required = true;
  return *this;
}

Option Option::show_default() {
  option_->capture_default_str();
  description_->default_text = option_->get_default_str();
  return *this;
}

Option Option::show_default(const std::string& text) {
  description_->default_text = text;
  return *this;
}

Option Option::group(const std::string& heading) {
  description_->group = heading;
  return *this;
}

Option Option::type_name(const std::string& text) {
  description_->value = text;
  return *this;
}

Option Option::allowed(const std::string& text) {
  description_->allowed = text;
  return *this;
}

Option Option::hidden() {
  description_->hidden = true;
  return *this;
}

Option Option::take_last() {
  option_->take_last();
  return *this;
}

Option Option::excludes(Option other) {
  option_->excludes(other.option_);
  return *this;
}

Option Option::delimiter(char between) {
  option_->delimiter(between);
  return *this;
}

template <class Number>
Option Option::range(Number min, Number max) {
  const CLI::Range check(min, max);
  option_->check(check);
  std::ostringstream text;
  text << min << " to " << max;
  description_->allowed = text.str();
  return *this;
}

template Option Option::range(int, int);
template Option Option::range(double, double);

Option Option::not_negative() {
  option_->check(CLI::NonNegativeNumber);
  description_->allowed = "at least 0";
  return *this;
}

Option Option::one_of(const std::vector<std::string>& values) {
  option_->check(CLI::IsMember(values));
  description_->choices = values;
  if (description_->value == "TEXT") description_->value = "NAME";
  description_->allowed = joined(values);
  return *this;
}

bool Option::given() const {
  return option_->count() > 0;
}

OptionDescription& Command::describe(const std::string& name, const std::string& help) {
  OptionDescription& option = description_->options.emplace_back();
  option.name = name;
  option.help = help;
  option.group = default_group;
  return option;
}

Command Command::subcommand(const std::string& name, const std::string& help) {
  auto& description = description_->commands.emplace_back(std::make_unique<CommandDescription>());
  description->name = name;
  description->help = help;
  return {app_->add_subcommand(name, help), description.get()};
}

template <class Value>
Option Command::option(const std::string& name, Value& value, const std::string& help) {
  OptionDescription& description = describe(name, help);
  if (!description.is_argument()) description.value = value_name<Value>();
  description.repeated = is_vector<Value> && description.is_argument();
  return {app_->add_option(name, value, help), &description};
}

template Option Command::option(const std::string&, std::string&, const std::string&);
template Option Command::option(const std::string&, int&, const std::string&);
template Option Command::option(const std::string&, std::int64_t&, const std::string&);
template Option Command::option(const std::string&, std::uint64_t&, const std::string&);
template Option Command::option(const std::string&, float&, const std::string&);
template Option Command::option(const std::string&, double&, const std::string&);
template Option Command::option(const std::string&, std::optional<double>&, const std::string&);
template Option Command::option(const std::string&, std::vector<std::int64_t>&, const std::string&);
template Option Command::option(const std::string&, std::vector<std::string>&, const std::string&);

Option Command::text_option(const std::string& name, const std::function<void(const std::string&)>& take,
                            const std::string& help) {
  OptionDescription& description = describe(name, help);
  description.value = "TEXT";
  return {app_->add_option_function<std::string>(name, take, help), &description};
}

Option Command::flag(const std::string& names, bool& value, const std::string& help) {
  OptionDescription& description = describe(names.substr(0, names.find(',')), help);
  description.negatable = names.find(",!") != std::string::npos;
  if (description.negatable) description.default_text = value ? "yes" : "no";
  return {app_->add_flag(names, value, help), &description};
}

CLI::Option* Command::add_flag(const std::string& name, std::function<void()> take, const std::string& help) {
  return app_->add_flag_function(
      name, [take = std::move(take)](std::int64_t) { take(); }, help);
}

Option Command::flag(const std::string& name, std::function<void()> take, const std::string& help) {
  OptionDescription& description = describe(name, help);
  return {add_flag(name, std::move(take), help), &description};
}

Option Command::flag_pair(const std::string& name, bool value, const std::function<void(bool)>& take,
                          const std::string& help) {
  OptionDescription& description = describe(name, help);
  description.negatable = true;
  description.default_text = value ? "yes" : "no";
  CLI::Option* const on = add_flag(
      name, [take] { take(true); }, help);
  add_flag(
      "--no-" + name.substr(2), [take] { take(false); }, help)
      ->excludes(on);
  return {on, &description};
}

void Command::example(const std::string& purpose, const std::string& command) {
  description_->examples.push_back({purpose, command});
}

void Command::note(const std::string& text) {
  description_->note = text;
}

void Command::when_chosen(std::function<void()> action) {
  app_->callback(std::move(action));
}

bool Command::chosen() const {
  return app_->parsed();
}

Program::Program(const std::string& description, const std::string& name)
    : app_(std::make_unique<CLI::App>(description, name)),
      description_(std::make_unique<CommandDescription>()) {
  description_->name = name;
  description_->help = description;
}

Program::~Program() = default;

void Program::version(const std::function<std::string()>& text, const std::string& help) {
  app_->set_version_flag("--version", text, help);
  OptionDescription& option = description_->options.emplace_back();
  option.name = "--version";
  option.help = help;
  option.group = default_group;
}

void Program::subcommands(std::size_t min, std::size_t max) {
  app_->require_subcommand(min, max);
}

Parsed Program::parse(int argc, const char* const* argv) {
  Parsed parsed;
  try {
    app_->parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    parsed.outcome = Parsed::Outcome::text_wanted;
    const bool brief =
        std::any_of(argv, argv + argc, [](const char* word) { return std::string_view(word) == "-h"; });
    parsed.text = help_of(chosen_command(*app_), brief);
  } catch (const CLI::Success& success) {  // --version
    std::ostringstream text;
    app_->exit(success, text, text);
    parsed.outcome = Parsed::Outcome::text_wanted;
    parsed.text = text.str();
  } catch (const CLI::ExtrasError& error) {
    parsed.outcome = Parsed::Outcome::unknown_argument;
    parsed.message = error.what();
    parsed.unknown = app_->remaining(true);
    parsed.known = names_of(chosen_command(*app_));
  } catch (const CLI::ParseError& error) {
    parsed.outcome = Parsed::Outcome::invalid;
    parsed.message = error.what();
  }
  const CLI::App& command = chosen_command(*app_);
  parsed.command = app_->get_name();
  if (&command != app_.get()) parsed.command += " " + command.get_name();
  return parsed;
}

std::string Program::help_of(const CLI::App& chosen, bool brief) const {
  for (const auto& command : description_->commands)
    if (&chosen != app_.get() && command->name == chosen.get_name())
      return help_text(*command, description_->name, brief);
  return help_text(*description_, "", brief);
}

std::string library_version() {
  return "CLI11 " CLI11_VERSION;
}

}  // namespace xr::command_line
