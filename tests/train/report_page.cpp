// The report as a page: well-formed, without links, and with the numbers of its JSON.
#include "octet/train/report_page.hpp"

#include <doctest/doctest.h>
#include <set>

#include "contains.hpp"
#include "message_of.hpp"
#include "octet/graph/graph.hpp"
#include "octet/nn/registry.hpp"
#include "octet/program/quantize.hpp"
#include "temporary_folder.hpp"

using namespace octet;

namespace {

/// What is not well-formed about the text behind its doctype; empty if nothing is.
std::string fault_of(std::string_view text) {
  const std::string_view doctype = "<!doctype html>\n";
  if (!text.starts_with(doctype)) return "no doctype";
  text.remove_prefix(doctype.size());
  std::vector<std::string> open;
  bool had_root = false;
  const auto faulty_text = [&](std::string_view part) {
    for (std::size_t i = part.find('&'); i != std::string_view::npos; i = part.find('&', i + 1)) {
      const std::string_view entity = part.substr(i, part.find(';', i) - i + 1);
      if (entity != "&amp;" && entity != "&lt;" && entity != "&gt;" && entity != "&quot;")
        return true;
    }
    return part.find('>') != std::string_view::npos;
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = (std::min)(text.find('<', at), text.size());
    const std::string_view between = text.substr(at, begin - at);
    if (faulty_text(between)) return "text: " + std::string(between);
    if (open.empty() && between.find_first_not_of("\n ") != std::string_view::npos)
      return "text outside of the root";
    if (begin == text.size()) break;
    std::size_t end = begin + 1;
    for (bool quoted = false; end < text.size() && (quoted || text[end] != '>'); ++end)
      quoted ^= text[end] == '"';
    if (end == text.size()) return "a tag without end";
    std::string_view tag = text.substr(begin + 1, end - begin - 1);
    at = end + 1;
    if (tag.starts_with('/')) {
      if (open.empty() || open.back() != tag.substr(1)) return "closes " + std::string(tag);
      open.pop_back();
      continue;
    }
    const bool alone = tag.ends_with('/');
    if (alone) tag.remove_suffix(1);
    const std::string name(tag.substr(0, tag.find(' ')));
    if (name.empty() || name.find_first_not_of("abcdefghijklmnopqrstuvwxyz12") != name.npos)
      return "name " + name;
    tag.remove_prefix(name.size());
    std::set<std::string> attributes;
    while (!tag.empty()) {
      const std::size_t equals = tag.find("=\"");
      if (tag[0] != ' ' || equals == tag.npos) return "attributes of " + name;
      const std::size_t quote = tag.find('"', equals + 2);
      if (quote == tag.npos || tag.substr(equals, quote - equals).find('<') != tag.npos ||
          faulty_text(tag.substr(equals + 2, quote - equals - 2)) ||
          !attributes.insert(std::string(tag.substr(1, equals - 1))).second)
        return "attribute of " + name;
      tag.remove_prefix(quote + 1);
    }
    if (open.empty() && had_root) return "two roots";
    had_root = true;
    if (!alone) open.push_back(name);
  }
  return open.empty() ? "" : "never closes " + open.back();
}

std::string umlauts(int count) {
  std::string text;
  while (count-- > 0) text += "\xC3\x9C";
  return text;
}

const char* const hostile = "<b> & \"Fear\"\x01";

/// A network with a layer that stays float32, and made-up answers of its two forms.
NetworkReport report_of_a_small_network() {
  Graph<float> graph(2);
  auto x = graph.input({8, 8, 3});
  x = depthwise_conv2d(relu(conv2d(x, 5, {.kernel = 3})), {.kernel = 3});
  graph.output(softmax(linear(flatten(x), 3)));
  Tensor<float> images({20, 8, 8, 3});
  const Random random(4);
  for (std::int64_t i = 0; i < images.elements(); ++i)
    images[i] = static_cast<float>(random.normal(static_cast<std::uint64_t>(i)));
  const Program program = compile(graph);
  const QuantizedProgram quantized = quantize(program, batches_of(images));

  NetworkReport report;
  report.title = "Faces <1> & more";
  report.class_names = {"happy", hostile, umlauts(11)};
  for (const char* const name : {"float32", "float16 weights", "int8"}) {
    ReportedForm form{name, {}, 12345, program.weight_bytes(), program.arena_bytes()};
    for (std::uint64_t i = 0; i < 300; ++i) {
      std::vector<double> scores;
      for (std::uint64_t k = 0; k < 3; ++k)
        scores.push_back(
            random.uniform(3 * i + k) + 0.2 * (i % 3 == k) +
            (i % 7 ? 0 : 0.4 * random.uniform(report.forms.size() * 5000 + 3 * i + k)));
      form.evaluation.add(static_cast<int>(i % 3), std::span<const double>(scores));
    }
    report.forms.push_back(std::move(form));
  }
  report.quantization = quantized.report;
  report.quantization.warnings.push_back("the images look odd");
  report.costs = compare_costs(&program, &quantized.program,
                               TensorView<const float>(images).rows(0, 2), {.rounds = 3});
  return report;
}

}  // namespace

