// The report on a network and its int8 form as a page for people, drawn from the JSON alone.
#pragma once

#include <cmath>
#include <concepts>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "octet/core/file.hpp"
#include "octet/core/page.hpp"
#include "octet/core/utf8.hpp"
#include "octet/train/doctor_page.hpp"
#include "octet/train/network_report.hpp"
#include "octet/train/share.hpp"

namespace octet::inline OCTET_ABI {

/// Draws what report_json() wrote. A template only so that it is compiled where it is used.
template <std::same_as<Json> AnyJson>
class ReportPage {
  // These depend on the template's parameter, so that what follows is compiled where it is used.
  using Json = AnyJson;
  using Array = typename AnyJson::Array;
  using Svg = page::BasicSvg<AnyJson>;
  using Table = page::Table;
  using LinearAxis = page::LinearAxis;

 public:
  explicit ReportPage(const AnyJson& report)
      : report_(report),
        forms_(report["forms"].as_array()),
        layers_(report["quantization"]["layers"].as_array()),
        operations_(report["costs"]["operations"].as_array()),
        page_(report["title"].as_string()) {
    check_report_json(report);
  }

  std::string run() {
    for (const Json& warning : report_["quantization"]["warnings"].as_array())
      page_.paragraph("Warning: " + warning.as_string());
    summary();
    accuracy();
    classes();
    confusion();
    times();
    errors();
    calibration();
    if (const Json* const doctor = report_.find("doctor"); doctor && !doctor->is_null())
      write_doctor(*doctor, page_);
    page_.heading("Layer by layer");
    page_.paragraph(
        "What each layer computes in float32 (bars, logarithmic heights), on the steps that int8 "
        "can express (orange lines; every 16th is longer). Values beyond the steps are cut off. "
        "Below, its weights in steps of their channel's scale: a bar for each int8 weight.");
    for (const Json& layer : layers_) this->layer(layer);
    return page_.finish();
  }

 private:
  static std::string significant(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.4g", value);
    return text;
  }
  static std::string range(const Json& ends) {
    return significant(ends.as_array()[0].as_number()) + " to " +
           significant(ends.as_array()[1].as_number());
  }
  static std::string decibels(const Json& value) {
    return is_finite(value) ? page::fixed(value.as_number(), 1) : "exact";
  }
  /// An infinite SQNR is null where the JSON was read from a file.
  static bool is_finite(const Json& value) {
    return value.is_number() && std::isfinite(value.as_number());
  }
  static bool is_int8(const Json& layer) { return layer["type"].as_string() == "int8"; }
  /// The colour of a form, by its name.
  static std::string_view style_of(const std::string& name) {
    return name == "int8" ? "int8" : name == "float32" ? "float32" : "float16";
  }
  const Json& first() const { return forms_.front(); }
  const Json& last() const { return forms_.back(); }
  const std::string& first_name() const { return first()["name"].as_string(); }
  const std::string& last_name() const { return last()["name"].as_string(); }

  /// What int8 cost and what it brought, against the first form.
  void summary() {
    const auto bytes = [](const Json& form) {
      const double file = form["file_bytes"].as_number();
      return file > 0 ? file : form["weight_bytes"].as_number();
    };
    const auto size = [](double count) {
      return count < 1e6 ? page::fixed(count / 1e3, 0) + " KB"
                         : page::fixed(count / 1e6, 2) + " MB";
    };
    const auto times = [](double ratio) { return page::fixed(ratio, ratio < 10 ? 2 : 1); };
    const Json& costs = report_["costs"];
    const double before = costs["float32_milliseconds"].as_number();
    const double after = costs["int8_milliseconds"].as_number();
    const Json* weakest = nullptr;
    for (const Json& layer : layers_)
      if (is_finite(layer["sqnr_db"]) &&
          (!weakest || layer["sqnr_db"].as_number() < (*weakest)["sqnr_db"].as_number()))
        weakest = &layer;
    std::vector<page::Fact> facts = {
        {percent_text(last()["accuracy"]["value"]) + " %",
         text_of(last_name(), " is right on; ", first_name(), " on ",
                 percent_text(first()["accuracy"]["value"]), " %. Of ",
                 last()["images"].as_integer(), " answers ", last()["right_to_wrong"].as_integer(),
                 " became wrong and ", last()["wrong_to_right"].as_integer(), " right")}};
    if (before > 0 && after > 0)
      facts.push_back({times(before / after) + " times",
                       text_of("as fast: ", significant(after), " ms in place of ",
                               significant(before), " ms, batch ", costs["batch"].as_integer(),
                               ", ", thread_count(), ", ", report_["isa"].as_string())});
    facts.push_back(
        {times(bytes(first()) / (std::max)(bytes(last()), 1.0)) + " times",
         text_of("smaller: ", size(bytes(last())), " in place of ", size(bytes(first())))});
    if (weakest)
      facts.push_back({decibels((*weakest)["sqnr_db"]) + " dB",
                       "is the lowest SQNR of a layer, that of " + (*weakest)["name"].as_string()});
    page_.facts(facts);
  }
  std::string thread_count() const {
    const std::int64_t count = report_["costs"]["threads"].as_integer();
    return text_of(count, count == 1 ? " thread" : " threads");
  }
  /// float32 and int8, or what the forms that are compared are called.
  void draw_key(Svg& svg, double x, double y) const {
    const std::pair<std::string_view, std::string_view> entries[] = {
        {style_of(first_name()), first_name()}, {style_of(last_name()), last_name()}};
    svg.key(x, y, entries);
  }

