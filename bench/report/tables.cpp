#include <algorithm>
#include <cmath>
#include <map>

#include "../gemm/product.hpp"
#include "results.hpp"

namespace bench {

namespace {

std::string percent(double share) { return fixed(100 * share, 0) + " %"; }
std::string significant(double value) {
  return fixed(value, value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3);
}

template <class T>
void add_once(std::vector<T>& list, const T& value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
}

Table peak_table(const MachinePeak& peak) {
  Table table{"Peak of this machine: arithmetic",
              "GOP/s; a multiply-add is two operations.",
              {"arithmetic", "instruction set", "instruction"},
              {}};
  std::vector<int> threads;
  for (const ComputePeak& each : peak.compute) add_once(threads, each.threads);
  for (const int count : threads)
    table.header.push_back(std::to_string(count) + (count == 1 ? " thread" : " threads"));
  for (const ComputePeak& each : peak.compute) {
    if (each.threads != threads[0]) continue;
    std::vector<std::string> row = {
        std::string(arithmetic_names[static_cast<std::size_t>(each.arithmetic)]), to_text(each.isa),
        each.instruction};
    for (const ComputePeak& other : peak.compute)
      if (other.instruction == each.instruction) row.push_back(significant(other.giga_operations));
    table.rows.push_back(row);
  }
  return table;
}

Table bandwidth_table(const MachinePeak& peak) {
  Table table{"Peak of this machine: memory",
              "GB/s; a copy counts what is read and written.",
              {"level", "KiB a thread", "threads", "read", "copy"},
              {}};
  for (const Bandwidth& each : peak.bandwidth)
    table.rows.push_back({std::string(level_names[static_cast<std::size_t>(each.level)]),
                          std::to_string(each.working_set / 1024), std::to_string(each.threads),
                          significant(each.read), significant(each.copy)});
  return table;
}

/// Rows of one type by product; the last column tells how Octet stands against the best other.
Table gemm_table(const Results& results, const std::string& type) {
  Table table{"Matrix products, " + type + ", one thread",
              "GOP/s, M x N x K. The share is of the peak that was measured in between; the last "
              "column and row are ratios of medians." +
                  std::string(type == "int8" ? " oneDNN's products end in int32, Octet's are "
                                               "requantized to int8."
                                             : ""),
              {"product"},
              {}};
  std::vector<std::string> products, contestants;
  for (const Product& each : bench::products()) products.push_back(each.name());
  std::map<std::string, double> speed, peak;
  for (const Measurement& each : results.gemm) {
    if (each.parts[0] == "peak" && each.parts[1] == type)
      peak[each.parts[2]] = each.giga_operations();
    if (each.parts[0] != "gemm" || each.parts[1] != type) continue;
    add_once(contestants, each.parts[3]);
    speed[each.parts[2] + each.parts[3]] = each.giga_operations();
  }
  std::sort(contestants.begin(), contestants.end());
  table.header.insert(table.header.end(), contestants.begin(), contestants.end());
  table.header.insert(table.header.end(), {"share", "octet / best other"});
  std::map<std::string, double> logarithms;
  for (const std::string& product : products) {
    std::vector<std::string> row = {product};
    double octet = 0, other = 0, share = 0;
    for (const std::string& who : contestants) {
      const double giga = speed[product + who];
      row.push_back(giga > 0 ? significant(giga) : "-");
      logarithms[who] += std::log(giga);
      const bool own = who.rfind("octet_", 0) == 0;
      (own ? octet : other) = (std::max)(own ? octet : other, giga);
      if (own && giga == octet) share = giga / peak[who.substr(6)];
    }
    row.push_back(percent(share));
    row.push_back(other > 0 ? fixed(octet / other, 2) + (octet < other ? "  LOSES" : "") : "-");
    if (octet < other) table.marked.push_back(table.rows.size());
    logarithms["octet"] += std::log(octet);
    logarithms["other"] += std::log(other);
    table.rows.push_back(row);
  }
  const auto mean = [&](const std::string& who) {
    return std::exp(logarithms[who] / static_cast<double>(products.size()));
  };
  std::vector<std::string> means = {"geometric mean"}, ratios = {"octet / this, mean"};
  for (const std::string& who : contestants) {
    means.push_back(mean(who) > 0 ? significant(mean(who)) : "-");
    const bool own = who.rfind("octet_", 0) == 0;
    ratios.push_back(!own && mean(who) > 0 ? fixed(mean("octet") / mean(who), 2) : "");
  }
  ratios.insert(ratios.end(), {"", ""});
  means.push_back("");
  means.push_back(mean("other") > 0 ? fixed(mean("octet") / mean("other"), 2) : "-");
  table.rows.push_back(means);
  table.rows.push_back(ratios);
  return table;
}

Table layer_table(const octet::Json& layers) {
  Table table{"Layers that int8 helps least, and why",
              "Batch 1, one thread, " + layers["isa"].as_string() +
                  ". Of layers that take at least 2 % of their network's time, those that are less "
                  "than 1.5 times faster in int8, and those that reach less than 15 % of their "
                  "limit. The share is of the least possible time.",
              {"network", "layer", "float ms", "int8 ms", "float / int8", "share", "kernel", "why"},
              {}};
  for (const auto& [network, content] : layers["networks"].as_object())
    for (const octet::Json& layer : content["layers"].as_array()) {
      const octet::Json &float32 = layer["float32"], &int8 = layer["int8"];
      if (int8.is_null()) continue;
      const double milliseconds = int8["milliseconds"].as_number();
      const double share = int8["share_of_peak"].as_number();
      const double float_milliseconds = float32.is_null() ? 0 : float32["milliseconds"].as_number();
      const double ratio = layer["ratio"].as_number();
      if (milliseconds < 0.02 * content["int8_milliseconds"].as_number()) continue;
      if (ratio >= 1.5 && share >= 0.15) continue;
      const bool loses = layer["int8_loses"].as_bool();
      if (loses) table.marked.push_back(table.rows.size());
      table.rows.push_back({network, layer["name"].as_string(),
                            float_milliseconds > 0 ? fixed(float_milliseconds, 4)
                            : float32.is_null()    ? "-"
                                                   : float32["kernel"].as_string(),
                            fixed(milliseconds, 4),
                            ratio > 0 ? fixed(ratio, 2) + (loses ? " LOSES" : "") : "-",
                            percent(share), int8["kernel"].as_string(), int8["why"].as_string()});
    }
  return table;
}

/// The medians of whole networks in milliseconds.
struct NetworkTimes {
  /// By network/form/who, and by batch and threads.
  std::vector<std::string> rows, columns;
  std::map<std::string, double> milliseconds, share_of_peak;
  /// By network/form/ and column: the least of Octet, and of other libraries; 0 if there is none.
  std::map<std::string, double> own, other;