TEST_CASE("the checker of pages finds what is planted") {
  const std::string head = "<!doctype html>\n";
  CHECK(fault_of(head + "<p a=\"1&amp;2\" b=\"3\">x<br/></p>\n").empty());
  for (const char* const bad : {"<p>", "<p></b></p>", "<p>a & b</p>", "<p>&nbsp;</p>",
                                "<p a=1></p>", "<p a=\"1\" a=\"2\"/>", "<p a=\"<\"/>", "<p/><p/>",
                                "<p>></p>", "x<p/>", "<p", "<p a=\"1></p>", "</p>"})
    CHECK_MESSAGE(!fault_of(head + bad).empty(), bad);
}

TEST_CASE("page: axes are labelled at round values") {
  const auto labels = [](double low, double high, int count) {
    const page::RoundValues marks = page::round_values(low, high, count);
    std::string text;
    for (const double value : marks.values) text += page::fixed(value, marks.decimals) + " ";
    return text;
  };
  CHECK(labels(0, 0.171, 4) == "0.00 0.05 0.10 0.15 ");
  CHECK(labels(0, 60, 4) == "0 20 40 60 ");
  CHECK(labels(27.34, 33.22, 5) == "28 30 32 ");
  CHECK(labels(-3, 3, 3) == "-2 0 2 ");
  CHECK(labels(0, 10000, 4) == "0 5000 10000 ");
  CHECK(labels(7, 7, 4) == "7 ");
}

TEST_CASE("page: tables set numbers to the right, break long words, and mark rows") {
  page::Page written("A page");
  written.table({"T",
                 "",
                 {"name", "ms", "why"},
                 {{"1 conv", "-1.5 (2)", std::string(45, 'w')}, {"x", "-", ""}},
                 {1}});
  written.facts({{"3 < 4", "times"}});
  const std::string html = written.finish();
  CHECK(fault_of(html) == "");
  CHECK(contains(html, "<th>name</th><th class=\"number\">ms</th><th class=\"words\">why</th>"));
  CHECK(contains(html, "<tr><td>1 conv</td><td class=\"number\">-1.5 (2)</td>"));
  CHECK(contains(html, "<tr class=\"marked\"><td>x</td><td class=\"number\">-</td>"));
  CHECK(contains(html, "<b>3 &lt; 4</b>times"));
}

