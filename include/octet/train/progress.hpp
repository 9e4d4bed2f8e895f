// What a user sees while a network learns: one moving line on a terminal, plain lines elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <sys/ioctl.h>
#include <unistd.h>

#include "octet/core/error.hpp"

namespace octet::inline OCTET_ABI {

/// Where training stands. Counts start at 0 and say how many are done.
struct TrainingStatus {
  int epoch = 0;
  int epochs = 0;
  std::int64_t step = 0;
  std::int64_t steps_per_epoch = 0;
  double learning_rate = 0;
  /// Means over the epoch so far; accuracy in 0..1.
  double loss = 0;
  double accuracy = 0;
  double images_per_second = 0;
  /// Until the last epoch ends, at the present speed.
  double seconds_left = 0;
};

/// Seconds as 0:05, 12:34 or 1:02:03.
template <class = WhenUsed>
std::string clock_text(double seconds) {
  const auto all = static_cast<long long>(seconds < 0 ? 0 : seconds + 0.5);
  char text[48];
  if (all >= 3600)
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", all / 3600, all / 60 % 60, all % 60);
  else
    std::snprintf(text, sizeof text, "%lld:%02lld", all / 60, all % 60);
  return text;
}

/// Draws a TrainingStatus into a stream.
class Progress {
 public:
  /// `stream` may be null: then nothing is printed.
  explicit Progress(std::FILE* stream = stdout)
      : stream_(stream), terminal_(stream && isatty(fileno(stream))) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// What is printed next, such as the reason why a training stopped, gets a line of its own.
  ~Progress() {
    if (line_is_open_) std::fputs("\n", stream_);
  }

  /// Called after every step; redraws four times a second, or writes a line every 15 seconds where
  /// lines cannot be redrawn.
  void step(const TrainingStatus& status) {
    const auto now = std::chrono::steady_clock::now();
    const auto pause = terminal_ ? std::chrono::milliseconds(250) : std::chrono::seconds(15);
    if (!stream_ || now - last_ < pause) return;
    last_ = now;
    write(status_line(status));
  }
  /// Prints a line that stays.
  void line(const std::string& text) {
    if (!stream_) return;
    if (terminal_) std::fputs("\r\033[K", stream_);
    std::fprintf(stream_, "%s\n", text.c_str());
    std::fflush(stream_);
    line_is_open_ = false;
  }

  /// The status as one line. On a terminal it has a bar and is narrower than the window, for only
  /// what stands in one row can be redrawn: the bar goes first, then one field after the other.
  std::string status_line(const TrainingStatus& status) const {
    std::string fields[] = {
        text_of("epoch ", status.epoch + 1, '/', status.epochs),
        terminal_ ? bar(status) : std::string(),
        text_of(" step ", status.step, '/', status.steps_per_epoch),
        formatted("  rate %.3g", status.learning_rate),
        formatted("  loss %.4f", status.loss),
        formatted("  accuracy %.2f %%", 100 * status.accuracy),
        formatted("  %.0f images/s", status.images_per_second),
        "  " + clock_text(status.seconds_left) + " left",
    };
    constexpr int drawn = 1, step = 2, rate = 3, accuracy = 5, speed = 6, left = 7;
    const std::size_t limit = terminal_ ? columns() - 1 : std::string::npos;
    for (const int dropped : {drawn, rate, speed, accuracy, left, step}) {
      if (joined(fields).size() <= limit) break;
      fields[dropped].clear();
    }
    return joined(fields).substr(0, limit);
  }

 private:
  void write(const std::string& text) {
    std::fprintf(stream_, terminal_ ? "\r\033[K%s" : "%s\n", text.c_str());
    std::fflush(stream_);
    line_is_open_ = terminal_;
  }
  /// The width of the terminal, asked anew each time, for windows are resized; 80 if it is unknown.
  std::size_t columns() const {
    winsize size{};
    const bool known = ioctl(fileno(stream_), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : 80;
  }
  static std::string bar(const TrainingStatus& status) {
    constexpr std::int64_t width = 20;
    const std::int64_t done =
        status.steps_per_epoch ? width * status.step / status.steps_per_epoch : width;
    return " [" + std::string(static_cast<std::size_t>(done), '=') +
           std::string(static_cast<std::size_t>(width - done), ' ') + "]";
  }
  static std::string formatted(const char* format, double value) {
    // Room for a loss of 300 digits.
    char text[400];
    std::snprintf(text, sizeof text, format, value);
    return text;
  }
  template <std::size_t N>
  static std::string joined(const std::string (&fields)[N]) {
    std::string all;
    for (const std::string& field : fields) all += field;
    return all;
  }

  std::FILE* stream_;
  bool terminal_ = false;
  bool line_is_open_ = false;
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace octet::inline OCTET_ABI
