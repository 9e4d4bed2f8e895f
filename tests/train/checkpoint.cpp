#include "octet/train/checkpoint.hpp"

#include <doctest/doctest.h>

#include "message_of.hpp"
#include "octet/nn/linear.hpp"
#include "octet/optim/sgd.hpp"
#include "temporary_folder.hpp"

using namespace octet;

TEST_CASE("a checkpoint that does not say where it stands is refused by its name") {
  const TemporaryFolder folder;
  const std::string path = folder.path("checkpoint.safetensors");
  Graph<float> graph(1);
  graph.output(linear(graph.input({2}), 2));
  Optimizer<float> optimizer = sgd<float>();
  const auto complaint = [&](const char* training) {
    SafetensorsWriter file;
    add_graph(file, graph);
    optimizer.save(file);
    file.set_metadata("octet.training", training);
    file.set_metadata("octet.settings", "{}");
    file.write(path);
    return message_of([&] { load_checkpoint(path, graph, optimizer, Json::object()); });
  };
  CHECK(complaint(TrainingState().json().text().c_str()) == "");
  CHECK(complaint("{\"epoch\":0}") ==
        path + ": training: JSON: expected a member \"step_in_epoch\", got an object without it");
  CHECK(complaint("{") == path + ": training: expected a string at byte 1");
}