  /// With a space in front, if it is not empty.
  static std::string clause(const std::string& text) { return text.empty() ? "" : " " + text; }

  void accuracy() {
    const double height = 30 + 26 * static_cast<double>(forms_.size());
    Svg svg(480, height + 26, "accuracy of each form with its interval");
    double low = 1, high = 0;
    for (const Json& form : forms_) {
      low = (std::min)(low, form["accuracy"]["low"].as_number());
      high = (std::max)(high, form["accuracy"]["high"].as_number());
    }
    high = (std::max)(high, low + 1e-4);
    const LinearAxis x{low, high, 120, 450};
    const page::RoundValues marks = page::round_values<AnyJson>(100 * low, 100 * high, 5);
    for (const double value : marks.values) {
      svg.line(x(value / 100), 10, x(value / 100), height, "grid");
      svg.text(x(value / 100), height + 16, page::fixed(value, marks.decimals) + " %", "middle");
    }
    double y = 28;
    Table table{"",
                "",
                {"form", "accuracy %", "top-2 %", "right to wrong", "wrong to right", "mid-p",
                 "file bytes", "weight bytes"},
                {}};
    for (const Json& form : forms_) {
      const std::string& name = form["name"].as_string();
      const Json& share = form["accuracy"];
      const std::string_view style = style_of(name);
      svg.text(112, y + 4, name, "end");
      svg.bar(x(share["low"].as_number()), y - 5,
              x(share["high"].as_number()) - x(share["low"].as_number()), 10, style,
              name + ": " + share_text(share) + " %", 0.5);
      const double center = x(share["value"].as_number());
      svg.line(center, y - 8, center, y + 8, "one");
      y += 26;
      const bool itself = &form == &first();
      const auto number = [&](const char* key) { return form[key].text(); };
      table.rows.push_back(
          {name, share_text(share), percent_text(form["top_2"]["value"]),
           itself ? "" : number("right_to_wrong"), itself ? "" : number("wrong_to_right"),
           itself ? "" : page::fixed(form["mcnemar_mid_p"].as_number(), 3),
           form["file_bytes"].as_integer() ? number("file_bytes") : "-", number("weight_bytes")});
    }
    page_.heading("Accuracy and size");
    page_.paragraph(text_of(
        "On ", first()["images"].as_integer(), " images", clause(report_["images"].as_string()),
        ", with the 95 % interval (Wilson). All forms saw the same images, so what tells them "
        "apart are the "
        "answers that changed against ",
        first_name(),
        ". McNemar's mid-p is the probability of such a difference, or a larger one, between two "
        "equally good forms: below 0.05 it is hardly chance."));
    page_.beside({svg.finish()}, table);
  }

