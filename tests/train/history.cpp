#include "octet/train/history.hpp"

#include <doctest/doctest.h>

#include "octet/train/progress.hpp"

using namespace octet;

TEST_CASE("a history reads back from JSON to the same bits, and unknown numbers stay unknown") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  History history;
  history.epochs.push_back({0, 7, 0.1 / 3, 1.0 / 7, 0.5, 2.0 / 9, 0.25, 3.5, 100});
  history.epochs.push_back({1, 14, 1e-9, 1, 0.75, nan, nan, 4, 99});
  const History again = History::from_json(Json::parse(history.json().text()));
  REQUIRE(again.epochs.size() == 2);
  CHECK(again.epochs[0].learning_rate == 0.1 / 3);
  CHECK(again.epochs[0].validation_loss == 2.0 / 9);
  CHECK(again.epochs[1].step == 14);
  CHECK(std::isnan(again.epochs[1].validation_accuracy));
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
}

TEST_CASE("times are written as a clock does") {
  CHECK(clock_text(5) == "0:05");
  CHECK(clock_text(754) == "12:34");
  CHECK(clock_text(3723) == "1:02:03");
  CHECK(clock_text(-1) == "0:00");
}

TEST_CASE("a status is one line with everything in it") {
  const Progress progress(nullptr);
  const std::string line = progress.status_line({.epoch = 2,
                                                 .epochs = 20,
                                                 .step = 45,
                                                 .steps_per_epoch = 113,
                                                 .learning_rate = 0.0031,
                                                 .loss = 1.2345,
                                                 .accuracy = 0.521,
                                                 .images_per_second = 312,
                                                 .seconds_left = 83});
  CHECK(line ==
        "epoch 3/20 step 45/113  rate 0.0031  loss 1.2345  accuracy 52.10 %  312 images/s  1:23 "
        "left");
}
