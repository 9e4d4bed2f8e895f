// Ctrl-C during training, or an order to end: the step is finished, the state saved, and the
// program left cleanly.
#pragma once

#include <csignal>
#include <cstddef>
#include <iterator>

#include "octet/core/config.hpp"

namespace octet::inline OCTET_ABI {

/// While it lives, SIGINT, SIGTERM and SIGHUP only set a flag. A second one of any ends the process
/// as usual. There should be one guard at a time.
class InterruptGuard {
 public:
  InterruptGuard() {
    received() = 0;
    for (std::size_t i = 0; i < std::size(signals); ++i) old_[i] = std::signal(signals[i], &note);
    // nohup asks for it.
    if (old_[hangup] == SIG_IGN) std::signal(SIGHUP, SIG_IGN);
  }
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  ~InterruptGuard() {
    for (std::size_t i = 0; i < std::size(signals); ++i)
      if (old_[i] != SIG_ERR) std::signal(signals[i], old_[i]);
  }

  /// Whether the user has asked to stop.
  bool requested() const { return received() != 0; }
  /// The signal that asked for it, or 0.
  int signal() const { return received(); }

 private:
  static constexpr int signals[] = {SIGINT, SIGTERM, SIGHUP};
  static constexpr std::size_t hangup = 2;

  static volatile std::sig_atomic_t& received() {
    static volatile std::sig_atomic_t number = 0;
    return number;
  }
  static void note(int number) {
    received() = number;
    for (const int each : signals)
      if (std::signal(each, SIG_DFL) == SIG_IGN) std::signal(each, SIG_IGN);
  }

  void (*old_[std::size(signals)])(int);
};

}  // namespace octet::inline OCTET_ABI