  void classes() {
    const Array &before = first()["classes"].as_array(), &after = last()["classes"].as_array();
    const double strip = 62, width = 50 + strip * static_cast<double>(before.size());
    Svg svg(width + 10, 226, "recall of each class in both forms");
    const LinearAxis y{0, 1, 180, 20};
    for (const double value : {0.0, 0.25, 0.5, 0.75, 1.0}) {
      svg.line(44, y(value), width, y(value), "grid");
      svg.text(38, y(value) + 4, page::fixed(100 * value, 0), "end");
    }
    svg.text(38, 10, "%", "end", "unit");
    draw_key(svg, 50, 221);
    Table table{"",
                "",
                {"class", "images", "recall % " + first_name(), "recall % " + last_name(),
                 "precision % " + first_name(), "precision % " + last_name(),
                 "F1 % " + first_name(), "F1 % " + last_name()},
                {}};
    for (std::size_t i = 0; i < before.size(); ++i) {
      const std::string& name = before[i]["name"].as_string();
      const double left = 50 + strip * static_cast<double>(i);
      int place = 0;
      for (const auto* const form : {&before[i], &after[i]}) {
        const double top = y((*form)["recall"]["value"].as_number());
        const std::string& whose = place ? last_name() : first_name();
        svg.bar(left + 22 * place, top, 20, 180 - top, style_of(whose),
                text_of(name, ", ", whose, ": ", share_text((*form)["recall"])));
        const double middle = left + 22 * place + 10;
        svg.line(middle, y((*form)["recall"]["low"].as_number()), middle,
                 y((*form)["recall"]["high"].as_number()), "one");
        ++place;
      }
      svg.text(left + 21, 196, first_letters(name, 9), "middle");
      table.rows.push_back({name, before[i]["images"].text(), share_text(before[i]["recall"]),
                            share_text(after[i]["recall"]), percent_text(before[i]["precision"]),
                            percent_text(after[i]["precision"]), percent_text(before[i]["f1"]),
                            percent_text(after[i]["f1"])});
    }
    page_.heading("Class by class");
    page_.paragraph(
        "Recall: of the images of a class, the share that was found, with its 95 % interval. "
        "Precision: of the images that were taken for a class, the share that belongs to it. F1: "
        "their harmonic mean.");
    page_.beside({svg.finish()}, table);
  }

  std::string matrix(const Json& form) const {
    const Array& rows = form["confusion"].as_array();
    const Array& names = form["classes"].as_array();
    const std::string& whose = form["name"].as_string();
    const double cell = 56, high = 30, left = 80, top = 44;
    const double side = cell * static_cast<double>(rows.size());
    Svg svg(left + side + 10, top + high * static_cast<double>(rows.size()) + 10,
            "confusion matrix of " + whose);
    svg.text(left, 14, whose, "start", "title");
    for (std::size_t label = 0; label < rows.size(); ++label) {
      const double y = top + high * static_cast<double>(label);
      svg.text(left - 6, y + 20, first_letters(names[label]["name"].as_string(), 10), "end");
      svg.text(left + cell * (static_cast<double>(label) + 0.5), top - 8,
               first_letters(names[label]["name"].as_string(), 8), "middle");
      const double all = (std::max)(1.0, names[label]["images"].as_number());
      for (std::size_t predicted = 0; predicted < rows.size(); ++predicted) {
        const Json& count = rows[label].as_array()[predicted];
        const double x = left + cell * static_cast<double>(predicted);
        svg.bar(x + 1, y + 1, cell - 2, high - 2, label == predicted ? "right" : "loss",
                text_of(names[label]["name"].as_string(), " taken for ",
                        names[predicted]["name"].as_string(), ": ", count.as_integer()),
                0.06 + 0.6 * count.as_number() / all);
        svg.text(x + cell / 2, y + 20, count.text(), "middle");
      }
    }
    return svg.finish();
  }
  void confusion() {
    Table table{"", "", {"true"}, {}};
    const Array& names = first()["classes"].as_array();
    for (std::size_t label = 0; label < names.size(); ++label) {
      table.header.push_back(names[label]["name"].as_string());
      std::vector<std::string> row = {names[label]["name"].as_string()};
      for (std::size_t k = 0; k < names.size(); ++k)
        row.push_back(first()["confusion"].as_array()[label].as_array()[k].text() + " / " +
                      last()["confusion"].as_array()[label].as_array()[k].text());
      table.rows.push_back(std::move(row));
    }
    page_.heading("Confusion");
    page_.paragraph(
        "Rows are what an image shows, columns what it was taken for; blue is right, red is wrong, "
        "the stronger the larger the share of the row.");
    page_.beside({matrix(first()), matrix(last())});
    page_.open(text_of("Both in one table, ", first_name(), " / ", last_name()));
    page_.beside({}, table);
    page_.close();
  }

