#include "octet/train/evaluate.hpp"

#include <doctest/doctest.h>

#include "message_of.hpp"

using namespace octet;

TEST_CASE("an evaluation refuses outputs that are not one logit for each class, and other labels") {
  ImageDataset data;
  data.class_names = {"a", "b", "c"};
  for (int i = 0; i < 3; ++i) data.add(Image(2, 2, 1), i);
  const auto complaint = [&](const Shape& output) {
    const Tensor<float> logits(output);
    return message_of([&] {
      evaluate_with(data, {}, {}, [&](auto) { return TensorView<const float>(logits); });
    });
  };
  CHECK(complaint({3, 3}) == "");
  CHECK(complaint({3, 1, 1, 3}) == "");
  CHECK(complaint({3, 4}) == "evaluate: expected logits [3, 3], got [3, 4]");
  CHECK(complaint({3, 2, 2, 3}) == "evaluate: expected logits [3, 3], got [3, 2, 2, 3]");
  CHECK(complaint({3, 3, 1}) == "evaluate: expected logits [3, 3], got [3, 3, 1]");
  for (const std::int32_t label : {-1, 3, 500}) {
    data.labels[2] = label;
    CHECK(complaint({3, 3}) ==
          text_of("evaluate: expected labels from 0 to 2, got ", label, " for number 2"));
  }
}
