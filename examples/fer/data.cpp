#include "data.hpp"

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <sys/stat.h>

#include <octet/core/random.hpp>
#include <octet/data/fer2013.hpp>
#include <octet/data/image_folder.hpp>
#include <octet/data/synthetic_faces.hpp>
#include <octet/interop/image.hpp>

namespace fer {

using namespace octet;

namespace {

/// Moves every tenth image, in a random order that never changes, from train to validation.
void hold_out_validation(Splits& splits) {
  std::vector<std::int64_t> order(splits.train.labels.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  Random(10).shuffle(std::span(order));
  const std::size_t kept = order.size() - order.size() / 10;
  std::sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept));
  splits.validation = splits.train.subset(std::span(order).subspan(kept));
  splits.train = splits.train.subset(std::span(order).first(kept));
}

std::string text_array(const std::vector<std::string>& texts) {
  Json array = Json::array();
  for (const std::string& text : texts) array.push(text);
  return array.text();
}

}  // namespace

Splits read_splits(const std::string& path, std::int64_t H, std::int64_t W) {
  Splits splits;
  struct ::stat status {};
  if (path == "synthetic") {
    splits = synthetic_face_splits(6000, 1000, 1000, {.H = H, .W = W});
  } else if (::stat(path.c_str(), &status) != 0) {
    fail(path,
         ": expected a fer2013.csv, a folder of images, or the word synthetic; there is no "
         "such file");
  } else if (S_ISDIR(status.st_mode)) {
    splits = read_image_folder(path, image_decoder(), {.H = H, .W = W});
  } else {
    splits = read_fer2013(path);
    if (splits.train.size() == 0 && splits.validation.size() == 0 && splits.test.size() == 0)
      fail(path, ": expected images, got a header without any");
  }
  if (splits.validation.size() == 0 && splits.train.size() >= 10) hold_out_validation(splits);
  if (splits.test.size() == 0) {
    std::fprintf(stderr, "%s: has no test images, those for validation take their place\n",
                 path.c_str());
    splits.test = splits.validation;
  }
  return splits;
}

const ImageDataset& split_named(const Splits& splits, const std::string& name) {
  if (name == "train") return splits.train;
  if (name == "validation") return splits.validation;
  if (name == "test") return splits.test;
  fail("expected the split train, validation or test, got \"", name, "\"");
}

Metadata ModelCard::metadata() const {
  Json mean = Json::array(), deviation = Json::array();
  for (const float value : normalization.mean) mean.push(value);
  for (const float value : normalization.deviation) deviation.push(value);
  return {
      {"model", name},
      {"classes", text_array(class_names)},
      {"normalization",
       Json::object().set("mean", std::move(mean)).set("deviation", std::move(deviation)).text()}};
}

ModelCard ModelCard::from(const Metadata& metadata, const std::string& path) {
  const auto text = [&](const char* key) -> const std::string& {
    const auto found = metadata.find(key);
    if (found == metadata.end())
      fail(path, ": expected a model trained by fer, but its metadata has no \"", key, "\"");
    return found->second;
  };
  ModelCard card;
  card.name = text("model");
  const Json classes = Json::parse(text("classes"), path + ": classes");
  for (const Json& name : classes.as_array()) card.class_names.push_back(name.as_string());
  const Json normalization = Json::parse(text("normalization"), path + ": normalization");
  card.normalization = {{}, {}};
  for (const Json& value : normalization["mean"].as_array())
    card.normalization.mean.push_back(static_cast<float>(value.as_number()));
  for (const Json& value : normalization["deviation"].as_array())
    card.normalization.deviation.push_back(static_cast<float>(value.as_number()));
  return card;
}

void order_classes(const ModelCard& card, Splits& splits) {
  for (ImageDataset* const part : {&splits.train, &splits.validation, &splits.test})
    part->order_classes(card.class_names);
}

}  // namespace fer
