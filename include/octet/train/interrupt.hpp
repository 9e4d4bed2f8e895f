// Ctrl-C during training: the step is finished, the state saved, and the program left cleanly.
#pragma once

#include <csignal>

#include "octet/core/config.hpp"

namespace octet::inline OCTET_ABI {

/// While it lives, SIGINT and SIGTERM only set a flag. A second one of either ends the process as
/// usual. There should be one guard at a time.
class InterruptGuard {
 public:
  InterruptGuard() {
    requested_flag() = 0;
    old_interrupt_ = std::signal(SIGINT, &note);
    old_terminate_ = std::signal(SIGTERM, &note);
  }
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  ~InterruptGuard() {
    restore(SIGINT, old_interrupt_);
    restore(SIGTERM, old_terminate_);
  }

  /// Whether the user has asked to stop.
  bool requested() const { return requested_flag() != 0; }

 private:
  static volatile std::sig_atomic_t& requested_flag() {
    static volatile std::sig_atomic_t flag = 0;
    return flag;
  }
  static void note(int) {
    requested_flag() = 1;
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
  }
  static void restore(int signal, void (*handler)(int)) {
    if (handler != SIG_ERR) std::signal(signal, handler);
  }

  void (*old_interrupt_)(int);
  void (*old_terminate_)(int);
};

}  // namespace octet::inline OCTET_ABI