TEST_CASE("report: the page is well-formed, links to nothing, and holds the JSON's numbers") {
  const NetworkReport report = report_of_a_small_network();
  const Json json = report_json(report);
  const std::string html = report_page(json);
  CHECK(fault_of(html) == "");
  CHECK_FALSE(contains(html, "http"));
  CHECK_FALSE(contains(html, "<script"));
  CHECK_FALSE(contains(html, "src="));
  CHECK(contains(html, "prefers-color-scheme: dark"));
  CHECK(contains(html, "<h1>Faces &lt;1&gt; &amp; more</h1>"));
  CHECK(contains(html, "&lt;b&gt; &amp; &quot;Fear&quot;?"));
  CHECK(contains(html, "Warning: the images look odd"));
  // The figures at its head are those of the last form against the first.
  const Json& last = json["forms"].as_array()[2];
  CHECK(contains(html, text_of("<b>", page::fixed(100 * last["accuracy"]["value"].as_number(), 2),
                               " %</b>int8 is right on; float32 on ")));
  CHECK(contains(
      html, text_of("Of 300 answers ", last["right_to_wrong"].as_integer(), " became wrong and ",
                    last["wrong_to_right"].as_integer(), " right</div>")));
  CHECK(contains(html, "<b>1.00 times</b>smaller: 12 KB in place of 12 KB"));
  // Of a long name in a plot no character is cut in two.
  CHECK(contains(html, ">" + umlauts(8) + "<"));
  CHECK_FALSE(contains(html, "\xC3<"));

  std::vector<std::string> missing;
  const auto expect = [&](const std::string& text) {
    if (!contains(html, ">" + text + "<")) missing.push_back(text);
  };
  const auto percent = [](const Json& share) { return page::fixed(100 * share.as_number(), 2); };
  const auto interval = [&](const Json& share) {
    return percent(share["value"]) + " (" + percent(share["low"]) + " to " +
           percent(share["high"]) + ")";
  };
  REQUIRE(json["forms"].as_array().size() == 3);
  for (const Json& form : json["forms"].as_array()) {
    expect(interval(form["accuracy"]));
    expect(percent(form["top_2"]["value"]));
    expect(form["weight_bytes"].text());
    if (form["name"].as_string() == "float32") continue;
    expect(form["right_to_wrong"].text());
    expect(form["wrong_to_right"].text());
    expect(page::fixed(form["mcnemar_mid_p"].as_number(), 3));
  }
  const Json::Array& before = json["forms"].as_array()[0]["confusion"].as_array();
  const Json::Array& after = json["forms"].as_array()[2]["confusion"].as_array();
  for (std::size_t label = 0; label < 3; ++label) {
    for (std::size_t k = 0; k < 3; ++k)
      expect(before[label].as_array()[k].text() + " / " + after[label].as_array()[k].text());
    for (const std::size_t form : {0, 2}) {
      const Json& found = json["forms"].as_array()[form]["classes"].as_array()[label];
      expect(interval(found["recall"]));
      expect(percent(found["precision"]));
      expect(percent(found["f1"]));
    }
  }
  REQUIRE(json["quantization"]["layers"].as_array().size() == 4);
  for (const Json& layer : json["quantization"]["layers"].as_array()) {
    expect(layer["kernel"].as_string());
    expect(page::fixed(layer["sqnr_db"].as_number(), 1));
    if (layer["type"].as_string() == "int8")
      expect(page::fixed(100 * layer["saturated"].as_number(), 4));
    else
      expect(layer["float_because"].as_string());
    if (const Json* const weights = layer.find("weights")) {
      expect(page::fixed((*weights)["sqnr_db"].as_number(), 1));
      expect((*weights)["codes_in_use"].text() + " of 255");
    }
  }
  for (const Json& operation : json["costs"]["operations"].as_array())
    for (const char* const form : {"float32", "int8"}) {
      const Json& cost = operation[form];
      if (cost.is_null()) continue;
      expect(page::fixed(cost["milliseconds"].as_number(), 4));
      expect(page::fixed(cost["bytes_moved"].as_number() / 1000, 1));
      expect(cost["kernel"].as_string());
    }
  for (const Json& point : json["quantization"]["curve"].as_array()) {
    expect(percent(point["largest_change"]));
    expect(percent(point["largest_cut"]));
  }
  CHECK(contains(html, "Verdict: " + json["quantization"]["verdict"].as_string() + "."));
  CAPTURE(html.size());
  for (const std::string& each : missing) FAIL_CHECK("the page lacks " << each);
}

