// Where values of a configuration are written to, whatever the form.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

// Takes a value piece by piece. Keys stand between begin_map and end_map, each before its value.
class Writer {
 public:
  virtual ~Writer() = default;
  virtual void null() = 0;
  // true, false, numbers: what needs no quotes.
  virtual void plain(std::string_view text) = 0;
  // A number with its unit: a text in JSON, without quotes in YAML.
  virtual void quantity(std::string_view text) = 0;
  virtual void text(std::string_view text) = 0;
  virtual void hidden() = 0;
  virtual void begin_list() = 0;
  virtual void end_list() = 0;
  virtual void begin_map() = 0;
  virtual void key(std::string_view name) = 0;
  virtual void end_map() = 0;
};

// What stands for a secret.
inline constexpr std::string_view kHidden = "<hidden>";

// Block-style YAML that parse() reads back, except for the secrets.
class YamlWriter final : public Writer {
 public:
  void null() override { scalar("null"); }
  void plain(std::string_view text) override { scalar(text); }
  void quantity(std::string_view text) override { scalar(text); }
  void text(std::string_view text) override;
  void hidden() override { scalar(kHidden); }
  void begin_list() override { open(true); }
  void end_list() override { close(); }
  void begin_map() override { open(false); }
  void key(std::string_view name) override;
  void end_map() override { close(); }

  [[nodiscard]] std::string take() &&;

 private:
  struct Level {
    bool list;
    bool empty = true;
  };

  void open(bool list);
  void close();
  // Where the next value begins: on the line of its key, or on a line of its own after a dash.
  void item();
  void scalar(std::string_view text);
  void indent();

  std::string out_;
  std::vector<Level> levels_;
  bool after_dash_ = false;
};

// JSON, on one line or indented.
class JsonWriter final : public Writer {
 public:
  explicit JsonWriter(bool indented) : indented_(indented) {}

  void null() override { value("null"); }
  void plain(std::string_view text) override { value(text); }
  void quantity(std::string_view value) override { text(value); }
  void text(std::string_view text) override;
  void hidden() override { text(kHidden); }
  void begin_list() override { open('['); }
  void end_list() override { close(']'); }
  void begin_map() override { open('{'); }
  void key(std::string_view name) override;
  void end_map() override { close('}'); }

  // For the schema, which is written by hand.
  void field(std::string_view name, std::string_view value_text) {
    key(name);
    text(value_text);
  }

  [[nodiscard]] std::string take() && { return std::move(out_); }

 private:
  void value(std::string_view text);
  void open(char bracket);
  void close(char bracket);
  void before();
  void line();

  std::string out_;
  bool indented_;
  bool after_key_ = false;
  std::vector<bool> empty_;
};

}  // namespace sluice::config
