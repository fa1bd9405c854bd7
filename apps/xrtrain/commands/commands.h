// The subcommands. Each adds itself to the command line; when it is chosen, `action` is what to do.
#pragma once

#include <functional>

#include "apps/command_line/command_line.h"

namespace xr::apps {

/// Does the work and returns the exit status.
using Action = std::function<int()>;

void add_train_command(command_line::Command app, Action& action);
void add_eval_command(command_line::Command app, Action& action);
void add_find_lr_command(command_line::Command app, Action& action);
void add_cv_command(command_line::Command app, Action& action);
void add_average_command(command_line::Command app, Action& action);
void add_compare_command(command_line::Command app, Action& action);
void add_predict_command(command_line::Command app, Action& action);
void add_export_command(command_line::Command app, Action& action);
void add_synth_command(command_line::Command app, Action& action);
void add_info_command(command_line::Command app, Action& action);
void add_audit_command(command_line::Command app, Action& action);
void add_serve_command(command_line::Command app, Action& action);

}  // namespace xr::apps