TEST_CASE("report: the page says what the doctor found and did") {
  NetworkReport report = report_of_a_small_network();
  CHECK_FALSE(contains(report_page(report_json(report)), "The doctor"));
  report.doctor.emplace();
  report.doctor->in_float = report.forms[0].evaluation;
  report.doctor->before = report.doctor->after = report.forms[2].evaluation;
  report.doctor->ranking_images = 100;
  report.doctor->layers.push_back({"conv2d_1 & more", "conv2d", mcnemar(2, 1), 37});
  Treatment treatment;
  treatment.name = "learned rounding";
  treatment.answers = mcnemar(3, 33);
  treatment.seconds = 7.25;
  report.doctor->treatments.push_back(treatment);
  std::string html = report_page(report_json(report));
  CHECK(fault_of(html) == "");
  CHECK(contains(html, "Applied: nothing, for nothing pays."));
  CHECK(contains(html, ">learned rounding</td>"));
  CHECK(contains(html, ">left<"));
  CHECK(contains(html, ">10.00 (6.25 to 13.75)<"));
  CHECK(contains(html, "alone in int8, on 100 images"));
  CHECK(contains(html, ">conv2d_1 &amp; more<"));
  CHECK(contains(html, ">37<"));
  report.doctor->treatments[0].applied = true;
  html = report_page(report_json(report));
  CHECK(contains(html, "Applied: learned rounding."));
  CHECK(contains(html, ">applied<"));
}

TEST_CASE("report: the JSON counts what the evaluations and the timing say") {
  const NetworkReport report = report_of_a_small_network();
  const Json json = report_json(report);
  const Json& int8 = json["forms"].as_array()[2];
  const McNemar test = mcnemar(report.forms[0].evaluation, report.forms[2].evaluation);
  CHECK(test.right_to_wrong + test.wrong_to_right > 0);
  CHECK(int8["right_to_wrong"].as_integer() == test.right_to_wrong);
  CHECK(int8["wrong_to_right"].as_integer() == test.wrong_to_right);
  CHECK(int8["mcnemar_exact_p"].as_number() == test.exact_p);
  CHECK(int8["accuracy"]["value"].as_number() == report.forms[2].evaluation.accuracy().value);
  std::int64_t images = 0;
  for (const Json& row : int8["confusion"].as_array())
    for (const Json& count : row.as_array()) images += count.as_integer();
  CHECK(images == 300);

  // Conversions stand in one form alone.
  std::vector<std::string> names;
  for (const Json& each : json["costs"]["operations"].as_array()) {
    names.push_back(each["name"].as_string());
    CHECK((each["float32"].is_null() || each["int8"].is_null()) ==
          (each["type"].as_string() == "quantize" || each["type"].as_string() == "dequantize"));
  }
  CHECK(names.size() == 6);
  CHECK(names.front() == "input.int8");
  CHECK(json["costs"]["batch"].as_integer() == 2);
}

TEST_CASE("report: what was not timed is neither faster nor slower") {
  NetworkReport report = report_of_a_small_network();
  const auto page_with = [&](double float32, double int8) {
    report.costs.float32_milliseconds = float32;
    report.costs.int8_milliseconds = int8;
    return report_page(report_json(report));
  };
  const auto row = [](const char* before, const char* after, const char* ratio) {
    std::string text = "<tr><td>whole run</td>";
    for (const char* const cell : {before, after, ratio})
      text += text_of("<td class=\"number\">", cell, "</td>");
    return text;
  };
  std::string html = page_with(3, 2);
  CHECK(contains(html, "<b>1.50 times</b>as fast: 2 ms in place of 3 ms"));
  CHECK(contains(html, row("3.0000", "2.0000", "1.50")));
  html = page_with(3, 0);
  CHECK_FALSE(contains(html, "as fast"));
  CHECK(contains(html, row("3.0000", "-", "-")));
  html = page_with(0, 2);
  CHECK_FALSE(contains(html, "as fast"));
  CHECK(contains(html, row("-", "2.0000", "-")));
  report.costs = {};
  html = report_page(report_json(report));
  CHECK(fault_of(html) == "");
  CHECK_FALSE(contains(html, "as fast"));
  CHECK_FALSE(contains(html, "whole run"));
}