  void times() {
    if (operations_.empty()) return;
    const Json& costs = report_["costs"];
    double longest = 1e-9;
    for (const Json& each : operations_)
      for (const char* const form : {"float32", "int8"})
        if (!each[form].is_null())
          longest = (std::max)(longest, each[form]["milliseconds"].as_number());
    const double pitch = 18, width = 60 + pitch * static_cast<double>(operations_.size());
    Svg svg((std::max)(width + 10, 260.0), 220 + name_height(operations_),
            "milliseconds of each operation in both forms");
    const LinearAxis y{0, longest, 210, 30};
    const page::RoundValues marks = page::round_values<AnyJson>(0, longest, 4);
    for (const double value : marks.values) {
      svg.line(54, y(value), width, y(value), "grid");
      svg.text(50, y(value) + 4, page::fixed(value, marks.decimals), "end");
    }
    svg.text(50, 14, "ms", "end", "unit");
    const std::pair<std::string_view, std::string_view> forms[] = {{"float32", "float32"},
                                                                   {"int8", "int8"}};
    svg.key(62, 14, forms);
    Table table{"",
                "",
                {"operation", "float32 ms", "int8 ms", "float32 / int8", "float32 KB", "int8 KB",
                 "float32 kernel", "int8 kernel"},
                {}};
    double left = 58;
    for (const Json& each : operations_) {
      std::vector<std::string> cells[3];
      double place = left;
      for (const char* const form : {"float32", "int8"}) {
        const Json& cost = each[form];
        const bool there = !cost.is_null();
        cells[0].push_back(there ? page::fixed(cost["milliseconds"].as_number(), 4) : "-");
        cells[1].push_back(there ? page::fixed(cost["bytes_moved"].as_number() / 1000, 1) : "-");
        cells[2].push_back(there ? cost["kernel"].as_string() : "-");
        if (there)
          svg.bar(place, y(cost["milliseconds"].as_number()), 7,
                  210 - y(cost["milliseconds"].as_number()), form,
                  text_of(each["name"].as_string(), ", ", form, ": ", cells[0].back(), " ms, ",
                          cells[2].back()));
        place += 8;
      }
      svg.upright(left + 12, 218, each["name"].as_string());
      left += pitch;
      const double ratio = each["float32_over_int8"].as_number();
      const bool both = ratio > 0;
      if (both && ratio < 1) table.marked.push_back(table.rows.size());
      table.rows.push_back({each["name"].as_string(), cells[0][0], cells[0][1],
                            both ? page::fixed(ratio, 2) : "-", cells[1][0], cells[1][1],
                            cells[2][0], cells[2][1]});
    }
    const double before = costs["float32_milliseconds"].as_number();
    const double after = costs["int8_milliseconds"].as_number();
    const auto measured = [](double value, int decimals) {
      return value > 0 ? page::fixed(value, decimals) : "-";
    };
    table.rows.push_back({"whole run", measured(before, 4), measured(after, 4),
                          measured(after > 0 ? before / after : 0, 2), "", "", "", ""});
    page_.heading("Time and bytes, operation by operation");
    page_.paragraph(text_of("Medians on ", report_["isa"].as_string(), ", batch ",
                            costs["batch"].as_integer(), ", ", thread_count(),
                            "; the forms took turns. KB: inputs, weights and output, each moved "
                            "once. Red: slower in int8."));
    page_.beside({svg.finish()}, table);
  }

  void errors() {
    double loudest = 60;
    for (const Json& layer : layers_)
      if (is_finite(layer["sqnr_db"])) loudest = (std::max)(loudest, layer["sqnr_db"].as_number());
    const double pitch = 16, width = 60 + pitch * static_cast<double>(layers_.size());
    Svg svg((std::max)(width + 10, 260.0), 190 + name_height(layers_),
            "SQNR of each layer in decibels");
    const LinearAxis y{0, loudest, 180, 30};
    const page::RoundValues marks = page::round_values<AnyJson>(0, loudest, 4);
    for (const double value : marks.values) {
      svg.line(44, y(value), width, y(value), "grid");
      svg.text(38, y(value) + 4, page::fixed(value, marks.decimals), "end");
    }
    svg.text(38, 14, "dB", "end", "unit");
    const std::pair<std::string_view, std::string_view> types[] = {{"int8", "int8"},
                                                                   {"float32", "stays float32"}};
    svg.key(50, 14, types);
    Table table{"",
                "",
                {"layer", "type", "float32 range", "int8 range", "SQNR dB", "saturated %",
                 "weights' SQNR dB", "stays float32 because"},
                {}};
    double left = 50;
    for (const Json& layer : layers_) {
      const Json &sqnr = layer["sqnr_db"], *const weights = layer.find("weights");
      const Json* const of_weights = weights ? weights->find("sqnr_db") : nullptr;
      const std::string& name = layer["name"].as_string();
      const double top = is_finite(sqnr) ? y(sqnr.as_number()) : 30;
      svg.bar(left, top, 12, 180 - top, is_int8(layer) ? "int8" : "float32",
              text_of(name, ": ", decibels(sqnr), is_finite(sqnr) ? " dB" : ""));
      svg.upright(left + 10, 188, name);
      left += pitch;
      const Json* const reason = layer.find("float_because");
      table.rows.push_back({name, layer["type"].as_string(), range(layer["float_range"]),
                            is_int8(layer) ? range(layer["int8_range"]) : "-", decibels(sqnr),
                            is_int8(layer) ? percent_text(layer["saturated"], 4) : "-",
                            of_weights ? decibels(*of_weights) : "-",
                            reason ? reason->as_string() : ""});
    }
    page_.heading("Error, layer by layer");
    page_.paragraph(text_of(
        "SQNR, the signal-to-quantization-noise ratio: how much louder a layer's output is than "
        "the error that int8 has collected up to there; 6 dB are a bit. Measured on ",
        report_["quantization"]["images"].as_integer(), " calibration images."));
    page_.beside({svg.finish()}, table);
  }