  explicit NetworkTimes(const Results& results) {
    for (const Measurement& each : results.networks) {
      const std::string form = each.parts[1] + "/" + each.parts[2] + "/";
      const std::string column = words(each.parts[4]) + ", " + words(each.parts[5]);
      add_once(columns, column);
      add_once(rows, form + each.parts[3]);
      const double time = 1e3 * each.seconds;
      milliseconds[form + each.parts[3] + column] = time;
      const int threads = each.parts[5] == "threads_1" ? 1 : 2;
      const double peak = results.peak.giga_operations(each.arithmetic, each.isa, threads);
      if (peak > 0) share_of_peak[form + each.parts[3] + column] = each.giga_operations() / peak;
      double& least = (is_other(each) ? other : own)[form + column];
      least = least > 0 ? (std::min)(least, time) : time;
    }
  }
  static std::string words(std::string name) {
    std::replace(name.begin(), name.end(), '_', ' ');
    if (name == "threads 1") return "1 thread";
    return name.rfind("threads ", 0) == 0 ? name.substr(8) + " threads" : name;
  }
};

Table network_table(const Results& results) {
  NetworkTimes times(results);
  Table table{"Whole networks",
              "Milliseconds for the whole batch; in brackets, how many times faster than Octet's "
              "fastest float32, and the share of the peak of arithmetic. Convolutions and linear "
              "layers are held to an instruction set; OCTET_ISA holds all kernels.",
              {"network", "form", "held to"},
              {}};
  table.header.insert(table.header.end(), times.columns.begin(), times.columns.end());
  for (const std::string& row : times.rows) {
    const auto first = row.find('/'), last = row.rfind('/');
    const std::string network = row.substr(0, first);
    std::vector<std::string> cells = {network, row.substr(first + 1, last - first - 1),
                                      row.substr(last + 1)};
    for (const std::string& column : times.columns) {
      const double here = times.milliseconds[row + column];
      const double base = times.own[network + "/float32/" + column];
      const double share = times.share_of_peak[row + column];
      cells.push_back(here > 0 ? significant(here) + " (" + fixed(base / here, 2) +
                                     (share > 0 ? ", " + percent(share) : "") + ")"
                               : "-");
    }
    table.rows.push_back(cells);
  }
  return table;
}

Table other_networks_table(const Results& results) {
  NetworkTimes times(results);
  Table table{"Whole networks against other libraries",
              "How many times faster Octet's fastest is than theirs; in brackets, their "
              "milliseconds and Octet's.",
              {"network", "form"},
              {}};
  table.header.insert(table.header.end(), times.columns.begin(), times.columns.end());
  std::vector<std::string> forms;
  for (const std::string& row : times.rows) add_once(forms, row.substr(0, row.rfind('/') + 1));
  for (const std::string& form : forms) {
    const auto slash = form.find('/');
    std::vector<std::string> cells = {form.substr(0, slash),
                                      form.substr(slash + 1, form.size() - slash - 2)};
    bool any = false, loses = false;
    for (const std::string& column : times.columns) {
      const double own = times.own[form + column], other = times.other[form + column];
      const bool both = own > 0 && other > 0;
      cells.push_back(both ? fixed(other / own, 2) + " (" + significant(other) + ", " +
                                 significant(own) + ")" + (other < own ? " LOSES" : "")
                           : "-");
      any = any || both;
      loses = loses || (both && other < own);
    }
    if (loses) table.marked.push_back(table.rows.size());
    if (any) table.rows.push_back(cells);
  }
  return table;
}

Table training_table(const Results& results) {
  Table table{"Training steps, all threads",
              "Forward, loss, backward, Adam; the share is of the peak of the precision.",
              {"network", "precision", "batch", "ms", "images/s", "peak MB", "GOP/s", "share"},
              {}};
  int threads = 1;
  for (const ComputePeak& each : results.peak.compute) threads = (std::max)(threads, each.threads);
  for (const Measurement& each : results.training) {
    const double peak = results.peak.giga_operations(each.arithmetic, each.isa, threads);
    table.rows.push_back({each.parts[1], each.parts[2], each.parts[3].substr(6),
                          significant(1e3 * each.seconds), significant(each.number("images/s")),
                          fixed(each.number("peak_mb"), 0), significant(each.giga_operations()),
                          peak > 0 ? percent(each.giga_operations() / peak) : "-"});
  }
  return table;
}

Table startup_table(const octet::Json& startup) {
  Table table{"From the start of a process to its first prediction in int8",
              "The program: " + fixed(startup["stripped_mb"].as_number(), 2) + " MB, stripped.",
              {"network", "model MB", "ms", "processor ms", "resident MB"},
              {}};
  for (const auto& [network, row] : startup["networks"].as_object())
    table.rows.push_back({network, fixed(row["model_mb"].as_number(), 2),
                          fixed(row["milliseconds"].as_number(), 1),
                          fixed(row["processor_milliseconds"].as_number(), 1),
                          fixed(row["resident_mb"].as_number(), 1)});
  return table;
}

Table kernel_table(const Results& results) {
  Table table{"Kernels",
              "Every row of every table, one thread unless told otherwise.",
              {"kernel", "us", "GOP/s", "GB/s", "share", "limit"},
              {}};
  for (const Measurement& each : results.kernels) {
    const Roof roof =
        results.peak.bandwidth.empty()
            ? Roof{}
            : results.peak.roof(each.arithmetic, each.isa, 1, each.operations, each.bytes);
    table.rows.push_back({each.name(), significant(1e6 * each.seconds),
                          each.operations > 0 ? significant(each.giga_operations()) : "-",
                          significant(each.bytes / each.seconds / 1e9),
                          percent(roof.seconds / each.seconds), roof.binds});
  }
  return table;
}

}  // namespace

std::vector<octet::page::Fact> facts_of(const Results& results) {
  std::vector<octet::page::Fact> facts;
  NetworkTimes times(results);
  const std::string column = "batch 1, 1 thread";
  // Geometric means of quotients of two times each, as far as both are there.
  const auto mean = [&](auto&& quotient) {
    double logarithms = 0, count = 0;
    std::vector<std::string> networks;
    for (const std::string& row : times.rows) add_once(networks, row.substr(0, row.find('/')));
    for (const std::string& network : networks) {
      const auto [above, below] = quotient(network);
      if (!(above > 0 && below > 0)) continue;
      logarithms += std::log(above / below);
      ++count;
    }
    return count > 0 ? std::exp(logarithms / count) : 0;
  };
  const auto add = [&](double value, const std::string& words) {
    if (value > 0) facts.push_back({fixed(value, 2) + " times", words});
  };
  add(mean([&](const std::string& network) {
        return std::pair(times.own[network + "/float32/" + column],
                         times.own[network + "/int8/" + column]);
      }),
      "as fast in int8 as in float32: geometric mean of the networks, " + column);
  add(mean([&](const std::string& network) {
        return std::pair(times.other[network + "/int8/" + column],
                         times.own[network + "/int8/" + column]);
      }),
      "as fast in int8 as onnxruntime in int8, " + column);
  add(mean([&](const std::string& network) {
        return std::pair(times.other[network + "/float32/" + column],
                         times.own[network + "/float32/" + column]);
      }),
      "as fast in float32 as onnxruntime in float32, " + column);
  for (const Arithmetic arithmetic : {Arithmetic::f32, Arithmetic::bf16, Arithmetic::s8}) {
    const ComputePeak* best = nullptr;
    for (const ComputePeak& each : results.peak.compute)
      if (each.arithmetic == arithmetic && each.threads == 1 &&
          (!best || each.giga_operations > best->giga_operations))
        best = &each;
    if (best)
      facts.push_back({significant(best->giga_operations) + " GOP/s",
                       "at most in " +
                           std::string(arithmetic_names[static_cast<std::size_t>(arithmetic)]) +
                           ", " + to_text(best->isa) + ", 1 thread"});
  }
  return facts;
}

std::vector<Table> tables_of(const Results& results) {
  std::vector<Table> tables;
  if (!results.peak.compute.empty()) {
    tables.push_back(peak_table(results.peak));
    tables.push_back(bandwidth_table(results.peak));
  }
  for (const char* const type : {"float32", "int8"})
    if (!results.gemm.empty()) tables.push_back(gemm_table(results, type));
  if (!results.layers.is_null()) tables.push_back(layer_table(results.layers));
  if (!results.networks.empty()) {
    tables.push_back(network_table(results));
    const Table others = other_networks_table(results);
    if (!others.rows.empty()) tables.push_back(others);
  }
  if (!results.training.empty()) tables.push_back(training_table(results));
  if (!results.startup.is_null()) tables.push_back(startup_table(results.startup));
  if (!results.headers.empty()) {
    Table table{"Cost of including",
                "A file that holds nothing but the include, at -O0.",
                {"header", "compiler", "seconds", "MB"},
                {}};
    for (const HeaderCost& cost : results.headers)
      table.rows.push_back(
          {cost.header, cost.compiler, fixed(cost.seconds, 2), fixed(cost.megabytes, 0)});
    tables.push_back(table);
  }
  if (!results.kernels.empty()) tables.push_back(kernel_table(results));
  return tables;
}

}  // namespace bench
