// Everything from which a training goes on bit for bit, in one file that is replaced as a whole.
#pragma once

#include <string>
#include <string_view>

#include "octet/graph/graph_file.hpp"
#include "octet/optim/optimizer.hpp"
#include "octet/train/history.hpp"

namespace octet::inline OCTET_ABI {

/// Where a training stands between two steps. Order, augmentation, dropout and the learning rate
/// depend on the seed and on these numbers alone.
struct TrainingState {
  /// The running epoch, and the steps done in it.
  int epoch = 0;
  std::int64_t step_in_epoch = 0;
  /// Steps since the start of training.
  std::int64_t step = 0;
  /// Sums over the images of the running epoch.
  double loss_sum = 0;
  std::int64_t correct = 0;
  std::int64_t images = 0;
  double seconds = 0;
  /// The best validation accuracy so far, and the epoch that reached it; -1: none yet.
  double best_accuracy = -1;
  int best_epoch = -1;
  History history;

  Json json() const {
    return Json::object()
        .set("epoch", epoch)
        .set("step_in_epoch", step_in_epoch)
        .set("step", step)
        .set("loss_sum", loss_sum)
        .set("correct", correct)
        .set("images", images)
        .set("seconds", seconds)
        .set("best_accuracy", best_accuracy)
        .set("best_epoch", best_epoch)
        .set("history", history.json());
  }
  static TrainingState from_json(const Json& json) {
    TrainingState state;
    state.epoch = static_cast<int>(json["epoch"].as_integer());
    state.step_in_epoch = json["step_in_epoch"].as_integer();
    state.step = json["step"].as_integer();
    state.loss_sum = json["loss_sum"].as_number();
    state.correct = json["correct"].as_integer();
    state.images = json["images"].as_integer();
    state.seconds = json["seconds"].as_number();
    state.best_accuracy = json["best_accuracy"].as_number();
    state.best_epoch = static_cast<int>(json["best_epoch"].as_integer());
    state.history = History::from_json(json["history"]);
    return state;
  }
};

/// The learning rate factors that are not 1, by the names of their parameters.
template <class T>
Json learning_rate_factors(const Graph<T>& graph) {
  Json factors = Json::object();
  for (const Node<T>& node : graph.nodes())
    if (node.layer)
      for (const Parameter<T>* const parameter : node.layer->parameters())
        if (parameter->learning_rate_factor != 1)
          factors.set(node.name + "." + parameter->name, parameter->learning_rate_factor);
  return factors;
}
/// Gives a graph the factors that learning_rate_factors() told of one with the same nodes.
template <class T>
void set_learning_rate_factors(const Graph<T>& graph, const Json& factors) {
  for (const Node<T>& node : graph.nodes())
    if (node.layer)
      for (Parameter<T>* const parameter : node.layer->parameters()) {
        const Json* const factor = factors.find(node.name + "." + parameter->name);
        parameter->learning_rate_factor = factor ? factor->as_number() : 1;
      }
}

/// Writes weights, buffers, learning rate factors, optimizer state and `state`. `settings`
/// describes the training, which is resumed only with equal ones; its member "data", if there is
/// one, is a checksum of the images and labels. The file is a model, too: load_graph() reads it.
template <class T>
void save_checkpoint(const std::string& path, const Graph<T>& graph, const Optimizer<T>& optimizer,
                     const TrainingState& state, const Json& settings, const Metadata& metadata) {
  SafetensorsWriter file;
  for (const auto& [key, text] : metadata) file.set_metadata(key, text);
  add_graph(file, graph);
  optimizer.save(file);
  file.set_metadata("octet.training",
                    state.json().set("learning_rate_factors", learning_rate_factors(graph)).text());
  file.set_metadata("octet.settings", settings.text());
  file.write(path);
}

/// Reads what save_checkpoint() wrote into a graph of the same nodes and its optimizer. Fails,
/// naming the first difference, if the training was another one.
template <class T>
TrainingState load_checkpoint(const std::string& path, const Graph<T>& graph,
                              Optimizer<T>& optimizer, const Json& settings) {
  const Safetensors file = Safetensors::read(path, ChecksumRule::required);
  const Json saved = Json::parse(file.metadata("octet.settings"), path + ": settings");
  const auto compare = [&](const std::string& name) {
    const Json* const before = saved.find(name);
    const Json* const now = settings.find(name);
    const std::string then = before ? before->text() : "nothing",
                      given = now ? now->text() : "nothing";
    if (then != given && name == "data")
      fail(path, ": cannot be resumed: it was trained with other training images or labels");
    if (then != given)
      fail(path, ": cannot be resumed: it was trained with ", name, " = ", then, ", now it is ",
           given);
  };
  for (const auto& [name, value] : settings.as_object()) compare(name);
  for (const auto& [name, value] : saved.as_object()) compare(name);
  if (file.metadata(graph_key) != describe(graph).text())
    fail(path, ": cannot be resumed: it holds another network");
  const Json training = Json::parse(file.metadata("octet.training"), path + ": training");
  const auto state =
      reading(path + ": training", [&] { return TrainingState::from_json(training); });
  optimizer.load(file, graph.parameters());
  // Nodes may have been frozen or thawed on the way.
  if (const Json* const factors = training.find("learning_rate_factors"))
    reading(path + ": training", [&] { set_learning_rate_factors(graph, *factors); });
  read_tensors(file, graph);
  return state;
}

}  // namespace octet::inline OCTET_ABI
