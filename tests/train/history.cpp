#include "octet/train/history.hpp"

#include <cstdlib>
#include <doctest/doctest.h>
#include <fcntl.h>

#include "contains.hpp"
#include "octet/core/svg.hpp"
#include "octet/train/progress.hpp"

using namespace octet;

namespace {

/// A terminal of so many columns: what is written to `stream` is what shown() returns. It never
/// becomes the process's own terminal, whose closing would send SIGHUP to a session's leader.
struct Terminal {
  int controller = ::posix_openpt(O_RDWR | O_NOCTTY);
  std::FILE* stream = nullptr;

  explicit Terminal(unsigned short columns) {
    if (controller < 0 || ::grantpt(controller) != 0 || ::unlockpt(controller) != 0) return;
    stream = ::fdopen(::open(::ptsname(controller), O_RDWR | O_NOCTTY), "r+");
    resize(columns);
  }
  ~Terminal() {
    if (stream) std::fclose(stream);
    if (controller >= 0) ::close(controller);
  }
  void resize(unsigned short columns) const {
    winsize size{};
    size.ws_col = columns;
    if (stream) ::ioctl(fileno(stream), TIOCSWINSZ, &size);
  }
  std::string shown() const {
    char text[4096];
    const auto length = ::read(controller, text, sizeof text);
    return {text, text + (length > 0 ? length : 0)};
  }
};

constexpr TrainingStatus status{.epoch = 2,
                                .epochs = 20,
                                .step = 45,
                                .steps_per_epoch = 113,
                                .learning_rate = 0.00312,
                                .loss = 1.2345,
                                .accuracy = 0.521,
                                .images_per_second = 1312,
                                .seconds_left = 5000};

}  // namespace

TEST_CASE("a history reads back from JSON to the same bits, and unknown numbers stay unknown") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  History history;
  history.epochs.push_back({0, 7, 0.1 / 3, 1.0 / 7, 0.5, 2.0 / 9, 0.25, 3.5, 100});
  history.epochs.push_back({1, 14, 1e-9, 1, 0.75, nan, nan, 4, 99});
  history.epochs.push_back({2, 21, 1e-9, HUGE_VAL, 0.75, nan, nan, 4, 99});
  const History again = History::from_json(Json::parse(history.json().text()));
  REQUIRE(again.epochs.size() == 3);
  CHECK(again.epochs[0].learning_rate == 0.1 / 3);
  CHECK(again.epochs[0].validation_loss == 2.0 / 9);
  CHECK(again.epochs[1].step == 14);
  CHECK(std::isnan(again.epochs[1].validation_accuracy));
  CHECK(std::isnan(again.epochs[2].train_loss));
  CHECK_THROWS_AS(History::from_json(Json::parse("[[1,2]]")), Error);
}

TEST_CASE(
    "the CSV has a header, one line an epoch counted from 1, and nothing for what is not known") {
  History history;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  history.epochs.push_back({0, 7, 0.008, 1.5, 0.5, nan, nan, 3.5, 100});
  CHECK(history.csv() ==
        "epoch,step,learning_rate,train_loss,train_accuracy,validation_loss,validation_accuracy,"
        "seconds,images_per_second\n"
        "1,7,0.008,1.500000,0.500000,,,3.50,100.0\n");
  for (EpochRecord& each : history.epochs) each.train_loss = each.validation_loss = 0x1p1000;
  const std::string digits = page::fixed(0x1p1000, 6);
  CHECK(digits.size() == 309);
  CHECK(history.csv().ends_with("1,7,0.008," + digits + ",0.500000," + digits + ",,3.50,100.0\n"));
}

TEST_CASE("times are written as a clock does") {
  CHECK(clock_text(5) == "0:05");
  CHECK(clock_text(754) == "12:34");
  CHECK(clock_text(3723) == "1:02:03");
  CHECK(clock_text(-1) == "0:00");
}

TEST_CASE("a status is one line with everything in it, and none of a terminal's signs elsewhere") {
  CHECK(Progress(nullptr).status_line(status) ==
        "epoch 3/20 step 45/113  rate 0.00312  loss 1.2345  accuracy 52.10 %  1312 images/s  "
        "1:23:20 left");
  TrainingStatus huge = status;
  huge.loss = 0x1p1000;
  CHECK(contains(Progress(nullptr).status_line(huge),
                 "  loss " + page::fixed(0x1p1000, 4) + "  accuracy 52.10 %"));
  std::FILE* const file = std::tmpfile();
  REQUIRE(file);
  {
    Progress progress(file);
    progress.step(status);
    progress.line("done");
  }
  std::rewind(file);
  char text[512] = {};
  const std::size_t length = std::fread(text, 1, sizeof text, file);
  std::fclose(file);
  CHECK(std::string(text, length) == Progress(nullptr).status_line(status) + "\ndone\n");
}

TEST_CASE("on a terminal a status never wraps: bar and fields go until it fits") {
  const Terminal terminal(200);
  if (!terminal.stream) {
    MESSAGE("skipped: this system gives no pseudo-terminal");
    return;
  }
  const Progress progress(terminal.stream);
  CHECK(progress.status_line(status) ==
        "epoch 3/20 [=======             ] step 45/113  rate 0.00312  loss 1.2345  "
        "accuracy 52.10 %  1312 images/s  1:23:20 left");
  for (const auto& [width, line] :
       {std::pair{100,
                  "epoch 3/20 step 45/113  rate 0.00312  loss 1.2345  accuracy 52.10 %  "
                  "1312 images/s  1:23:20 left"},
        std::pair{80, "epoch 3/20 step 45/113  loss 1.2345  accuracy 52.10 %  1:23:20 left"},
        std::pair{68, "epoch 3/20 step 45/113  loss 1.2345  accuracy 52.10 %  1:23:20 left"},
        std::pair{67, "epoch 3/20 step 45/113  loss 1.2345  1:23:20 left"},
        std::pair{30, "epoch 3/20  loss 1.2345"}, std::pair{10, "epoch 3/2"}}) {
    const auto columns = static_cast<unsigned short>(width);
    CAPTURE(columns);
    terminal.resize(columns);
    CHECK(progress.status_line(status) == line);
    CHECK(progress.status_line(status).size() < columns);
  }
  // Some terminals do not tell their width.
  terminal.resize(0);
  CHECK(progress.status_line(status).size() < 80);
}

TEST_CASE("on a terminal a line that stays replaces the one that moves") {
  const Terminal terminal(80);
  if (!terminal.stream) return;
  Progress progress(terminal.stream);
  progress.step(status);
  const std::string line = progress.status_line(status);
  CHECK(terminal.shown() == "\r\033[K" + line);
  progress.line("done");
  CHECK(terminal.shown() == "\r\033[Kdone\r\n");
}
