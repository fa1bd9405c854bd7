// xrtrain: trains and evaluates networks on chest X-rays. What is wrong is said in one line on standard
// error; the exit status is 0 done, 1 failed, 2 wrong usage, 3 bad data, 4 findings of an audit.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "apps/command_line/reference.h"
#include "apps/command_line/remedies.h"
#include "apps/machine/machine.h"
#include "apps/mpi/launcher.h"
#include "apps/text/text.h"
#include "apps/xrtrain/colour.h"
#include "apps/xrtrain/commands/commands.h"
#include "apps/xrtrain/distributed/ranks.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/failure.h"
#include "apps/xrtrain/options/option_table.h"
#include "apps/xrtrain/run/version.h"

namespace {

using namespace xr::apps;
namespace command_line = xr::command_line;
namespace text = xr::text;

int print_error(int status, const std::string& message) {
  (void)std::fputs((error_line(message, has_colours(STDERR_FILENO)) + '\n').c_str(), stderr);
  return status;
}

/// An error in the arguments. Of several ranks, which may all have it or one alone, one prints it.
int refuse(const std::string& message) {
  if (xr::mpi::launched_ranks() == 1) return print_error(exit_usage, message);
  Ranks ranks;
  return ranks.run([&]() -> int { throw UsageError(message); });
}

/// For "--epoch 3" as "unknown option --epoch", for "trian --data x" as "unknown command trian".
std::string unknown_text(const command_line::Parsed& parsed) {
  const std::string& first = parsed.unknown.front();
  const bool is_option = first.starts_with('-');
  const char* const kind = is_option ? "option" : parsed.command == "xrtrain" ? "command" : "argument";
  return fmt::format("unknown {} {}", kind, is_option ? first.substr(0, first.find('=')) : first);
}

/// For "--epoch" "; did you mean --epochs?".
std::string suggestion(const command_line::Parsed& parsed) {
  for (const std::string& word : parsed.unknown)
    if (const std::vector<std::string> nearest =
            text::nearest_words(word.substr(0, word.find('=')), parsed.known);
        !nearest.empty())
      return fmt::format("; did you mean {}?", fmt::join(nearest, " or "));
  return fmt::format("; see {} --help", parsed.command);
}

/// GNU OpenMP's threads spin while they wait, which on cores that others use too (a shared machine, a
/// container's share) makes training many times slower. They sleep if the environment says so when the
/// program starts, and no later: so it starts itself once more.
void let_waiting_threads_sleep(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) return;
  if (::setenv("OMP_WAIT_POLICY", "passive", 1) != 0) return;
  (void)::execv(xr::machine::own_program().c_str(), argv);  // if it cannot, it is only slower
}

/// Whether several processes that a launcher started do the command together.
bool is_shared_among_ranks(const std::string& command) {
  for (const char* const shared :
       {"xrtrain train", "xrtrain eval", "xrtrain cv", "xrtrain predict", "xrtrain audit"})
    if (command == shared) return true;
  return false;
}

void print_reference(const command_line::CommandDescription& program, const std::string& form) {
  const std::string reference = form == "man"    ? command_line::man_page(program, "xrtrain " XR_VERSION)
                                : form == "bash" ? command_line::bash_completion(program)
                                : form == "zsh"  ? command_line::zsh_completion(program)
                                                 : command_line::markdown_reference(program);
  (void)std::fputs(reference.c_str(), stdout);
}

int parse_and_run(int argc, char** argv) {
  std::string reference;
  command_line::Program program(
      "Train and evaluate convolutional networks on chest X-rays. Not a medical device.", "xrtrain");
  program.version(version_text, "Print version, commit and features");
  program.subcommands(0, 1);
  program.command()
      .text_option(
          "--print-reference", [&](const std::string& form) { reference = form; },
          "Print this reference as a page, a man page or shell completion")
      .type_name("FORM")
      .one_of({"markdown", "man", "bash", "zsh"});
  Action action;
  for (const auto add : {add_train_command, add_find_lr_command, add_eval_command, add_cv_command,
                         add_average_command, add_compare_command, add_predict_command, add_export_command,
                         add_serve_command, add_synth_command, add_audit_command, add_info_command})
    add(program.command(), action);
  const command_line::Parsed parsed = program.parse(argc, argv);
  switch (parsed.outcome) {
    case command_line::Parsed::Outcome::accepted:
      break;
    case command_line::Parsed::Outcome::text_wanted:
      if (xr::mpi::launched_rank() == 0) (void)std::fputs(parsed.text.c_str(), stdout);
      return exit_done;
    case command_line::Parsed::Outcome::unknown_argument:
      return refuse(unknown_text(parsed) + suggestion(parsed));
    case command_line::Parsed::Outcome::invalid:
      return refuse(parsed.message);
  }
  if (!reference.empty()) {
    print_reference(program.description(), reference);
    return exit_done;
  }
  if (!action)
    return refuse(
        "the command is missing: use train, find-lr, eval, cv, average, compare, predict, export, serve, audit, synth or info; see xrtrain --help");
  if (!is_shared_among_ranks(parsed.command)) require_one_process(parsed.command);
  return action();
}

}  // namespace

int main(int argc, char** argv) {
  let_waiting_threads_sleep(argv);
  try {
    return parse_and_run(argc, argv);
  } catch (...) {
    const Failure failure = describe_failure(std::current_exception());
    return print_error(failure.status, failure.message);
  }
}