  void calibration() {
    const Array& points = report_["quantization"]["curve"].as_array();
    if (points.empty()) return;
    Svg svg(480, 232, "how far the ranges were from the final ones");
    const page::LogAxis x{1, (std::max)(2.0, points.back()["images"].as_number()), 60, 440};
    const LinearAxis y{0, 1, 180, 30};
    const std::pair<std::string_view, std::string_view> lines[] = {
        {"float32", "mean of all layers"}, {"int8", "largest"}};
    svg.key(60, 14, lines);
    svg.text(250, 216, "calibration images", "middle", "unit");
    for (const double value : {0.0, 0.5, 1.0}) {
      svg.line(50, y(value), 440, y(value), "grid");
      svg.text(44, y(value) + 4, page::fixed(100 * value, 0) + " %", "end");
    }
    std::vector<std::pair<double, double>> mean, largest;
    Table table{
        "", "", {"images", "mean change %", "largest change %", "of", "cut off %", "of"}, {}};
    for (const Json& point : points) {
      const double images = point["images"].as_number();
      mean.emplace_back(x(images), y(point["mean_change"].as_number()));
      largest.emplace_back(x(images), y(point["largest_change"].as_number()));
      svg.text(x(images), 196, point["images"].text(), "middle");
      table.rows.push_back({point["images"].text(), percent_text(point["mean_change"]),
                            percent_text(point["largest_change"]),
                            point["most_changed"].as_string(), percent_text(point["largest_cut"]),
                            point["most_cut"].as_string()});
    }
    svg.path(mean, "curve float32");
    svg.path(largest, "curve int8");
    page_.heading("Calibration");
    page_.paragraph(text_of(
        "How far the ranges were from the final ones after so many images, as a share of their "
        "extent. Ranges may go on moving for the sake of rare values; what costs accuracy is how "
        "much of an activation they cut off. Verdict: ",
        report_["quantization"]["verdict"].as_string(), "."));
    page_.beside({svg.finish()}, table);
  }

  /// Room for the longest name, read upwards.
  static double name_height(const Array& named) {
    std::size_t longest = 0;
    for (const Json& each : named) longest = (std::max)(longest, each["name"].as_string().size());
    return 6.5 * static_cast<double>(longest);
  }

  static std::vector<double> heights(const Array& counts, double top, double bottom) {
    double most = 1;
    for (const Json& count : counts) most = (std::max)(most, count.as_number());
    const LinearAxis y{0, std::log1p(most), bottom, top};
    std::vector<double> tops;
    for (const Json& count : counts) tops.push_back(y(std::log1p(count.as_number())));
    return tops;
  }
  static std::vector<double> edges(std::size_t parts, double from, double to) {
    std::vector<double> result;
    for (std::size_t i = 0; i <= parts; ++i)
      result.push_back(from + (to - from) * static_cast<double>(i) / static_cast<double>(parts));
    return result;
  }
  /// Grid lines of int8 steps below bars; every 16th is longer.
  template <class Axis>
  static void draw_steps(Svg& svg, const Axis& x, double low, double step, int steps) {
    std::vector<double> each, sixteenth;
    for (int k = 0; k < steps; ++k) (k % 16 ? each : sixteenth).push_back(x(low + k * step));
    svg.ticks(each, 121, 127, "steps");
    svg.ticks(sixteenth, 121, 133, "steps");
  }

