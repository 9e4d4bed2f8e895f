#include "model_card.hpp"

#include <algorithm>

#include <octet/core/json.hpp>

namespace fer {

using namespace octet;

namespace {

std::string text_array(const std::vector<std::string>& texts) {
  Json array = Json::array();
  for (const std::string& text : texts) array.push(text);
  return array.text();
}

}  // namespace

Metadata ModelCard::metadata() const {
  Json mean = Json::array(), deviation = Json::array();
  for (const float value : normalization.mean) mean.push(value);
  for (const float value : normalization.deviation) deviation.push(value);
  Metadata metadata{
      {"model", name},
      {"classes", text_array(class_names)},
      {"normalization",
       Json::object().set("mean", std::move(mean)).set("deviation", std::move(deviation)).text()}};
  if (fold)
    metadata.emplace("ckplus",
                     Json::object().set("fold", fold->number).set("folds", fold->count).text());
  return metadata;
}

bool ModelCard::is_in(const Metadata& metadata) { return metadata.find("model") != metadata.end(); }

ModelCard ModelCard::from(const Metadata& metadata, const std::string& path) {
  const auto text = [&](const char* key) -> const std::string& {
    const auto found = metadata.find(key);
    if (found == metadata.end())
      fail(path,
           ": expected a model with its name, the names of its classes and the normalization of "
           "its images, but its metadata has no \"",
           key,
           "\"; fer train writes them, and so does save_program(program, path, metadata) with "
           "{\"model\", \"mine\"}, {\"classes\", R\"([\"angry\", \"happy\"])\"} and "
           "{\"normalization\", R\"({\"mean\": [0.5], \"deviation\": [0.25]})\"}");
    return found->second;
  };
  ModelCard card;
  card.name = text("model");
  const Json classes = Json::parse(text("classes"), path + ": classes");
  for (const Json& name : classes.as_array()) card.class_names.push_back(name.as_string());
  if (card.class_names.empty()) fail(path, ": classes: expected at least one name, got none");
  const Json normalization = Json::parse(text("normalization"), path + ": normalization");
  card.normalization = {{}, {}};
  for (const Json& value : normalization["mean"].as_array())
    card.normalization.mean.push_back(static_cast<float>(value.as_number()));
  for (const Json& value : normalization["deviation"].as_array())
    card.normalization.deviation.push_back(static_cast<float>(value.as_number()));
  const std::size_t means = card.normalization.mean.size();
  const std::size_t deviations = card.normalization.deviation.size();
  if (means == 0 || deviations == 0)
    fail(path, ": normalization: expected at least one mean and one deviation, got ", means,
         " and ", deviations);
  if (means != deviations && means != 1 && deviations != 1)
    fail(path, ": normalization: expected as many means as deviations, or one, got ", means,
         " and ", deviations);
  if (metadata.find("ckplus") == metadata.end()) return card;
  const Json fold = Json::parse(text("ckplus"), path + ": ckplus");
  const std::int64_t number = fold["fold"].as_integer(), count = fold["folds"].as_integer();
  if (number < 1 || number > count || count > 1000)
    fail(path, ": ckplus: expected a fold from 1 to the number of folds, got ", number, " of ",
         count);
  card.fold = Fold{static_cast<int>(number), static_cast<int>(count)};
  return card;
}

bool ModelCard::knows_contempt() const {
  return std::any_of(class_names.begin(), class_names.end(), [](const std::string& name) {
    return name == "Contempt" || name == "contempt";
  });
}

}  // namespace fer
