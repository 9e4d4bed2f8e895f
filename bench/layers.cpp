// Every layer of every network in float32 and int8: layers [--quick] [--json FILE]
#include <cstdio>

#include "arguments.hpp"
#include "layer_table.hpp"
#include "zoo.hpp"

int main(int argc, char** argv) {
  const bench::Arguments arguments(argc, argv);
  octet::ThreadPool pool(1);
  octet::Json networks = octet::Json::object();
  bench::warn_of_cap(octet::active_isa());
  for (const bench::ZooNetwork& network : bench::zoo()) {
    const bench::Forms forms(network);
    // Next to the layers, for the speed of a machine moves.
    const bench::MachinePeak peak = bench::measure_peak(pool, {.samples = 11});
    const octet::Tensor<float> image = bench::faces(forms.float32.input_shape(), 1);
    const bench::LayerTable table = bench::measure_layers(&forms.float32, &forms.int8, image, peak,
                                                          {.rounds = arguments.quick ? 3 : 31});
    std::printf("\n%s, batch 1, one thread, %s\n", network.label.c_str(),
                to_text(forms.int8.isa()).c_str());
    bench::print(table);
    networks.set(network.label, table.json());
  }
  arguments.write(octet::Json::object()
                      .set("isa", to_text(octet::active_isa()))
                      .set("networks", std::move(networks)));
}