  static std::string activation_plot(const Json& layer) {
    const Json& histogram = layer["activations"];
    const Array& counts = histogram["counts"].as_array();
    const double low = histogram["range"].as_array()[0].as_number();
    const double high = histogram["range"].as_array()[1].as_number();
    Svg svg(620, 152, "histogram of the outputs of " + layer["name"].as_string());
    const LinearAxis x{low, high, 10, 610};
    svg.bars(edges(counts.size(), 10, 610), heights(counts, 6, 120), 120, "float32");
    svg.line(10, 120, 610, 120, "one");
    if (is_int8(layer))
      draw_steps(svg, x, layer["int8_range"].as_array()[0].as_number(), layer["scale"].as_number(),
                 256);
    svg.text(10, 148, significant(low));
    svg.text(610, 148, significant(high), "end");
    if (low < 0 && high > 0) {
      svg.line(x(0), 6, x(0), 120, "grid");
      svg.text(x(0), 148, "0", "middle");
    }
    return svg.finish();
  }
  static std::string weight_plot(const Json& layer) {
    const Array& codes = layer["weights"]["codes"].as_array();
    Svg svg(620, 152, "histogram of the int8 weights of " + layer["name"].as_string());
    const LinearAxis x{-127.5, 127.5, 10, 610};
    svg.bars(edges(codes.size(), 10, 610), heights(codes, 6, 120), 120, "int8");
    svg.line(10, 120, 610, 120, "one");
    draw_steps(svg, x, -127, 1, 255);
    for (const int code : {-127, 0, 127}) svg.text(x(code), 148, std::to_string(code), "middle");
    return svg.finish();
  }
  void layer(const Json& layer) {
    const std::string& name = layer["name"].as_string();
    Table table;
    const auto add = [&](const char* what, std::string value) {
      table.rows.push_back({what, std::move(value)});
    };
    add("kernel", layer["kernel"].as_string());
    add("float32 range", range(layer["float_range"]));
    std::string summary = name + ": " + layer["type"].as_string();
    if (is_int8(layer)) {
      add("int8 range", range(layer["int8_range"]));
      add("a step", significant(layer["scale"].as_number()));
      add("zero point", layer["zero_point"].text());
      add("saturated %", percent_text(layer["saturated"], 4));
      summary += text_of(", SQNR ", decibels(layer["sqnr_db"]), " dB, saturated ",
                         percent_text(layer["saturated"], 4), " %");
    } else {
      add("float32 because", layer["float_because"].as_string());
    }
    add("SQNR dB", decibels(layer["sqnr_db"]));
    std::vector<std::string> drawings = {activation_plot(layer)};
    if (const Json* const weights = layer.find("weights")) {
      add("weights", range((*weights)["range"]));
      if (weights->find("codes")) {
        add("a step of weights", range((*weights)["scale"]) + ", by channel");
        add("int8 weights in use", (*weights)["codes_in_use"].text() + " of 255");
        add("SQNR of weights, dB", decibels((*weights)["sqnr_db"]));
        drawings.push_back(weight_plot(layer));
      }
    }
    page_.open(summary);
    page_.beside(drawings, table);
    page_.close();
  }

  const AnyJson& report_;
  const Array &forms_, &layers_, &operations_;
  page::BasicPage<AnyJson> page_;
};

/// The page for a report as JSON: one HTML file without any link, readable in light and in dark.
template <std::same_as<Json> AnyJson>
std::string report_page(const AnyJson& report) {
  return ReportPage<AnyJson>(report).run();
}

/// Where write_report(report, "report.html") puts the JSON: report.json. Fails unless the path ends
/// in .html.
template <class = WhenUsed>
std::string json_path_of_report(const std::string& path) {
  constexpr std::string_view ending = ".html";
  if (path.size() <= ending.size() || !path.ends_with(ending))
    fail("report: expected a path that ends in .html, got \"", path, '"');
  return path.substr(0, path.size() - ending.size()) + ".json";
}

/// Fails with a sentence unless write_report() can write there: to be called before the work whose
/// results are reported.
template <class = WhenUsed>
void check_report_path(const std::string& path) {
  const std::string json_path = json_path_of_report(path);
  check_writable(path);
  check_writable(json_path);
}

/// Writes the page, and beside it the same numbers as JSON: report.html and report.json.
template <std::same_as<NetworkReport> Report>
void write_report(const Report& report, const std::string& path) {
  check_report_path(path);
  const Json json = report_json(report);
  write_file(path, report_page(json));
  write_file(json_path_of_report(path), json.text() + "\n");
}

}  // namespace octet::inline OCTET_ABI