TEST_CASE("report: of nothing but errors the ratio is finite, and its bar has no height") {
  NetworkReport report = report_of_a_small_network();
  report.quantization.layers[0].sqnr_db = ErrorSums{0, 1, 1, 0}.sqnr_db();
  const std::string html = report_page(report_json(report));
  CHECK(fault_of(html) == "");
  CHECK(contains(html, "<b>-3000.0 dB</b>is the lowest SQNR of a layer"));
  CHECK_FALSE(contains(html, "height=\"-"));
}

TEST_CASE("report: a JSON whose arrays have other sizes is refused by a sentence") {
  const Json good = report_json(report_of_a_small_network());
  const auto complaint = [&](std::string_view part, std::string_view other) {
    std::string text = good.text();
    const std::size_t begin = text.find(part);
    REQUIRE(begin != text.npos);
    // To the end of the array that begins there.
    std::size_t end = text.find('[', begin);
    int depth = 0;
    do depth += (text[end] == '[') - (text[end] == ']');
    while (++end < text.size() && depth > 0);
    text.replace(begin, end - begin, text_of(part, ":", other));
    return message_of([&] { report_page(Json::parse(text)); });
  };
  CHECK(complaint("\"forms\"", "[]") == "report: expected at least two forms to compare, got 0");
  CHECK(complaint("\"classes\"", "[]") == "report: float32: confusion: expected 0 elements, got 3");
  CHECK(complaint("\"confusion\"", "[[],[],[]]") ==
        "report: float32: confusion: expected 3 elements, got 0");
  CHECK(complaint("\"float_range\"", "[]") ==
        "report: conv2d_1: float_range: expected 2 elements, got 0");
  CHECK(complaint("\"int8_range\"", "[1]") ==
        "report: conv2d_1: int8_range: expected 2 elements, got 1");
  CHECK(complaint("\"activations\":{\"range\"", "[]") ==
        "report: conv2d_1: activations: expected 2 elements, got 0");
  CHECK(complaint("\"weights\":{\"range\"", "[1,2,3]") ==
        "report: conv2d_1: weights: expected 2 elements, got 3");
}

TEST_CASE("report: a JSON that was read back gives the same page") {
  const Json json = report_json(report_of_a_small_network());
  // Where nothing is lost the ratio is infinite, which becomes null.
  CHECK(report_page(Json::parse(json.text())) == report_page(json));
}

TEST_CASE("report: both files are written, and bad places are told before anything is computed") {
  const NetworkReport report = report_of_a_small_network();
  const TemporaryFolder folder;
  const std::string stem = folder.path("report");
  check_report_path(stem + ".html");
  write_report(report, stem + ".html");
  const auto text_of_file = [](const std::string& path) {
    const auto bytes = read_file(path);
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  CHECK(text_of_file(stem + ".html") == report_page(report_json(report)));
  CHECK(text_of_file(stem + ".json") == report_json(report).text() + "\n");

  for (const char* const path : {"report", "report.htm", ".html", ""})
    CHECK(message_of([&] { check_report_path(path); }) ==
          text_of("report: expected a path that ends in .html, got \"", path, '"'));
  CHECK(contains(message_of([&] { check_report_path("no/such/folder/a.html"); }),
                 "no/such/folder/a.html: cannot be written"));
  const TemporaryFolder blocked;
  std::filesystem::create_directory(blocked.path("report.json"));
  CHECK(message_of([&] { write_report(report, blocked.path("report.html")); }) ==
        blocked.path("report.json") + ": expected a file or nothing, got a folder or a device");
  CHECK_FALSE(std::filesystem::exists(blocked.path("report.html")));
  NetworkReport other = report;
  other.forms[1].evaluation = other.forms[1].evaluation.subset(std::vector<bool>(300));
  CHECK(message_of([&] { report_json(other); }) ==
        "report: float16 weights: expected an evaluation of at least one image, got none");
  other = report;
  other.class_names.pop_back();
  CHECK(message_of([&] { report_json(other); }) == "report: float32: expected 2 classes, got 3");
  other.forms.resize(1);
  CHECK(contains(message_of([&] { report_json(other); }), "at least two forms"));
}
