// Ranks that are threads of the test.
#pragma once

#include <exception>
#include <functional>
#include <thread>

#include "engine/distributed/communicator.h"

namespace xr::engine::test {

/// Does `work` as each of `count` ranks at once; rethrows the error of the first rank that had one.
inline void on_ranks(int count, const std::function<void(Communicator&)>& work) {
  std::vector<std::unique_ptr<Communicator>> ranks = make_local_ranks(count);
  std::vector<std::exception_ptr> errors(ranks.size());
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < ranks.size(); ++i)
      threads.emplace_back([&, i] {
        try {
          ranks[i]->set_deadline(std::chrono::seconds(60));
          work(*ranks[i]);
        } catch (...) {
          errors[i] = std::current_exception();
        }
      });
  }
  for (const std::exception_ptr& error : errors)
    if (error) std::rethrow_exception(error);
}

}  // namespace xr::engine::test
