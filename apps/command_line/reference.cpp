#include "apps/command_line/reference.h"

#include <algorithm>

namespace xr::command_line {

namespace {

std::string replace_all(std::string text, const std::string& what, const std::string& with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

/// A cell of a Markdown table.
std::string cell(const std::string& text) {
  return replace_all(replace_all(replace_all(text, "|", "\\|"), "<", "&lt;"), ">", "&gt;");
}

std::string code(const std::string& text) {
  return text.empty() ? "" : "`" + replace_all(text, "|", "\\|") + "`";
}

std::vector<std::string> groups_with_arguments(const CommandDescription& command) {
  std::vector<std::string> groups = command.groups();
  if (!command.options_of(arguments_group).empty()) groups.insert(groups.begin(), arguments_group);
  return groups;
}

std::string markdown_section(const CommandDescription& command, const std::string& program) {
  std::string text = "\n## " + program + " " + command.name + "\n\n" + cell(command.help) + ".\n\n    " +
                     command.usage(program) + "\n";
  for (const std::string& group : groups_with_arguments(command)) {
    text += "\n| " + group + " | | allowed | default |\n|---|---|---|---|\n";
    for (const OptionDescription* option : command.options_of(group))
      text += "| " + code(option->usage()) + " | " + cell(option->help) +
              (option->required && !option->is_argument() ? " (required)" : "") + " | " +
              cell(option->allowed) + " | " + code(option->default_text) + " |\n";
  }
  if (!command.note.empty()) text += "\n" + command.note + "\n";
  if (command.examples.empty()) return text;
  text += "\n```sh\n";
  for (const Example& example : command.examples)
    text += "# " + example.purpose + "\n" + example.command + "\n";
  return text + "```\n";
}

/// Text of a man page: a hyphen is a minus sign, as it is typed.
std::string roff(const std::string& text) {
  std::string result = replace_all(replace_all(text, "\\", "\\e"), "-", "\\-");
  if (result.starts_with('.') || result.starts_with('\'')) result.insert(0, "\\&");
  return result;
}

std::string roff_options(const CommandDescription& command) {
  std::string text;
  for (const std::string& group : groups_with_arguments(command)) {
    text += ".PP\n" + roff(group) + ":\n";
    for (const OptionDescription* option : command.options_of(group)) {
      const std::string limits = option->limits();
      text += ".TP\n.B " + roff(option->usage()) + "\n" + roff(option->help) +
              (limits.empty() ? "" : " " + roff(limits)) + "\n";
    }
  }
  return text;
}

/// The options of a command as they are typed, hidden ones left away.
std::vector<std::string> option_names(const CommandDescription& command) {
  std::vector<std::string> names;
  for (const OptionDescription& option : command.options) {
    if (option.is_argument() || option.hidden) continue;
    names.push_back(option.name);
    if (option.negatable) names.push_back("--no-" + option.name.substr(2));
  }
  names.emplace_back("--help");
  return names;
}

std::string words(const std::vector<std::string>& list) {
  std::string text;
  for (const std::string& word : list) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::vector<std::string> command_names(const CommandDescription& program) {
  std::vector<std::string> names;
  for (const auto& command : program.commands) names.push_back(command->name);
  return names;
}

/// The values to complete: the choices, or of a NAME the names that are allowed.
std::string values(const OptionDescription& option) {
  if (!option.choices.empty() || option.value != "NAME") return words(option.choices);
  return replace_all(option.allowed, ", ", " ");
}

/// A description within zsh's '...[...]'.
std::string zsh_text(const std::string& text) {
  std::string result = replace_all(replace_all(text, "'", "'\\''"), ":", "\\:");
  return replace_all(replace_all(result, "[", "\\["), "]", "\\]");
}

std::string zsh_option(const OptionDescription& option) {
  std::string value;
  if (const std::string names = values(option); !names.empty())
    value = ":" + option.value + ":(" + names + ")";
  else if (!option.value.empty())
    value = ":" + option.value + ":_files";
  std::string text = "    '" + option.name + "[" + zsh_text(option.help) + "]" + value + "'\n";
  if (option.negatable) text += "    '--no-" + option.name.substr(2) + "[not " + option.name + "]'\n";
  return text;
}

}  // namespace

std::string markdown_reference(const CommandDescription& program) {
  std::string text =
      cell(program.help) + "\n\n    " + program.usage("") +
      "\n\n`-h` or `--help` of each command prints its part of this page.\n\n| command | |\n|---|---|\n";
  for (const auto& command : program.commands)
    text += "| [" + command->name + "](#" + program.name + "-" + command->name + ") | " +
            cell(command->help) + " |\n";
  text += "\n| option | | allowed |\n|---|---|---|\n";
  for (const OptionDescription* option : program.options_of(default_group))
    text +=
        "| " + code(option->usage()) + " | " + cell(option->help) + " | " + cell(option->allowed) + " |\n";
  for (const auto& command : program.commands) text += markdown_section(*command, program.name);
  return text;
}

std::string man_page(const CommandDescription& program, const std::string& version) {
  std::string name = program.name;
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  std::string text = ".TH " + name + " 1 \"\" \"" + version + "\"\n.SH NAME\n" + program.name + " \\- " +
                     roff(program.help) + "\n.SH SYNOPSIS\n.B " + roff(program.usage("")) +
                     "\n.SH COMMANDS\n";
  for (const auto& command : program.commands) {
    text += ".SS " + roff(command->name) + "\n" + roff(command->help) + ".\n.PP\n.B " +
            roff(command->usage(program.name)) + "\n" + roff_options(*command);
    if (!command->note.empty()) text += ".PP\n" + roff(command->note) + "\n";
    for (const Example& example : command->examples)
      text +=
          ".PP\nExample, " + roff(example.purpose) + ":\n.PP\n.nf\n    " + roff(example.command) + "\n.fi\n";
  }
  return text + ".SH OPTIONS\n" + roff_options(program);
}

std::string bash_completion(const CommandDescription& program) {
  std::string text =
      "# bash completion of " + program.name + "\n_" + program.name +
      "() {\n  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words=\n"
      "  case $COMP_CWORD:${COMP_WORDS[1]} in\n    1:*) words='" +
      words(command_names(program)) + " " + words(option_names(program)) + "' ;;\n";
  for (const auto& command : program.commands) {
    text += "    *:" + command->name + ")\n      case $before in\n";
    for (const OptionDescription& option : command->options)
      if (!option.is_argument() && !option.hidden && !values(option).empty())
        text += "        " + option.name + ") words='" + values(option) + "' ;;\n";
    text += "        *) [[ $word != -* ]] || words='" + words(option_names(*command)) +
            "' ;;\n      esac\n      ;;\n";
  }
  return text +
         "  esac\n  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n}\ncomplete -o default -F _" +
         program.name + " " + program.name + "\n";
}

std::string zsh_completion(const CommandDescription& program) {
  std::string text = "#compdef " + program.name + "\nlocal -a commands options\ncommands=(\n";
  for (const auto& command : program.commands)
    text += "  '" + command->name + ":" + zsh_text(command->help) + "'\n";
  text += ")\nif ((CURRENT == 2)); then\n  _describe command commands\n  return\nfi\ncase $words[2] in\n";
  for (const auto& command : program.commands) {
    text += "  " + command->name + ") options=(\n";
    for (const OptionDescription& option : command->options)
      if (!option.is_argument() && !option.hidden) text += zsh_option(option);
    text += "    '--help[Print the help]'\n    ) ;;\n";
  }
  return text + "esac\n_arguments $options '*:file:_files'\n";
}

}  // namespace xr::command_line
