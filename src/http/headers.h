// Header fields and the small grammar that server and client share (RFC 9110, RFC 9112).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::http {

// Compares as ASCII without case.
bool iequals(std::string_view a, std::string_view b);
// Does a comma-separated list have this token (without case)?
bool has_token(std::string_view list, std::string_view token);
// Without spaces and tabs at the ends.
std::string_view trim(std::string_view text);

// Views into a received head; valid as long as what they were parsed from.
struct HeaderView {
  std::string_view name;
  std::string_view value;
};

// The first field of that name; none when there is none.
std::optional<std::string_view> find_header(const std::vector<HeaderView>& headers,
                                            std::string_view name);

// The values of all fields of that name, joined by commas as RFC 9110 5.3 has it; empty when there
// is none.
std::string joined_header(const std::vector<HeaderView>& headers, std::string_view name);

// Fields to be sent or kept. Names and values must be of the grammar: is_token, is_field_value.
class HeaderList {
 public:
  using Field = std::pair<std::string, std::string>;

  HeaderList() = default;
  HeaderList(std::initializer_list<Field> fields) : fields_(fields) {}

  void add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  void set(std::string_view name, std::string value);
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  [[nodiscard]] const std::vector<Field>& fields() const { return fields_; }
  [[nodiscard]] bool empty() const { return fields_.empty(); }

 private:
  std::vector<Field> fields_;
};

bool is_token(std::string_view text);        // RFC 9110 5.6.2
bool is_field_value(std::string_view text);  // no control characters but tab

enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kDelete, kOptions, kPatch, kOther };
std::string_view to_string(Method method);

// "OK", "Not Found", ...; empty for a status without a name.
std::string_view reason_phrase(int status);

}  // namespace sluice::http
