// xrtrain: trains and evaluates networks on chest X-rays. What is wrong is said in one line on standard
// error; the exit status is 0 done, 1 failed, 2 wrong usage, 3 bad data, 4 findings of an audit.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <new>

#include "apps/command_line/remedies.h"
#include "apps/text/text.h"
#include "apps/xrtrain/commands/commands.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/options/option_table.h"

namespace {

using namespace xr::apps;
namespace command_line = xr::command_line;
namespace text = xr::text;

int tell(int status, const std::string& message) {
  (void)std::fputs(fmt::format("xrtrain: error: {}\n", text::one_line(message)).c_str(), stderr);
  return status;
}

/// For "--epoch" "; did you mean --epochs?".
std::string suggestion(const command_line::Parsed& parsed) {
  for (const std::string& word : parsed.unknown)
    if (const std::string nearest = text::nearest_word(word.substr(0, word.find('=')), parsed.known);
        !nearest.empty())
      return fmt::format("; did you mean {}?", nearest);
  return fmt::format("; see {} --help", parsed.command);
}

/// GNU OpenMP's threads spin while they wait, which on cores that others use too (a shared machine, a
/// container's share) makes training many times slower. They sleep if the environment says so when the
/// program starts, and no later: so it starts itself once more.
void let_waiting_threads_sleep(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) return;
  if (::setenv("OMP_WAIT_POLICY", "passive", 1) != 0) return;
  (void)::execv("/proc/self/exe", argv);  // if it cannot, it is only slower
}

int parse_and_run(int argc, char** argv) {
  command_line::Program program(
      "Trains convolutional networks to tell chest X-rays apart, keeps a checkpoint of every epoch and "
      "evaluates them all. It is no medical device.",
      "xrtrain");
  program.version("xrtrain " XR_VERSION);
  program.subcommands(0, 1);
  program.help_column(42);
  Action action;
  for (const auto add : {add_train_command, add_find_lr_command, add_eval_command, add_cv_command,
                         add_average_command, add_compare_command, add_predict_command, add_export_command,
                         add_synth_command, add_audit_command, add_info_command})
    add(program.command(), action);
  const command_line::Parsed parsed = program.parse(argc, argv);
  switch (parsed.outcome) {
    case command_line::Parsed::Outcome::accepted:
      break;
    case command_line::Parsed::Outcome::text_wanted:
      (void)std::fputs(parsed.text.c_str(), stdout);
      return exit_done;
    case command_line::Parsed::Outcome::unknown_argument:
      return tell(exit_usage, fmt::format("unknown argument{} {}{}", parsed.unknown.size() > 1 ? "s" : "",
                                          fmt::join(parsed.unknown, " "), suggestion(parsed)));
    case command_line::Parsed::Outcome::invalid:
      return tell(exit_usage, parsed.message);
  }
  if (!action)
    return tell(
        exit_usage,
        "nothing to do: use train, find-lr, eval, cv, average, compare, predict, export, audit, synth or info; see xrtrain --help");
  return action();
}

}  // namespace

int main(int argc, char** argv) {
  let_waiting_threads_sleep(argv);
  try {
    return parse_and_run(argc, argv);
  } catch (const UsageError& error) {
    return tell(exit_usage, command_line::with_remedy(error));
  } catch (const DataError& error) {
    return tell(exit_data, command_line::with_remedy(error));
  } catch (const xr::Error& error) {
    return tell(exit_failed, command_line::with_remedy(error));
  } catch (const std::bad_alloc&) {
    return tell(exit_failed, "out of memory: use a smaller --batch-size, --image-size or network");
  } catch (const std::exception& error) {
    return tell(exit_failed, error.what());
  }
}
