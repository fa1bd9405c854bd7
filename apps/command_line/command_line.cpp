#include "apps/command_line/command_line.h"

#include <CLI/CLI.hpp>
#include <optional>
#include <sstream>

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

}  // namespace

Option Option::required() {
  option_->required();
  return *this;
}

Option Option::show_default() {
  option_->capture_default_str();
  return *this;
}

Option Option::show_default(const std::string& text) {
  option_->default_str(text);
  return *this;
}

Option Option::group(const std::string& heading) {
  option_->group(heading);
  return *this;
}

Option Option::type_name(const std::string& text) {
  option_->type_name(text);
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
Option Option::range(Number least, Number most) {
  option_->check(CLI::Range(least, most));
  return *this;
}

template Option Option::range(int, int);
template Option Option::range(double, double);

Option Option::not_negative() {
  option_->check(CLI::NonNegativeNumber);
  return *this;
}

Option Option::one_of(const std::vector<std::string>& values, Shown shown) {
  CLI::IsMember member(values);
  option_->check(shown == Shown::yes ? member : member.description(""));
  return *this;
}

bool Option::given() const {
  return option_->count() > 0;
}

Command Command::subcommand(const std::string& name, const std::string& help) {
  return Command(app_->add_subcommand(name, help));
}

template <class Value>
Option Command::option(const std::string& name, Value& value, const std::string& help) {
  return Option(app_->add_option(name, value, help));
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
  return Option(app_->add_option_function<std::string>(name, take, help));
}

Option Command::flag(const std::string& names, bool& value, const std::string& help) {
  return Option(app_->add_flag(names, value, help));
}

Option Command::flag(const std::string& name, std::function<void()> take, const std::string& help) {
  return Option(app_->add_flag_function(
      name, [take = std::move(take)](std::int64_t) { take(); }, help));
}

void Command::when_chosen(std::function<void()> action) {
  app_->callback(std::move(action));
}

bool Command::chosen() const {
  return app_->parsed();
}

Program::Program(const std::string& description, const std::string& name)
    : app_(std::make_unique<CLI::App>(description, name)) {}

Program::~Program() = default;

void Program::version(const std::string& text, const std::string& help) {
  app_->set_version_flag("--version", text, help);
}

void Program::subcommands(std::size_t least, std::size_t most) {
  app_->require_subcommand(least, most);
}

void Program::help_column(std::size_t column) {
  app_->get_formatter()->column_width(column);
}

Parsed Program::parse(int argc, const char* const* argv) {
  Parsed parsed;
  try {
    app_->parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
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

std::string library_version() {
  return "CLI11 " CLI11_VERSION;
}

}  // namespace xr::command_line
