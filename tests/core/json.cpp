#include "octet/core/json.hpp"

#include <doctest/doctest.h>
#include <limits>

#include "octet/core/random.hpp"

using octet::Error;
using octet::Json;

TEST_CASE("json: values go to text and back") {
  Json json = Json::object();
  json.set("flag", true).set("none", nullptr).set("integer", -42).set("real", 0.1);
  json.set("text", "a \"b\" \\ \n \x01 \xC3\xA9").set("empty", Json::array());
  json.set("list", Json(Json::Array{1, "two", Json::object().set("k", 2.5)}));
  const std::string text = json.text();
  const Json again = Json::parse(text);
  CHECK(again.text() == text);
  CHECK(again["flag"].as_bool());
  CHECK(again["none"].is_null());
  CHECK(again["integer"].as_integer() == -42);
  CHECK(again["real"].as_number() == 0.1);
  CHECK(again["text"].as_string() == "a \"b\" \\ \n \x01 \xC3\xA9");
  CHECK(again["list"].as_array().size() == 3);
  CHECK(again["list"].as_array()[2]["k"].as_number() == 2.5);
  CHECK(again.find("missing") == nullptr);
}

TEST_CASE("json: set replaces, members keep their order") {
  Json json = Json::object();
  json.set("b", 1).set("a", 2).set("b", 3);
  CHECK(json.text() == "{\"b\":3,\"a\":2}");
}

TEST_CASE("json: numbers read back exactly") {
  const octet::Random random(3);
  for (std::uint64_t i = 0; i < 10000; ++i) {
    const std::uint64_t bits = std::uint64_t{random.bits(2 * i)} << 32 | random.bits(2 * i + 1);
    const double value = std::bit_cast<double>(bits);
    if (!std::isfinite(value)) continue;
    REQUIRE(Json::parse(Json(value).text()).as_number() == value);
    const auto integer = static_cast<std::int64_t>(bits);
    REQUIRE(Json::parse(Json(integer).text()).as_integer() == integer);
  }
  CHECK(Json(std::numeric_limits<double>::infinity()).text() == "null");
  CHECK(Json::parse("1e2").as_number() == 100);
  CHECK(Json::parse("-0.5").as_number() == -0.5);
  CHECK(Json::parse(" [ 1 , 2 ] ").as_array().size() == 2);
}

TEST_CASE("json: escapes") {
  CHECK(Json::parse(R"("\u0041\u00e9\u20AC\ud83d\ude00\t\/")").as_string() ==
        "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\t/");
}

TEST_CASE("json: every error says what was expected, and where") {
  const auto message = [](const char* text) -> std::string {
    try {
      return Json::parse(text).text();
    } catch (const Error& error) {
      return error.what();
    }
  };
  CHECK(message("") == "JSON: expected a value at byte 0");
  CHECK(message("{\"a\" 1}") == "JSON: expected ':' at byte 5");
  CHECK(message("{\"a\":1,}") == "JSON: expected a string at byte 7");
  CHECK(message("{\"a\":1 \"b\"") == "JSON: expected ',' or '}' at byte 7");
  CHECK(message("[1 2]") == "JSON: expected ',' or ']' at byte 3");
  CHECK(message("{\"a\":1,\"b\":2,\"a\":3}") ==
        "JSON: expected no name twice in the object that ends at byte 19");
  CHECK(message("\"a\nb\"") == "JSON: expected a printable character at byte 2");
  CHECK(message("\"abc") == "JSON: expected a closing quote at byte 4");
  CHECK(message("\"\\x\"") == "JSON: expected a known escape at byte 3");
  CHECK(message("\"\\u12g4\"") == "JSON: expected four hexadecimal digits at byte 3");
  CHECK(message("\"\\ud800\"") == "JSON: expected the second half of a surrogate pair at byte 7");
  CHECK(message("\"\\udc00\"") == "JSON: expected the first half of a surrogate pair at byte 7");
  CHECK(message("1 2") == "JSON: expected the end at byte 2");
  for (const char* const wrong : {"nul", "-", "-inf", "-nan", "NaN", "+1", ".5", "1.", "1.e5", "01",
                                  "-01", "1e999", "0x10", "'a'", "[,1]", "[1,]", "{1:2}", "tru e"})
    CHECK_THROWS_AS(Json::parse(wrong), Error);
  CHECK_THROWS_WITH_AS(Json::parse("[", "model.json"), "model.json: expected a value at byte 1",
                       Error);
}

TEST_CASE("json: depth is limited, so that no text exhausts the stack") {
  CHECK_THROWS_AS(Json::parse(std::string(100000, '[')), Error);
  CHECK(Json::parse(std::string(60, '[') + std::string(60, ']')).is_array());
}

TEST_CASE("json: a value asked for as another type says so") {
  CHECK_THROWS_WITH_AS(Json::parse("1").as_string(), "JSON: expected a string, got an integer",
                       Error);
  CHECK_THROWS_WITH_AS(Json::parse("1.5").as_integer(), "JSON: expected an integer, got a number",
                       Error);
  CHECK_THROWS_WITH_AS(Json::parse("{}")["a"],
                       "JSON: expected a member \"a\", got an object without it", Error);
}

TEST_CASE("json: a changed or cut text parses or is refused, never more") {
  const std::string text =
      R"({"a":[1,-2.5e3,true,null],"b":{"c":"\u20ac\n","d":[]},"e":"x","f":1e-7})";
  int refused = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto parse = [&refused](const std::string& changed) {
      try {
        const Json json = Json::parse(changed);
        CHECK(Json::parse(json.text()).text() == json.text());
      } catch (const Error&) {
        ++refused;
      }
    };
    parse(text.substr(0, i));
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = text;
      changed[i] = static_cast<char>(byte);
      parse(changed);
    }
  }
  CHECK(refused > 1000);
}

TEST_CASE("json: a text of very many values is refused before they fill the memory") {
  const auto array_of = [](std::size_t count) {
    std::string text = "[0";
    for (std::size_t i = 1; i < count; ++i) text += ",0";
    return text + "]";
  };
  // The array is a value, too.
  const std::size_t most = (std::size_t{1} << 20) - 1;
  CHECK(Json::parse(array_of(most)).as_array().size() == most);
  CHECK_THROWS_AS(Json::parse(array_of(most + 1)), Error);
}
