// What the doctor found, as JSON: counts as they are, changes of accuracy with their intervals.
#include "octet/train/doctor_report.hpp"

#include <doctest/doctest.h>

using namespace octet;

TEST_CASE("doctor report: a change of accuracy has the interval of McNemar's pairs") {
  // 30 won, 10 lost of 1000: 2 points +- 1.96 sqrt(40 - 400 / 1000) / 1000.
  const Proportion change = accuracy_change(mcnemar(10, 30), 1000);
  CHECK(change.value == doctest::Approx(0.02));
  CHECK(change.low == doctest::Approx(0.02 - 0.0123337));
  CHECK(change.high == doctest::Approx(0.02 + 0.0123337));
}

TEST_CASE("doctor report: the JSON says what was found and done") {
  DoctorReport report;
  for (int i = 0; i < 10; ++i) {
    const double right[] = {0.1, 0.9}, wrong[] = {0.9, 0.1};
    report.in_float.add(1, std::span<const double>(right));
    report.before.add(1, std::span<const double>(i < 6 ? right : wrong));
    report.after.add(1, std::span<const double>(i < 8 ? right : wrong));
  }
  report.ranking_images = 5;
  report.layers.push_back({"conv2d_1", "conv2d", mcnemar(2, 1), 3});
  Treatment treatment;
  treatment.name = "bias correction";
  treatment.applied = true;
  treatment.answers = mcnemar(0, 2);
  treatment.agreement = mcnemar(1, 4);
  treatment.bytes_before = 100, treatment.bytes = 90;
  treatment.milliseconds_before = 0.25, treatment.milliseconds = 0.5, treatment.seconds = 1.5;
  report.treatments.push_back(treatment);

  const Json json = report.json();
  CHECK(json["images"].as_integer() == 10);
  CHECK(json["float32_accuracy"]["value"].as_number() == 1);
  CHECK(json["int8_accuracy_before"]["value"].as_number() == doctest::Approx(0.6));
  CHECK(json["int8_accuracy"]["value"].as_number() == doctest::Approx(0.8));
  CHECK(json["ranking_images"].as_integer() == 5);
  const Json& layer = json["layers"].as_array()[0];
  CHECK(layer["name"].as_string() == "conv2d_1");
  CHECK(layer["type"].as_string() == "conv2d");
  CHECK(layer["accuracy_change"]["value"].as_number() == doctest::Approx(-0.2));
  CHECK(layer["mcnemar_mid_p"].as_number() == report.layers[0].answers.mid_p);
  CHECK(layer["changed"].as_integer() == 3);
  const Json& repair = json["treatments"].as_array()[0];
  CHECK(repair["name"].as_string() == "bias correction");
  CHECK(repair["applied"].as_bool());
  CHECK(repair["accuracy_change"]["value"].as_number() == doctest::Approx(0.2));
  CHECK(repair["mcnemar_mid_p"].as_number() == treatment.answers.mid_p);
  CHECK(repair["like_float32"].as_integer() == 3);
  CHECK(repair["like_float32_mid_p"].as_number() == treatment.agreement.mid_p);
  CHECK(repair["weight_bytes_before"].as_integer() == 100);
  CHECK(repair["weight_bytes"].as_integer() == 90);
  CHECK(repair["milliseconds_before"].as_number() == 0.25);
  CHECK(repair["milliseconds"].as_number() == 0.5);
  CHECK(repair["seconds"].as_number() == 1.5);
}
